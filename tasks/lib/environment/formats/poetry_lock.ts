/** poetry.lock, read by Poetry itself with its export plugin. */

import { dirname } from "node:path";
import { Failure } from "../../cli/failure.ts";
import { ofPinned, parseExported } from "../exported.ts";
import { type ContentsRequest, type EnvironmentFormat, pythonsIn } from "../format.ts";
import { type OwnProgram, requireProgram } from "../own_program.ts";
import { Tool } from "../tool.ts";

const PROGRAM: OwnProgram = {
  names: ["poetry"],
  remedy: "Install both: uv tool install poetry --with poetry-plugin-export, or: " +
    "pipx install poetry && pipx inject poetry poetry-plugin-export",
};

export const POETRY_LOCK: EnvironmentFormat = {
  name: "poetry.lock",
  files: /^poetry\.lock$/,
  isLock: true,
  has: ["extras", "groups"],
  program: PROGRAM,
  goesWith: ["pyproject.toml", "setup.py", "setup.cfg"],
  pythons: pythonsIn,
  pinned,
  contents: async (request) => await ofPinned(request, await pinned(request)),
};

async function pinned(request: ContentsRequest) {
  const { files: [file], place, extras = [], groups = [] } = request;
  const { path: poetry } = requireProgram(PROGRAM, "read poetry.lock");
  const tool = Tool.other("poetry", place, { POETRY_VIRTUALENVS_CREATE: "false" });
  const { code, output } = await tool.try([poetry, "self", "show", "plugins", "--no-ansi"]);
  if (code !== 0 || !output.includes("poetry-plugin-export")) {
    throw without("Poetry's export plugin is missing");
  }
  const text = await tool.printed([
    ...[poetry, "export", "--directory", dirname(file!), "--no-interaction", "--no-ansi"],
    ...["--format", "requirements.txt"],
    ...groups.flatMap((name) => ["--with", name]),
    ...extras.flatMap((name) => ["--extras", name]),
  ], "poetry.lock");
  return parseExported(file!, text, "poetry export");
}

function without(what: string): Failure {
  return new Failure(3, `Cannot read poetry.lock: ${what}`, {
    remedy: PROGRAM.remedy,
  });
}
