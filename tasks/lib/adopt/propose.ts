/** What is proposed for a repository. Reads only, and starts nothing but the parser of Python's sources. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { parseExperiment } from "../experiment/parse.ts";
import { compose, type Proposal } from "./compose.ts";
import { emptyDraft } from "./draft.ts";
import { experimentText } from "./experiment_text.ts";
import { KINDS } from "./kinds/index.ts";
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
 * @throws Failure(2) if nothing of the kind is in that file
 */
export async function propose(root: string, from?: string): Promise<Proposed> {
  const repository = Repository.open(root);
  const draft = emptyDraft();
  for (const kind of KINDS) {
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
  if (proposal.steps.length === 0) return { proposal, repository };
  return { proposal, repository, text: checked(proposal, root) };
}

/** The text, of which each claim is one that experiment.yaml may hold. */
function checked(proposal: Proposal, root: string): string {
  const parse = (one: Proposal) => parseExperiment(experimentText(one), join(root, "experiment.yaml"), root);
  try {
    parse(proposal);
  } catch {
    // One by one: a claim that can't stand is left out with its reason, and the rest stands.
    const without = { ...proposal, claims: [], otherClaims: [] };
    parse(without);
    proposal.claims = proposal.claims.filter((claim) => {
      try {
        parse({ ...without, claims: [claim] });
        return true;
      } catch (error) {
        const reason = (error as Failure).details?.problems?.[0]?.message ?? (error as Error).message;
        proposal.notes.push(`no claim of "${claim.value.name}" (${claim.found}): ${reason}`);
        return false;
      }
    });
  }
  return experimentText(proposal);
}
