/** The experiment that a plan was made from. */

import type { Claim, Experiment } from "../experiment/experiment.ts";
import { parseExperiment } from "../experiment/parse.ts";
import { claimOf, type PlainClaim } from "../experiment/plain_claim.ts";
import { isAllCells } from "../sources/cells.ts";
import type { Plan } from "./plan.ts";

/** Values that were read from files of the authors' are those that the plan has: the files may be others by now. */
export function recordedExperiment(
  { experiment: { text, file, root, claims: recorded = [] } }: Plan,
): Experiment {
  const experiment = parseExperiment(text, file, root);
  const rest = [...recorded];
  return { ...experiment, claims: experiment.claims.flatMap((claim) => claimsFrom(claim, rest)) };
}

/** Takes what belongs to a claim off the front of the recorded ones. */
function claimsFrom(claim: Claim, rest: PlainClaim[]): Claim[] {
  if (claim.published === undefined) {
    rest.shift();
    return [claim];
  }
  const count = isAllCells(claim.from)
    ? rest.findIndex(({ name }) => !name.startsWith(`${claim.name}, cell `))
    : 1;
  return rest.splice(0, count < 0 ? rest.length : count).map(claimOf);
}
