/** All kinds of sources, in the order in which they are looked at: what a later one finds goes behind. */

import type { Kind } from "../kind.ts";
import { CALKIT } from "./calkit.ts";
import { COG } from "./cog.ts";
import { DVC } from "./dvc.ts";
import { ENVIRONMENT_FILES } from "./environment_files.ts";
import { HYDRA } from "./hydra.ts";
import { IMAGES } from "./images.ts";
import { IMPORTS } from "./imports.ts";
import { LAST_CHANGE } from "./last_change.ts";
import { MAKEFILE } from "./makefile.ts";
import { MLPROJECT } from "./mlproject.ts";
import { NOTEBOOKS } from "./notebooks.ts";
import { PROJECT_NAMES } from "./project_names.ts";
import { README_CLAIMS } from "./readme_claims.ts";
import { README_COMMANDS } from "./readme_commands.ts";
import { README_INSTALL } from "./readme_install.ts";
import { SCRIPTS } from "./scripts.ts";
import { SNAKEMAKE } from "./snakemake.ts";

export const KINDS: readonly Kind[] = [
  PROJECT_NAMES,
  ENVIRONMENT_FILES,
  README_INSTALL,
  LAST_CHANGE,
  MLPROJECT,
  COG,
  CALKIT,
  IMPORTS,
  IMAGES,
  DVC,
  SNAKEMAKE,
  MAKEFILE,
  README_COMMANDS,
  NOTEBOOKS,
  SCRIPTS,
  HYDRA,
  README_CLAIMS,
];

/** What a recorded run says nothing of. */
export const KINDS_BESIDE_A_RUN: readonly Kind[] = [PROJECT_NAMES, ENVIRONMENT_FILES, IMPORTS, IMAGES];
