/** The values that the experiment's claims are about, in both runs side by side. */

import type { Claim } from "../experiment/experiment.ts";
import type { FoundRun } from "../record/run_folder.ts";
import { quantityOf } from "../sources/sources.ts";
import { parseDecimal, subtract, toFixed } from "../values/decimal.ts";
import { countsObtained } from "../verdict/counts.ts";
import { type Observation, readSource, runFiles } from "../verdict/read_value.ts";
import type { Cell } from "./columns.ts";

/** What one claim is about, as each run has it. */
export interface ClaimedValue {
  claim: string;
  unit?: string;
  /** Of a curve: which point is shown, the first that deviates or else the last, and how many of how many deviate. */
  point?: { at: number; deviating: number; of: number };
  /** Source texts; absent where the value is not there. */
  a?: string;
  b?: string;
  /** B minus A, exactly. */
  difference?: string;
  /** The same in samples, of percentages of a known count. */
  samples?: number;
}

/** One for each claim, in their order; a value that can't be read in a run is absent there, and no error. */
export async function compareClaimedValues(
  claims: Claim[],
  a: FoundRun,
  b: FoundRun,
): Promise<ClaimedValue[]> {
  const files = [a, b].map(({ directory }) => runFiles(directory));
  return await Promise.all(claims.map(async (claim) => {
    const form = Array.isArray(claim.value) ? "list" : "value";
    const [left, right] = await Promise.all(
      files.map((one) => readSource(claim.from, one, form)),
    );
    return compareTexts(claim, textsOf(left!), textsOf(right!));
  }));
}

function textsOf(observation: Observation): string[] {
  if (!observation.found) return [];
  return "list" in observation ? observation.list.map(({ text }) => text) : [observation.text];
}

/** @param a source texts: one for each point of a curve, one of a single value, none where nothing was found */
function compareTexts(claim: Claim, a: string[], b: string[]): ClaimedValue {
  const { name, unit } = claim;
  const points = Math.max(a.length, b.length);
  const deviating = Array.from({ length: points }, (_, index) => index)
    .filter((index) => !isSame(a[index], b[index]));
  const at = deviating[0] ?? points - 1;
  const point = Array.isArray(claim.text)
    ? { at: at + 1, deviating: deviating.length, of: points }
    : undefined;
  return { claim: name, unit, point, a: a[at], b: b[at], ...distance(claim, a[at], b[at]) };
}

/** 99.4 is 99.40. */
function isSame(a: string | undefined, b: string | undefined): boolean {
  const [left, right] = [parseDecimal(a ?? ""), parseDecimal(b ?? "")];
  return left && right ? subtract(left, right).digits === 0n : a === b;
}

function distance(claim: Claim, a = "", b = ""): Partial<ClaimedValue> {
  const [left, right] = [parseDecimal(a), parseDecimal(b)];
  if (!left || !right) return {};
  const difference = subtract(right, left);
  const toCount = claim.of === undefined ? undefined : counter(claim.of, decimalsOf(claim));
  const [countA, countB] = [toCount?.(Number(a)), toCount?.(Number(b))];
  return {
    difference: toFixed(difference, difference.scale),
    samples: countA === undefined || countB === undefined ? undefined : countB - countA,
  };
}

/** The decimals that a claimed number, or the points of a curve, are printed with. */
function decimalsOf({ text, value }: Claim): number {
  const texts = typeof value === "object" && "least" in value
    ? [value.least ?? "", value.most ?? ""]
    : [text].flat();
  return Math.max(0, ...texts.map((one) => parseDecimal(one)?.scale ?? 0));
}

/** Turns a percentage of n into its count, where it is exactly one. */
function counter(n: number, decimals: number): (cell: Cell) => number | undefined {
  return (cell) => {
    const percentage = typeof cell === "number" ? parseDecimal(String(cell)) : undefined;
    if (percentage === undefined) return undefined;
    const { first, last } = countsObtained(percentage, decimals, n);
    return first === last ? first : undefined;
  };
}

/**
 * How the quantities of a step become counts. A claim on a value in one file says it for the quantity of that name in
 * the step's other files, too: a curve stands in metrics.json and in history.csv.
 */
export function countersOf(claims: Claim[], step: string) {
  const known = new Map<string, { of: number; decimals: number } | undefined>();
  for (const claim of claims) {
    const { from, of } = claim;
    const name = lastName(quantityOf(from)?.keys ?? []);
    if (from.step !== step || of === undefined || name === undefined) continue;
    const before = known.get(name);
    const conflict = known.has(name) && before?.of !== of;
    known.set(name, conflict ? undefined : { of, decimals: decimalsOf(claim) });
  }
  return (quantity: string) => {
    const found = known.get(lastName(quantity.split("/")) ?? quantity);
    return found && counter(found.of, found.decimals);
  };
}

/** The last key that is not an index. */
function lastName(keys: string[]): string | undefined {
  return keys.findLast((key) => key !== "" && !/^-?\d+$/.test(key));
}
