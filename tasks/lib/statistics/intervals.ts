/** Means over runs and the intervals around them. Pure. */

import { betaQuantile, tQuantile } from "./distributions.ts";

/** What a sample is known by. */
export interface Summary {
  n: number;
  mean: number;
  /** Standard deviation with n − 1; 0 for one value, of which it is not known. */
  sd: number;
}

export interface Interval {
  low: number;
  high: number;
}

export function summarize(values: readonly number[]): Summary {
  const n = values.length;
  // Equal values have no spread: rounding in the sum must not give them one.
  if (values.every((value) => value === values[0])) return { n, mean: values[0] ?? NaN, sd: 0 };
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { n, mean, sd: n > 1 ? Math.sqrt(squares / (n - 1)) : 0 };
}

/**
 * Where one further run is expected: mean ± t·sd·√(1 + 1/n), which a single published number is checked against
 * [Patil, Peng & Leek 2016].
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const { low, high } = predictionInterval({ n: 4, mean: 357, sd: 1 });
 * assert.deepEqual([low.toFixed(2), high.toFixed(2)], ["353.44", "360.56"]);
 * ```
 */
export function predictionInterval({ n, mean, sd }: Summary, confidence = 0.95): Interval {
  return around(mean, tQuantile((1 + confidence) / 2, n - 1) * sd * Math.sqrt(1 + 1 / n));
}

/** Where the mean of all such runs is: mean ± t·sd/√n. */
export function meanInterval({ n, mean, sd }: Summary, confidence = 0.95): Interval {
  return around(mean, tQuantile((1 + confidence) / 2, n - 1) * sd / Math.sqrt(n));
}

/**
 * Where the probability is of which k of n were seen [Clopper & Pearson 1934].
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const { low, high } = proportionInterval(465, 540); // 86.11 % of 540 images
 * assert.deepEqual([low.toFixed(4), high.toFixed(4)], ["0.8290", "0.8892"]);
 * ```
 */
export function proportionInterval(k: number, n: number, confidence = 0.95): Interval {
  const tail = (1 - confidence) / 2;
  return {
    low: k === 0 ? 0 : betaQuantile(tail, k, n - k + 1),
    high: k === n ? 1 : betaQuantile(1 - tail, k + 1, n - k),
  };
}

export function around(middle: number, half: number): Interval {
  return { low: middle - half, high: middle + half };
}
