/** pylock.toml (PEP 751), installed by uv. */

import { exactly, pylockPackages } from "../resolve.ts";
import { type EnvironmentFormat, pythonsIn } from "../format.ts";

export const PYLOCK: EnvironmentFormat = {
  name: "pylock.toml",
  files: /^pylock(?:\.[^.]+)?\.toml$/,
  isLock: true,
  has: ["extras", "groups"],
  goesWith: ["pyproject.toml"],
  pythons: pythonsIn,
  pinned: pylockPackages,
  contents: exactly,
};
