/** How far an obtained number is from the claimed one, exactly: in samples where it is a count, else as a decimal. */

import type { Tolerance } from "../experiment/experiment.ts";
import {
  absolute,
  atMost,
  countsOf,
  type Decimal,
  multiply,
  parseDecimal,
  percentageOf,
  printsAs,
  subtract,
  toFixed,
  toText,
} from "../values/decimal.ts";
import { countsObtained } from "./counts.ts";
import { pluralize } from "../cli/format.ts";

/** A claimed number, or one point of a curve. */
export interface Claimed {
  value: Decimal;
  /** It is the percentage of a count of so many. */
  of?: number;
  /** It is a count itself. */
  isCount: boolean;
}

/** How far an obtained number is from the claimed one, in the claim's own measure. */
export type Deviation =
  | { kind: "none" }
  /** Obtained minus claimed. */
  | { kind: "samples"; samples: number }
  | { kind: "value"; difference: Decimal; claimed: Decimal }
  /** It is not a number of the kind that was claimed, or can't be told. */
  | { kind: "different" | "missing"; detail: string };

/**
 * Counts are compared as counts, percentages of a count as the counts they come from, other numbers at the digits
 * that were claimed.
 */
export function measure({ value, of, isCount }: Claimed, obtained: Decimal): Deviation {
  if (of !== undefined) return measurePercentage(value, of, obtained);
  const difference = subtract(obtained, value);
  if (isCount) {
    if (difference.digits % 10n ** BigInt(difference.scale) === 0n) {
      return samples(Number(toFixed(difference, 0)));
    }
    return { kind: "different", detail: `${toText(obtained, value.scale + 2)} is not a whole number` };
  }
  return printsAs(obtained, value) ? { kind: "none" } : { kind: "value", difference, claimed: value };
}

function measurePercentage(claimed: Decimal, n: number, obtained: Decimal): Deviation {
  const { first, last } = countsObtained(obtained, claimed.scale, n);
  const shown = toText(obtained, claimed.scale + 2);
  if (first > last) {
    const hint = isFraction(obtained, claimed.scale, n)
      ? ", it looks like a fraction and a percentage is claimed"
      : "";
    return { kind: "different", detail: `${shown} is not the percentage of a count of ${n}${hint}` };
  }
  if (first < last) {
    return {
      kind: "missing",
      detail: `${shown} has too few decimals: it stands for ${first} to ${last} of ${n}`,
    };
  }
  return samples(first - countsOf(claimed, n).first);
}

/** Whether it would be a count if it were meant as 0.8611 for 86.11 %. */
function isFraction(obtained: Decimal, claimedDecimals: number, n: number): boolean {
  if (obtained.scale < 2) return false; // 0.5 would be 50, of which nobody knows the decimals
  const hundredfold = { digits: obtained.digits, scale: obtained.scale - 2 };
  const { first, last } = countsObtained(hundredfold, claimedDecimals, n);
  return first === last && atMost(absolute(obtained), { digits: 1n, scale: 0 });
}

function samples(samples: number): Deviation {
  return samples === 0 ? { kind: "none" } : { kind: "samples", samples };
}

/** Whether the tolerance lets a deviation pass. */
export function isWithin(deviation: Deviation, tolerance: Tolerance | undefined): boolean {
  switch (deviation.kind) {
    case "none":
      return true;
    case "samples":
      return tolerance?.samples !== undefined && Math.abs(deviation.samples) <= tolerance.samples;
    case "value":
      return tolerance !== undefined &&
        atMost(absolute(deviation.difference), bound(tolerance, deviation.claimed));
    case "different":
    case "missing":
      return false;
    default:
      return deviation satisfies never;
  }
}

/** The largest difference that an absolute or relative tolerance lets pass. */
function bound(tolerance: Tolerance, claimed: Decimal): Decimal {
  const given = parseDecimal(String(tolerance.absolute ?? tolerance.relative ?? 0)) ??
    { digits: 0n, scale: 0 };
  return tolerance.relative === undefined ? given : multiply(given, absolute(claimed));
}

/** To tell the largest deviation; relative ones are compared by their part of the claimed value. */
export function sizeOf(deviation: Deviation, tolerance: Tolerance | undefined): number {
  switch (deviation.kind) {
    case "none":
      return 0;
    case "samples":
      return Math.abs(deviation.samples);
    case "value": {
      const size = Math.abs(toNumber(deviation.difference));
      return tolerance?.relative === undefined ? size : size / Math.abs(toNumber(deviation.claimed));
    }
    case "different":
    case "missing":
      return Infinity;
    default:
      return deviation satisfies never;
  }
}

function toNumber(value: Decimal): number {
  return Number(toFixed(value, value.scale));
}

/** `−1 sample`, `+0.003`; undefined where there is nothing to show. */
export function showDeviation(deviation: Deviation): string | undefined {
  if (deviation.kind === "samples") {
    const { samples } = deviation;
    return pluralize(samples, "sample", { shown: signed(String(samples)) });
  }
  if (deviation.kind !== "value") return undefined;
  return signed(toText(deviation.difference, deviation.claimed.scale + 2));
}

function signed(text: string): string {
  return text.startsWith("-") ? `−${text.slice(1)}` : `+${text}`;
}

/** A claimed number as printed, with the count it stands for: `99.44 (358 of 360)`. */
export function showClaimed(text: string, { value, of }: Claimed): string {
  return of === undefined ? text : `${text} (${countsOf(value, of).first} of ${of})`;
}

/** An obtained number like the claimed one, to two decimals more where it is not a count. */
export function showObtained(obtained: Decimal, { value, of }: Claimed): string {
  const asFound = toText(obtained, value.scale + 2);
  if (of === undefined) return asFound;
  const { first, last } = countsObtained(obtained, value.scale, of);
  return first === last ? `${percentageOf(first, of, value.scale)} (${first} of ${of})` : asFound;
}
