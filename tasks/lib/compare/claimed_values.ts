/** The values that the experiment's claims are about, in both runs side by side. */

import { readSource } from "../claim_source.ts";
import { countsObtained } from "../verify.ts";
import { parseDecimal, subtract, toFixed } from "../decimal.ts";
import type { Claim, ClaimSource } from "../experiment.ts";
import type { FoundRun } from "../run_folder.ts";
import type { Cell } from "./columns.ts";

export interface ClaimedValue {
  claim: string;
  unit?: string;
  /** Source texts; absent where the value is not there. */
  a?: string;
  b?: string;
  /** B minus A, exactly. */
  difference?: string;
  /** The same in samples, of percentages of a known count. */
  samples?: number;
}

export async function compareClaimedValues(
  claims: Claim[],
  a: FoundRun,
  b: FoundRun,
): Promise<ClaimedValue[]> {
  return await Promise.all(claims.map(async (claim) => {
    const [left, right] = await Promise.all([a, b].map(({ directory }) => readSource(claim.from, directory)));
    const texts = [left, right].map((found) => found?.found ? found.text : undefined);
    return { claim: claim.name, unit: claim.unit, a: texts[0], b: texts[1], ...distance(claim, texts) };
  }));
}

function distance({ of, text }: Claim, [a, b]: (string | undefined)[]): Partial<ClaimedValue> {
  const [left, right] = [parseDecimal(a ?? ""), parseDecimal(b ?? "")];
  if (!left || !right) return {};
  const difference = subtract(right, left);
  const decimals = parseDecimal(text)?.scale ?? 0;
  const toCount = of === undefined ? undefined : counter(of, decimals);
  const [countA, countB] = [toCount?.(Number(a)), toCount?.(Number(b))];
  return {
    difference: toFixed(difference, difference.scale),
    samples: countA === undefined || countB === undefined ? undefined : countB - countA,
  };
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
  for (const { from, of, text } of claims) {
    const name = quantityOf(from);
    if (from.step !== step || of === undefined || name === undefined) continue;
    const before = known.get(name);
    const conflict = known.has(name) && before?.of !== of;
    known.set(name, conflict ? undefined : { of, decimals: parseDecimal(text)?.scale ?? 0 });
  }
  return (quantity: string) => {
    const found = known.get(lastName(quantity.split("/")) ?? quantity);
    return found && counter(found.of, found.decimals);
  };
}

function quantityOf(from: ClaimSource): string | undefined {
  return from.kind === "pointer" ? lastName(from.pointer) : undefined;
}

/** The last key that is not an index. */
function lastName(keys: string[]): string | undefined {
  return keys.findLast((key) => key !== "" && !/^-?\d+$/.test(key));
}
