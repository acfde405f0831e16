/** verdict.json: one check for each claim, and whether the run holds. */

import { join } from "node:path";

export const VERDICT_SCHEMA = 1;

export interface RunVerdict {
  schema: typeof VERDICT_SCHEMA;
  run: string;
  judged: string;
  /** Hash of the evidence that was judged; other evidence is another verdict. */
  evidenceSha256: string;
  /** Hash of the experiment.yaml whose claims were used. */
  claimsSha256: string;
  checks: Check[];
  /** Recorded files that are not what they were. */
  altered: string[];
  /** Every claim that applies holds, the run is done, and nothing was altered. */
  holds: boolean;
}

/** The verdict of record, if that is what it is. */
export function parseVerdict(text: string): RunVerdict | undefined {
  try {
    const verdict = JSON.parse(text);
    return Array.isArray(verdict?.checks) ? verdict : undefined;
  } catch {
    return undefined;
  }
}

/** Where the verdict of a run stands. */
export function verdictPath(directory: string): string {
  return join(directory, "verdict.json");
}

export type Verdict = "identical" | "within tolerance" | "different" | "missing" | "not applicable";

/** One claim with its verdict; all texts are ready to be shown in a table. */
export interface Check {
  /** Name of the claim. */
  claim: string;
  unit?: string;
  /** As published, with the count it stands for: `99.44 (358 of 360)`. */
  claimed: string;
  /** As found in the run, to two decimals more than claimed; `—` if nothing was found. */
  obtained: string;
  /** `±1 sample`, `±0.01`, `±1 % of the value` or `none`. */
  tolerance: string;
  /** Name of the class of tolerance that was used, e.g. `same image, same GPU model`, where the claim has classes. */
  class?: string;
  /** Obtained minus claimed, e.g. `−1 sample`, `+0.003`; not given if there is none or it makes no sense. */
  difference?: string;
  verdict: Verdict;
  /** Why this verdict, as one sentence without a period. */
  detail: string;
  /** Of a curve, every point; `samples` is obtained minus claimed where both are counts. */
  points?: { claimed: number; obtained: number; samples?: number }[];
  /** Index of the point of a curve that decided: the largest deviation. */
  worst?: number;
}

/** What a claim's check says beside what was claimed. */
export type ClaimVerdict =
  & Pick<Check, "verdict" | "detail" | "difference" | "points" | "worst">
  & { obtained?: string };
