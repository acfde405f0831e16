/** verdict.json: one check for each claim, and whether the run holds. */

import { join } from "node:path";
import { Folder } from "../system/regular_file.ts";
import { readRecordIfSound } from "../system/records.ts";
import type { Check, RunVerdict, Verdict } from "./verdict_schema.ts";

export type { Check, RunVerdict, Verdict };

/** Version of verdict.json. */
export const VERDICT_SCHEMA = 1;

/** The verdict of record, if there is one and that is what it is. */
export async function readVerdict(directory: string): Promise<RunVerdict | undefined> {
  const { verdictSchema } = await import("./verdict_schema.ts");
  return await readRecordIfSound(verdictPath(directory), verdictSchema, { within: new Folder(directory) });
}

/** Where the verdict of a run stands. */
export function verdictPath(directory: string): string {
  return join(directory, "verdict.json");
}

/** What a claim's check says beside what was claimed. */
export type ClaimVerdict =
  & Pick<Check, "verdict" | "detail" | "difference" | "points" | "worst" | "seeds">
  & { obtained?: string };
