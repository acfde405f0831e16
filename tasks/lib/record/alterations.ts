/** What of a run folder is not as it was when the run ended: every recorded file is hashed, each once. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { exists, inParallel, sha256File } from "../system/files.ts";
import { ask, shares } from "../system/workers.ts";
import { Folder } from "../system/regular_file.ts";
import type { Share } from "./alteration_worker.ts";
import { type Evidence, evidencePath, findAlteration } from "./evidence.ts";
import {
  contradicts,
  readReceipt,
  RECEIPT,
  type RecordedFile,
  type Statement,
  unstatedOutputs,
} from "./receipt.ts";
import { readVerdict, verdictPath } from "./verdict.ts";

/** What was altered, e.g. `train/metrics.json: other bytes than recorded`; empty if nothing was. */
export async function findAlterations(directory: string, evidence: Evidence): Promise<string[]> {
  const { stated, problem } = await readStatement(directory);
  const unstated = unstatedOutputs(evidence, stated);
  const altered = await findAlteredFiles(directory, [...Object.entries(stated?.files ?? {}), ...unstated]);
  if (problem !== undefined) altered.push(problem);
  if (stated === undefined) return [...await findAlteredRecords(directory, evidence), ...altered];
  if (altered.length === 0 && (unstated.length > 0 || await contradicts(directory, evidence, stated))) {
    return [`${RECEIPT}: states something else than the records do`];
  }
  return altered;
}

/**
 * Tells whether something can't be read because it was altered.
 *
 * @returns the failure that says what was altered, or the error as it was
 */
export async function explainUnreadable(directory: string, error: unknown): Promise<unknown> {
  if (await exists(join(directory, "sweep.json"))) return error; // its receipt is not that of a run
  const { stated, problem } = await readStatement(directory);
  const altered = await findAlteredFiles(directory, Object.entries(stated?.files ?? {}));
  if (problem !== undefined) altered.push(problem);
  return altered.length === 0 ? error : new Failure(
    1,
    `Not to be trusted: ${directory} was altered since the run ended`,
    { problems: altered.map((message) => ({ message })) },
  );
}

async function readStatement(directory: string): Promise<{ stated?: Statement; problem?: string }> {
  try {
    return { stated: await readReceipt(directory) };
  } catch (error) {
    if (error instanceof Failure && error.exitCode === 1) return { problem: error.message };
    throw error;
  }
}

/** So many files take longer to hash than it takes to start a worker. */
const MANY = 4000;

async function findAlteredFiles(directory: string, files: [path: string, RecordedFile][]): Promise<string[]> {
  const within = new Folder(directory);
  const altered = files.length < MANY
    ? await inParallel(
      files,
      ([path, recorded]) => findAlteration(`${directory}/${path}`, path, recorded, within),
    )
    : (await Promise.all(shares(files).map((share) => lookInWorker({ directory, files: share })))).flat();
  return [...new Set(altered)].filter((what) => what !== undefined);
}

async function lookInWorker(share: Share): Promise<string[]> {
  const worker = new Worker(new URL("./alteration_worker.ts", import.meta.url), { type: "module" });
  try {
    return await ask(worker, share);
  } finally {
    worker.terminate();
  }
}

/** Without a receipt: the plan is as the evidence says, and the evidence as the verdict of record says. */
async function findAlteredRecords(directory: string, evidence: Evidence): Promise<string[]> {
  const plan = await findAlteration(join(directory, "plan.json"), "plan.json", {
    sha256: evidence.planSha256,
  }, new Folder(directory));
  const isJudged = !await exists(verdictPath(directory)) || // it never came to a verdict
    (await readVerdict(directory))?.evidenceSha256 === await sha256File(evidencePath(directory));
  return [
    ...plan === undefined ? [] : [plan],
    ...isJudged ? [] : ["evidence.json or verdict.json: not the evidence that was judged"],
  ];
}
