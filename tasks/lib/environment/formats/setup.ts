/** setup.py and setup.cfg: what they require, resolved by uv. */

import type { EnvironmentFormat } from "../format.ts";
import { resolved } from "../resolve.ts";

export const SETUP: EnvironmentFormat = {
  name: "setup.py",
  files: /^setup\.(?:py|cfg)$/,
  isLock: false,
  has: ["extras", "as_of"],
  canLock: true,
  goesWith: ["setup.py", "setup.cfg"],
  // A setup.cfg is often only the settings of tools.
  holds: (text) => /^\[options\]|\bsetup\s*\(/m.test(text),
  contents: resolved,
};
