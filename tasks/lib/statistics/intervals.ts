/** The intervals around means over runs. Pure. */

import { betaQuantile, tQuantile } from "./distributions.ts";
import type { Summary } from "./summary.ts";

/** Both ends, in the unit of the values. */
export interface Interval {
  low: number;
  high: number;
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
