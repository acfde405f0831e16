/**
 * Exact arithmetic on decimal source texts: 86.10 is 8610/100, not the binary number next to it.
 * Percentages of counts ("465 of 540 is 86.11") are decided here, without floating point.
 */

/** The number `digits / 10 ** scale`; `scale` is the number of printed decimals and never negative. */
export interface Decimal {
  digits: bigint;
  scale: number;
}

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/;

/** Beyond what a double can hold anyway; keeps a hostile exponent from filling the memory. */
const LARGEST_EXPONENT = 400;

/** Characters of a number; a double with all its digits has some eleven hundred. */
const LONGEST_NUMBER = 2000;

/**
 * Reads `86.10`, `-3`, `.5` or `1e-3`; undefined for anything else (also `0x1F`, `.inf`).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(parseDecimal("86.10"), { digits: 8610n, scale: 2 }); // two decimals, and not 86.1
 * assert.equal(parseDecimal("0x1F"), undefined);
 * ```
 */
export function parseDecimal(text: string): Decimal | undefined {
  const match = text.length > LONGEST_NUMBER ? null : DECIMAL.exec(text);
  if (!match) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  if (whole + fraction === "" || Math.abs(Number(exponent)) > LARGEST_EXPONENT) return undefined;
  const digits = BigInt(whole + fraction) * (sign === "-" ? -1n : 1n);
  const scale = fraction.length - Number(exponent);
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { digits: digitsAt(a, scale) - digitsAt(b, scale), scale };
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return { digits: a.digits * b.digits, scale: a.scale + b.scale };
}

/** The exact mean, rounded to so many decimals more than the numbers have; zeros behind theirs are left out. */
export function meanOf(numbers: readonly Decimal[], moreDecimals: number): Decimal {
  const scale = Math.max(...numbers.map(({ scale }) => scale));
  const sum = numbers.reduce((sum, one) => sum + digitsAt(one, scale), 0n) * 10n ** BigInt(moreDecimals);
  const n = BigInt(numbers.length);
  const half = (abs(sum) * 2n + n) / (2n * n);
  let mean: Decimal = { digits: sum < 0n ? -half : half, scale: scale + moreDecimals };
  while (mean.scale > scale && mean.digits % 10n === 0n) {
    mean = { digits: mean.digits / 10n, scale: mean.scale - 1 };
  }
  return mean;
}

export function absolute(a: Decimal): Decimal {
  return { digits: abs(a.digits), scale: a.scale };
}

/** Whether a ≤ b, exactly. */
export function atMost(a: Decimal, b: Decimal): boolean {
  return subtract(a, b).digits <= 0n;
}

/** Prints with so many decimals; a tie is rounded away from zero. */
export function toFixed(a: Decimal, decimals: number): string {
  const kept = roundedDigits(a, decimals);
  const digits = abs(kept).toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const sign = kept < 0n ? "-" : "";
  return decimals === 0 ? sign + whole : `${sign}${whole}.${digits.slice(-decimals)}`;
}

function roundedDigits(a: Decimal, decimals: number): bigint {
  if (a.scale <= decimals) return digitsAt(a, decimals);
  const unit = 10n ** BigInt(a.scale - decimals);
  const magnitude = (abs(a.digits) * 2n + unit) / (unit * 2n);
  return a.digits < 0n ? -magnitude : magnitude;
}

/** Prints with as many decimals as it has, but no more than given. */
export function toText(a: Decimal, mostDecimals: number): string {
  return toFixed(a, Math.min(a.scale, mostDecimals));
}

/** Whether `value`, printed with the decimals of `printed`, reads the same; at a tie either neighbour will do. */
export function printsAs(value: Decimal, printed: Decimal): boolean {
  const distance = absolute(subtract(value, printed));
  return atMost({ digits: distance.digits * 2n, scale: distance.scale }, {
    digits: 1n,
    scale: printed.scale,
  });
}

/**
 * All counts k of n whose percentage 100·k/n, rounded to the decimals of `percentage`, prints as it,
 * as the range from `first` to `last`: 86.11 of 540 is 465 only, 86.10 is none (`first` > `last`),
 * 99.44 of 27,000 is 26,848 to 26,850. A tie counts for both its neighbours, because programs round
 * it either way.
 */
export function countsOf(percentage: Decimal, n: number): { first: number; last: number } {
  const unit = 200n * 10n ** BigInt(percentage.scale);
  const middle = 2n * percentage.digits * BigInt(n);
  const first = Number(floorDivide(middle - BigInt(n) + unit - 1n, unit));
  const last = Number(floorDivide(middle + BigInt(n), unit));
  return { first: Math.max(first, 0), last: Math.min(last, n) };
}

/** The percentage 100·count/n as printed with so many decimals. */
export function percentageOf(count: number, n: number, decimals: number): string {
  const guard = 25; // digits beyond the printed ones, so that only a true tie is rounded as one
  const digits = (BigInt(count) * 100n * 10n ** BigInt(decimals + guard)) / BigInt(n);
  return toFixed({ digits, scale: decimals + guard }, decimals);
}

/** The fewest decimals with which no two counts of n print as the same percentage. */
export function decimalsToTell(n: number): number {
  let decimals = 0;
  while (10n ** BigInt(decimals) * 100n < BigInt(n)) decimals++;
  return decimals;
}

function digitsAt(a: Decimal, scale: number): bigint {
  return a.digits * 10n ** BigInt(scale - a.scale);
}

function abs(a: bigint): bigint {
  return a < 0n ? -a : a;
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}
