/** The authors' own run, which the statement takes its hardware and its verdict from. */

import { dirname, join, relative } from "node:path";
import type { Experiment } from "../experiment/experiment.ts";
import { type Evidence, evidencePath, readEvidence } from "../record/evidence.ts";
import { listRuns, runsRoot } from "../record/run_folder.ts";
import { readVerdict } from "../record/verdict.ts";
import { exists, sha256File } from "../system/files.ts";
import { holds } from "../verdict/verify.ts";

export interface AuthorsRun {
  /** Folder of the run, relative to the project if it is in it. */
  folder: string;
  evidence: Evidence;
  /** How many claims held of how many; absent without a verdict on this very evidence. */
  claims?: { held: number; of: number };
}

/** The run in `published/`, else the newest whole reproduction on this machine; `undefined` if there is neither. */
export async function findAuthorsRun(experiment: Experiment): Promise<AuthorsRun | undefined> {
  const { file, root, name } = experiment;
  const published = join(dirname(file), "published");
  if (await exists(evidencePath(published))) {
    return await describe(root, published, await readEvidence(published));
  }
  for await (const { directory, evidence } of listRuns(runsRoot(root), name)) {
    if (isWhole(evidence)) return await describe(root, directory, evidence);
  }
}

/** All steps as the authors declare them, to the end. */
function isWhole({ task, status, changed }: Evidence): boolean {
  return task === "reproduce" && status === "done" && changed.length === 0;
}

async function describe(root: string, directory: string, evidence: Evidence): Promise<AuthorsRun> {
  const path = relative(root, directory);
  return {
    folder: path.startsWith("..") ? directory : path,
    evidence,
    claims: await countClaims(directory),
  };
}

async function countClaims(directory: string): Promise<AuthorsRun["claims"]> {
  const verdict = await readVerdict(directory);
  if (verdict === undefined) return undefined;
  const { checks, evidenceSha256 } = verdict;
  if (evidenceSha256 !== await sha256File(evidencePath(directory))) return undefined;
  return { held: checks.filter((check) => holds([check])).length, of: checks.length };
}
