/** What became of runs whose runner was killed. */

import { join } from "node:path";
import { endProcesses } from "../system/processes.ts";
import { type Evidence, readEvidence, writeEvidence } from "./evidence.ts";
import { type FoundRun, runIds, runMark } from "./run_folder.ts";
import { acquireRun, isRunLocked, wasRunLeft } from "./run_lock.ts";

/**
 * Looks after runs whose runner was killed: ends what they left running and records them as interrupted.
 *
 * @param ids the runs that may be such ones; all of the experiment without it
 * @returns the runs that were found so.
 */
export async function recoverRuns(
  runs: string,
  experiment: string,
  ids?: readonly string[],
): Promise<FoundRun[]> {
  const recovered: FoundRun[] = [];
  for (const id of ids ?? await runIds(runs, experiment)) {
    const directory = join(runs, experiment, id);
    if (!wasRunLeft(directory)) continue;
    using lock = await acquireRun(directory).catch(() => undefined);
    if (lock === undefined) continue; // somebody is at it
    const evidence = await readEvidence(directory).catch(() => undefined);
    if (evidence?.status !== "planned" && evidence?.status !== "running") continue;
    await endProcesses({ mark: runMark(id) });
    markInterrupted(evidence, "the runner was killed");
    await writeEvidence(directory, evidence);
    recovered.push({ id, directory, evidence });
  }
  return recovered;
}

/** The record as it is to be read: one that says "running" while nobody works in the folder was interrupted. */
export async function withInterruptedStatus(found: FoundRun): Promise<FoundRun> {
  const { status } = found.evidence;
  if ((status === "planned" || status === "running") && !await isRunLocked(found.directory)) {
    markInterrupted(found.evidence, "the runner was killed");
  }
  return found;
}

/** Records that a run, its last attempt and the step it was at were interrupted. */
export function markInterrupted(evidence: Evidence, because: string) {
  const ended = new Date().toISOString();
  evidence.status = "interrupted";
  evidence.ended = ended;
  const attempt = evidence.attempts.at(-1);
  if (attempt && attempt.ended === undefined) {
    Object.assign(attempt, { ended, status: "interrupted", because });
  }
  for (const step of Object.values(evidence.steps)) {
    if (step.status === "running") Object.assign(step, { status: "interrupted", ended });
  }
}
