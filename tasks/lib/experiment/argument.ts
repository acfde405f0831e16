/** The positional argument that names an experiment. */

import type { Positionals } from "../cli/options.ts";

/** The positional argument of the tasks that run an experiment's steps. */
export const EXPERIMENT: Positionals = {
  usage: "[EXPERIMENT]",
  help: "name of a folder in experiments/, or a path; experiment.yaml without it",
  most: 1,
};

/** As `EXPERIMENT`, for a task that takes an experiment of others, too. */
export const EXPERIMENT_OR_IDENTIFIER: Positionals = {
  usage: "[EXPERIMENT | IDENTIFIER [EXPERIMENT]]",
  help: `${EXPERIMENT.help}; or an address of git with @COMMIT, a DOI, or the zip of an RO-Crate`,
  most: 2,
};

/** Whether an argument names an experiment of others, and none of this project. */
export function isIdentifier(text: string | undefined): text is string {
  return text !== undefined &&
    /^(?:[a-z][a-z0-9+.-]*:|10\.\d{4,9}\/|[\w.-]+@[\w.-]+:)|\.zip$/i.test(text);
}
