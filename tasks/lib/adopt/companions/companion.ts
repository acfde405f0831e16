/** What goes with an experiment.yaml. */

import { release } from "../../system/product.ts";
import type { Proposal } from "../compose.ts";
import type { Change } from "../changes.ts";
import type { Repository } from "../repository.ts";

export interface Companion {
  changes: Change[];
  /** What was left alone, and why. */
  notes: string[];
}

export interface CompanionRequest {
  repository: Repository;
  proposal: Proposal;
  /** A workflow and a badge are asked for. */
  ci: boolean;
}

/** The name of the package that holds the tasks. */
export const PACKAGE = "gpu-jupyter-tasks";

/** Its version: the one that is running. */
export const VERSION: string = release().version;

/** How the package is called where only Python is at hand. */
export const CALL = `uvx ${PACKAGE}@${VERSION}`;
