/** The positional argument that names an experiment. */

import type { Positionals } from "../cli/options.ts";

/** The positional argument of the tasks that run an experiment's steps. */
export const EXPERIMENT: Positionals = {
  usage: "[EXPERIMENT]",
  help: "name of a folder in experiments/, or a path; experiment.yaml without it",
  most: 1,
};
