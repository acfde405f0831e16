/** pyproject.toml without a lock: dependencies, extras (PEP 621) and groups (PEP 735), resolved by uv. */

import { type EnvironmentFormat, pythonsIn } from "../format.ts";
import { resolved } from "../resolve.ts";

export const PYPROJECT: EnvironmentFormat = {
  name: "pyproject.toml",
  files: /^pyproject\.toml$/,
  isLock: false,
  has: ["extras", "groups", "as_of"],
  canLock: true,
  lockedBy: ["uv.lock", "poetry.lock", "pylock.toml"],
  goesWith: ["setup.py", "setup.cfg"],
  holds: (text) => /^\[(?:project|dependency-groups|tool\.poetry)[\].]/m.test(text),
  pythons: pythonsIn,
  contents: resolved,
};
