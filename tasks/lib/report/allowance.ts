/** How far obtained values are from claimed ones, measured by what each claim's tolerance lets pass. */

import type { Check } from "../record/verdict.ts";

/** What a tolerance lets pass; relative ones in percent of the claimed value. */
export interface Allowance {
  kind: "samples" | "absolute" | "relative";
  amount: number;
}

/** Reads a tolerance as a check shows it: `±1 sample`, `±0.01`, `±1 % of the value`; undefined for any other text. */
export function allowanceOf(tolerance: string): Allowance | undefined {
  const match = /^±([\d.eE+-]+)(?: (samples?)| (%) of the value)?$/.exec(tolerance);
  if (!match) return undefined;
  const kind = match[2] ? "samples" : match[3] ? "relative" : "absolute";
  return { kind, amount: Number(match[1]) };
}

export interface ScaledDeviation {
  /** Position of the claim in the table, 1-based. */
  number: number;
  check: Check;
  /** Obtained minus claimed in multiples of the tolerance; without one, any difference is infinite. */
  multiple: number;
}

/** The claims on numbers that produced a value, with their deviation. */
export function deviations(checks: readonly Check[]): ScaledDeviation[] {
  return checks.flatMap((check, index) => {
    const difference = differenceOf(check);
    if (difference === undefined) return [];
    const multiple = difference === 0 ? 0 : difference / (scaleOf(check) || Number.MIN_VALUE);
    return [{ number: index + 1, check, multiple }];
  });
}

function differenceOf({ verdict, difference, claimed }: Check): number | undefined {
  if (verdict === "missing" || verdict === "not applicable") return undefined;
  if (difference !== undefined) {
    const number = Number.parseFloat(difference.replace("−", "-"));
    return Number.isNaN(number) ? undefined : number;
  }
  return verdict === "identical" && /^[−+-]?[\d.]/.test(claimed) ? 0 : undefined;
}

function scaleOf({ tolerance, claimed }: Check): number {
  const allowance = allowanceOf(tolerance);
  if (allowance === undefined) return 0;
  if (allowance.kind !== "relative") return allowance.amount;
  return Math.abs(Number.parseFloat(claimed)) * allowance.amount / 100;
}
