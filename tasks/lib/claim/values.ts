/** From a run's values to the texts of claims, and from repeated runs to tolerances. Pure. */

import type { Claim } from "../experiment/experiment.ts";
import type { FoundValue } from "../sources/source.ts";
import {
  absolute,
  atMost,
  type Decimal,
  decimalsToTell,
  parseDecimal,
  percentageOf,
  toFixed,
} from "../values/decimal.ts";
import { readNumber } from "../verdict/claimed_number.ts";
import { countsObtained } from "../verdict/counts.ts";
import { measure } from "../verdict/deviation.ts";
import type { Observation } from "../verdict/read_value.ts";
import { Digits } from "./yaml_edit.ts";

/** The values of a run that a claim is about, one for each point of a curve; or why there are none. */
export function valuesOf(observation: Observation | undefined): FoundValue[] | string {
  if (observation === undefined) return "it was not looked at";
  if (!observation.found) return observation.reason;
  return "list" in observation ? observation.list : [observation];
}

/**
 * A found value as it is printed in a claim: with the claim's own decimals, or for a new claim with those it was found
 * with; a count of n with as many as tell all counts apart, and two at the least.
 *
 * @param printed the claim's text so far
 * @returns undefined if that is the same value already, a text in a `problem` if it can't be claimed
 */
export function claimedText(
  found: FoundValue,
  claim: Pick<Claim, "from" | "unit" | "of" | "value">,
  printed?: string,
): string | Digits | undefined | { problem: string } {
  const isNumber = typeof claim.value === "number" || Array.isArray(claim.value);
  if (!isNumber) {
    const text = typeof claim.value === "boolean" ? found.text.toLowerCase() : found.text;
    if (text === printed) return undefined;
    return typeof claim.value === "boolean" ? new Digits(text) : text;
  }
  const obtained = readNumber(found, claim);
  if (typeof obtained === "string") return { problem: `a number is expected, found ${obtained}` };
  const before = printed === undefined ? undefined : parseDecimal(printed);
  if (
    before !== undefined && measure({ value: before, of: claim.of, isCount: false }, obtained).kind === "none"
  ) {
    return undefined;
  }
  if (claim.of === undefined) return new Digits(toFixed(obtained, before?.scale ?? obtained.scale));
  const decimals = Math.max(before?.scale ?? 2, decimalsToTell(claim.of));
  const { first, last } = countsObtained(obtained, decimals, claim.of);
  if (first !== last) return { problem: `${found.text} is not the percentage of one count of ${claim.of}` };
  return new Digits(percentageOf(first, claim.of, decimals));
}

/** The values of one run that a tolerance may rest on. */
export interface Repeat {
  run: string;
  values: FoundValue[] | string;
}

export interface Suggestion {
  claim: string;
  kind: "samples" | "absolute";
  /** The largest deviation of any run at any point. */
  amount: string;
  /** The claim's tolerance allows as much already. */
  isAllowed: boolean;
  runs: string[];
}

/** How far repeated runs are from a claim: in samples where it is about counts, else as a difference, rounded up. */
export function suggestTolerance(claim: Claim, repeats: Repeat[]): Suggestion | undefined {
  const texts = [claim.text].flat();
  const isNumber = typeof claim.value === "number" || Array.isArray(claim.value);
  const isWhole = claim.of === undefined && texts.every((text) => /^[+-]?\d+$/.test(text));
  const usable = repeats.filter((one): one is Repeat & { values: FoundValue[] } =>
    typeof one.values !== "string" && one.values.length === texts.length
  );
  if (!isNumber || usable.length === 0) return undefined;
  const runs = usable.map(({ run }) => run);
  let samples = 0;
  let largest: Decimal = { digits: 0n, scale: 0 };
  for (const { values } of usable) {
    for (const [index, text] of texts.entries()) {
      const obtained = readNumber(values[index]!, claim);
      if (typeof obtained === "string") return undefined;
      const value = parseDecimal(text)!;
      const deviation = measure({ value, of: claim.of, isCount: isWhole }, obtained);
      if (deviation.kind === "different" || deviation.kind === "missing") return undefined;
      if (deviation.kind === "samples") samples = Math.max(samples, Math.abs(deviation.samples));
      if (deviation.kind !== "value") continue;
      const size = roundUp(absolute(deviation.difference), value.scale + 2);
      if (!atMost(size, largest)) largest = size;
    }
  }
  const isCount = claim.of !== undefined || isWhole;
  const amount = isCount ? String(samples) : toFixed(largest, largest.scale);
  const kind = isCount ? "samples" : "absolute";
  const allowed = claim.tolerance.length === 0
    ? 0
    : Math.max(...claim.tolerance.map((one) => one[kind] ?? 0));
  return { claim: claim.name, kind, amount, isAllowed: Number(amount) <= allowed, runs };
}

function roundUp(value: Decimal, decimals: number): Decimal {
  const rounded = parseDecimal(toFixed(value, decimals))!;
  return atMost(value, rounded) ? rounded : { digits: rounded.digits + 1n, scale: rounded.scale };
}
