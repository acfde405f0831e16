/** The counts that an obtained percentage may stand for, however a program wrote it. */

import { countsOf, type Decimal, parseDecimal, toFixed } from "../values/decimal.ts";

/**
 * The counts of n that an obtained percentage may stand for: from `first` to `last`, none if `first` > `last`.
 *
 * A program may write all digits of a double (99.44444444444444) or of a single (99.44444274902344), or
 * round to the claim's decimals, of which JSON then drops zeros (99.40 becomes 99.4), or to fewer.
 *
 * @param claimedDecimals number of decimals that the claim is printed with
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseDecimal } from "../values/decimal.ts";
 *
 * const counts = (text: string, decimals: number, of: number) => countsObtained(parseDecimal(text)!, decimals, of);
 * assert.deepEqual(counts("57.74647887323944", 0, 71), { first: 41, last: 41 });
 * assert.deepEqual(counts("58.0", 0, 71), { first: 41, last: 41 }); // as Python writes round(…, 0)
 * assert.deepEqual(counts("99.41", 3, 27000), { first: 26840, last: 26842 }); // too few decimals to tell
 * const none = counts("57.9", 0, 71);
 * assert.ok(none.first > none.last);
 * ```
 */
export function countsObtained(
  obtained: Decimal,
  claimedDecimals: number,
  n: number,
): { first: number; last: number } {
  const value = Number(toFixed(obtained, 20)) * n / 100;
  const nearest = Math.round(value);
  const inRange = nearest >= 0 && nearest <= n;
  if (inRange && Math.abs(value - nearest) <= floatError(n)) return { first: nearest, last: nearest };
  const rounded = roundedDigits(obtained);
  const scale = Math.max(rounded.scale, claimedDecimals);
  const asClaimed = countsOf({ digits: rounded.digits * 10n ** BigInt(scale - rounded.scale), scale }, n);
  return asClaimed.first === asClaimed.last ? asClaimed : countsOf(rounded, n);
}

/** In counts: four units in the last place of a single-precision percentage (2⁻²⁴ each), never half a count. */
function floatError(n: number): number {
  return Math.min(Math.max(1e-6, n * 4 * 2 ** -24), 0.25);
}

/** Digits that tell every single, and that every double keeps. */
const SINGLE_DIGITS = 9;
const DOUBLE_DIGITS = 15;

/**
 * The number that a program had before it wrote it: what stands behind the digits that the number was rounded to comes
 * of the way it is written. 58.0 is 58 (Python writes a float so), 99.44000244140625 is 99.44 as a single, and
 * 99.439999999999997726 is 99.44 as a double with all digits (as some libraries write it). 86.10 stays: somebody asked
 * for two decimals.
 */
function roundedDigits(written: Decimal): Decimal {
  const digits = String(written.digits).replace("-", "").length;
  const value = Number(toFixed(written, written.scale));
  const shortest = digits > SINGLE_DIGITS && Math.fround(value) === value
    ? shortestSingle(value)
    : digits > DOUBLE_DIGITS
    ? String(value)
    : undefined;
  const rounded = (shortest === undefined ? undefined : parseDecimal(shortest)) ?? written;
  const whole = 10n ** BigInt(rounded.scale);
  return rounded.digits % whole === 0n ? { digits: rounded.digits / whole, scale: 0 } : rounded;
}

function shortestSingle(value: number): string {
  for (let digits = 1; digits < SINGLE_DIGITS; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return text;
  }
  return value.toPrecision(SINGLE_DIGITS);
}
