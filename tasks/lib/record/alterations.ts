/** What of a run folder is not as it was when the run ended: every recorded file is hashed, each once. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { exists, sha256File } from "../system/files.ts";
import { Folder } from "../system/regular_file.ts";
import { Look } from "./altered_files.ts";
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
  const outputs = Object.values(evidence.steps).reduce((sum, { outputs = [] }) => sum + outputs.length, 0);
  using look = new Look(directory, outputs);
  const { stated, problem } = await readStatement(directory);
  const unstated = unstatedOutputs(evidence, stated);
  const altered = await lookAt(look, [...Object.entries(stated?.files ?? {}), ...unstated]);
  if (problem !== undefined) altered.push(problem);
  if (stated === undefined) return [...await findAlteredRecords(directory, evidence), ...altered];
  if (altered.length === 0 && (unstated.length > 0 || await contradicts(directory, evidence, stated))) {
    return [`${RECEIPT}: states something else than the records do`];
  }
  return altered;
}

/** So many files are looked at before anybody asks whether it is worth the while to go on; then four times as many. */
const AT_FIRST = 4000;

/** Where more was altered, nobody looks at the rest: it may be a record of a million files that never were. */
const MOST_ALTERED = 1000;

async function lookAt(look: Look, files: [path: string, RecordedFile][]): Promise<string[]> {
  const altered = new Set<string>();
  for (let at = 0, end = AT_FIRST; at < files.length; [at, end] = [end, 4 * end]) {
    if (altered.size > MOST_ALTERED) {
      return [...altered, `${files.length - at} more files: nobody looked at them`];
    }
    for (const what of await look.findAltered(files.slice(at, end))) altered.add(what);
  }
  return [...altered];
}

/**
 * Tells whether something can't be read because it was altered.
 *
 * @returns the failure that says what was altered, or the error as it was
 */
export async function explainUnreadable(directory: string, error: unknown): Promise<unknown> {
  if (await exists(join(directory, "sweep.json"))) return error; // its receipt is not that of a run
  const { stated, problem } = await readStatement(directory);
  const files = Object.entries(stated?.files ?? {});
  using look = new Look(directory, files.length);
  const altered = await lookAt(look, files);
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
