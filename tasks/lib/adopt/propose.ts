/** What is proposed for a repository. Reads only, and starts nothing but the parser of Python's sources. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { parseExperiment } from "../experiment/parse.ts";
import { compose, type Proposal } from "./compose.ts";
import { type Draft, emptyDraft } from "./draft.ts";
import { experimentText } from "./experiment_text.ts";
import { KINDS, KINDS_BESIDE_A_RUN } from "./kinds/index.ts";
import { Repository } from "./repository.ts";

export interface Proposed {
  proposal: Proposal;
  /** experiment.yaml; undefined if no step was found. */
  text?: string;
  repository: Repository;
}

/**
 * Looks at a repository by all kinds of sources.
 *
 * @param root absolute path
 * @param from file of the repository that the steps are to come from
 * @param seen what a recorded run has shown, which goes before all
 * @throws Failure(2) if nothing of the kind is in that file
 */
export async function propose(root: string, from?: string, seen?: Draft): Promise<Proposed> {
  const repository = Repository.open(root);
  const draft = seen ?? emptyDraft();
  for (const kind of seen === undefined ? KINDS : KINDS_BESIDE_A_RUN) {
    try {
      await kind.look(repository, draft);
    } catch (error) {
      if (error instanceof Failure) throw error;
      draft.notes.push(`${kind.name} was skipped: it ${(error as Error).message.split("\n")[0]}`);
    }
  }
  const proposal = await compose(repository, draft, from);
  if (from !== undefined && proposal.steps.length === 0) {
    throw new Failure(2, `Cannot find a step in ${from}`, {
      remedy: "Name a notebook with stored outputs, dvc.yaml or a README with commands",
    });
  }
  const text = proposal.steps.length === 0 ? undefined : checked(proposal, root);
  return { proposal, repository, ...(proposal.steps.length > 0 && { text }) };
}

/** The text, of which each step and claim is one that experiment.yaml may hold. */
function checked(proposal: Proposal, root: string): string {
  const problemOf = (one: Proposal): string | undefined => {
    try {
      parseExperiment(experimentText(one), join(root, "experiment.yaml"), root);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return error.details.problems?.[0]?.message ?? error.message;
    }
  };
  if (problemOf(proposal) === undefined) return experimentText(proposal);
  // One by one: what can't stand is a comment with its reason, and the rest stands.
  const bare = { ...proposal, claims: [], otherClaims: [], otherSteps: [] };
  for (const step of [...proposal.steps]) {
    const problem = problemOf({ ...bare, steps: [{ ...step, value: { ...step.value, needs: [] } }] });
    if (problem === undefined) continue;
    proposal.steps = proposal.steps.filter((one) => one !== step);
    proposal.otherSteps.push({ ...step, value: { ...step.value, doubt: problem } });
    for (const { value } of proposal.steps) {
      value.needs = value.needs.filter((need) => need !== step.value.name);
    }
  }
  const isOfStep = ({ value }: Proposal["claims"][number]) =>
    proposal.steps.some((step) => step.value.name === value.from.split(/[/~]/)[0]);
  proposal.claims = proposal.claims.filter((claim) => {
    const problem = isOfStep(claim)
      ? problemOf({ ...bare, steps: proposal.steps, claims: [claim] })
      : "its step is not proposed";
    if (problem !== undefined) {
      proposal.otherClaims.push({ ...claim, value: { ...claim.value, doubt: problem } });
    }
    return problem === undefined;
  });
  return experimentText(proposal);
}
