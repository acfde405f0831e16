/** All kinds of sources, in the order in which they are looked at: what a later one finds goes behind. */

import type { Kind } from "../kind.ts";
import { DVC } from "./dvc.ts";
import { ENVIRONMENT_FILES } from "./environment_files.ts";
import { IMPORTS } from "./imports.ts";
import { NOTEBOOKS } from "./notebooks.ts";
import { README_COMMANDS } from "./readme_commands.ts";
import { README_INSTALL } from "./readme_install.ts";
import { SCRIPTS } from "./scripts.ts";

export const KINDS: readonly Kind[] = [
  ENVIRONMENT_FILES,
  README_INSTALL,
  IMPORTS,
  DVC,
  README_COMMANDS,
  NOTEBOOKS,
  SCRIPTS,
];
