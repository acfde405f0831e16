/** uv.lock, read by uv itself (uv export). */

import { dirname } from "node:path";
import { ofPinned, parseExported } from "../exported.ts";
import { type ContentsRequest, type EnvironmentFormat, pythonsIn } from "../format.ts";
import { requireUv } from "../resolve.ts";
import { Tool } from "../tool.ts";

export const UV_LOCK: EnvironmentFormat = {
  name: "uv.lock",
  files: /^uv\.lock$/,
  isLock: true,
  has: ["extras", "groups"],
  goesWith: ["pyproject.toml", "setup.py", "setup.cfg"],
  pythons: pythonsIn,
  pinned,
  contents: async (request) => await ofPinned(request, await pinned(request)),
};

async function pinned(request: ContentsRequest) {
  const { files: [file], place, extras = [], groups = [] } = request;
  const uv = await requireUv(request, "uv.lock");
  const tool = await Tool.uv(uv, place, 0);
  const text = await tool.printed([
    ...[uv.path, "export", "--directory", dirname(file!), "--python", place.python.path],
    // What is installed of the project itself, `install` says; groups for development are not asked for.
    ...["--frozen", "--no-emit-project", "--no-default-groups", "--no-header", "--no-annotate"],
    ...["--format", "requirements-txt"],
    ...extras.flatMap((name) => ["--extra", name]),
    ...groups.flatMap((name) => ["--group", name]),
  ], "uv.lock");
  return parseExported(file!, text, `uv ${uv.version}`);
}
