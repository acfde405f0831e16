/** Pipfile without a lock: locked by pipenv, in a copy. */

import { basename, dirname, join } from "node:path";
import type { EnvironmentFormat } from "../format.ts";
import { type OwnProgram, requireProgram } from "../own_program.ts";
import { Tool } from "../tool.ts";
import { PIPFILE_LOCK } from "./pipfile_lock.ts";

const PROGRAM: OwnProgram = {
  names: ["pipenv"],
  remedy: "Install it: uv tool install pipenv, or: pipx install pipenv",
};

export const PIPFILE: EnvironmentFormat = {
  name: "Pipfile",
  files: /^Pipfile$/,
  isLock: false,
  has: ["groups"],
  program: PROGRAM,
  lockedBy: ["Pipfile.lock"],
  async contents(request) {
    const { files: [file], place } = request;
    const { path: pipenv } = requireProgram(PROGRAM, "lock Pipfile, which has no Pipfile.lock");
    const copy = join(place.scratch, basename(file!));
    await Deno.copyFile(file!, copy);
    const tool = Tool.other("pipenv", place, { PIPENV_PIPFILE: copy, PIPENV_YES: "1", PIPENV_NOSPIN: "1" });
    await tool.must([pipenv, "lock", "--python", place.python.path], "Pipfile");
    return await PIPFILE_LOCK.contents({ ...request, files: [join(dirname(copy), "Pipfile.lock")] });
  },
};
