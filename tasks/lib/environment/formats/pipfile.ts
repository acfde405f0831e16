/** Pipfile without a lock: locked by pipenv, in a copy. */

import { basename, dirname, join } from "node:path";
import { Failure } from "../../cli/failure.ts";
import { findOnPath } from "../../system/on_path.ts";
import type { EnvironmentFormat } from "../format.ts";
import { Tool } from "../tool.ts";
import { PIPFILE_LOCK } from "./pipfile_lock.ts";

export const PIPFILE: EnvironmentFormat = {
  name: "Pipfile",
  files: /^Pipfile$/,
  isLock: false,
  lockedBy: ["Pipfile.lock"],
  async contents(request) {
    const { files: [file], place } = request;
    const pipenv = findOnPath("pipenv");
    if (pipenv === undefined) {
      throw new Failure(3, "Cannot lock Pipfile, which has no Pipfile.lock: pipenv is not on PATH", {
        remedy: "Install it: uv tool install pipenv, or: pipx install pipenv",
      });
    }
    const copy = join(place.scratch, basename(file!));
    await Deno.copyFile(file!, copy);
    const tool = Tool.other("pipenv", place, { PIPENV_PIPFILE: copy, PIPENV_YES: "1", PIPENV_NOSPIN: "1" });
    await tool.must([pipenv, "lock", "--python", place.python.path], "Pipfile");
    return await PIPFILE_LOCK.contents({ ...request, files: [join(dirname(copy), "Pipfile.lock")] });
  },
};
