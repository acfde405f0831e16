/** Reads the value that a claim is about from a run folder, or says what was there instead. */

import { AtPath, formatSource, readFrom } from "../sources/sources.ts";
import type { ClaimSource, Form, FoundValue, RunFiles } from "../sources/source.ts";
import { NotFound, runFiles } from "../experiment/run_files.ts";
import { IrregularFile } from "../system/regular_file.ts";
import { ContentProblem } from "../values/content_problem.ts";

export { runFiles };

/** What was found at a claim's source. */
export type Observation =
  | {
    found: true;
    path?: string;
    /** Of a figure with other pixels than the published one: which share of them looks different, or why none does. */
    distance?: number | string;
  } & FoundValue
  | {
    found: true;
    /** Of the file that matched, where the source has a pattern. */
    path?: string;
    /** The points of a curve. */
    list: FoundValue[];
  }
  | {
    found: false;
    /** The source that was looked at, e.g. `train/metrics.json#/accuracy`. */
    looked: string;
    /** What was found instead, e.g. `train has no metrics.json, it holds history.csv`. */
    reason: string;
  };

/**
 * Reads the value that a claim is about.
 *
 * @param form whether one value is expected, or the points of a curve
 * @throws nothing for what a run can leave behind: a missing, broken or odd file is an observation too
 */
export async function readSource(
  source: ClaimSource,
  files: RunFiles,
  form: Form = "value",
): Promise<Observation> {
  try {
    const { values, path } = await readFrom(source, files, form);
    const file = path === source.path ? {} : { path };
    return form === "list" ? { found: true, ...file, list: values } : { found: true, ...file, ...values[0]! };
  } catch (error) {
    const { path, cause } = error instanceof AtPath ? error : { path: source.path, cause: error };
    return { found: false, looked: formatSource(source), reason: reasonOf(cause, path) };
  }
}

function reasonOf(error: unknown, path: string): string {
  if (error instanceof NotFound) return error.message;
  if (error instanceof IrregularFile) return `${path} ${error.problem}`;
  if (error instanceof ContentProblem) return `${path} ${error.message}`;
  return `${path} can't be read: ${error instanceof Error ? error.message : String(error)}`;
}
