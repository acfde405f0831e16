/** What so many runs can show, and how many more would. Pure. */

import { noncentralTProbability, tQuantile } from "./distributions.ts";
import { welch } from "./equivalence.ts";
import type { Summary } from "./summary.ts";

/** How often a deviation is to be seen where the text says that it can be. */
export const POWER = 0.8;

/** More seeds than this are no advice. */
const MOST_SEEDS = 1000;

/**
 * How often a number that is so many standard deviations off lies outside the prediction interval of n runs.
 *
 * (number − mean) / (sd·√(1 + 1/n)) is noncentral t with n − 1 degrees of freedom.
 */
export function predictionPower(n: number, deviationInSd: number, confidence = 0.95): number {
  const limit = tQuantile((1 + confidence) / 2, n - 1);
  const ncp = Math.abs(deviationInSd) / Math.sqrt(1 + 1 / n);
  return 1 - noncentralTProbability(limit, n - 1, ncp) + noncentralTProbability(-limit, n - 1, ncp);
}

/** The smallest deviation, in standard deviations, that n runs show with a probability of {@link POWER}. */
export function detectableDeviation(n: number): number {
  let [low, high] = [0, 2];
  while (predictionPower(n, high) < POWER && high < 1e4) [low, high] = [high, high * 2];
  for (let round = 0; round < 45; round++) {
    const middle = (low + high) / 2;
    if (predictionPower(n, middle) < POWER) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * How often two samples of the same mean are shown to be equivalent within the margin; 0 where that is hopeless.
 *
 * P(both one-sided tests reject) by the noncentral t; for one n and one sd the margin must be 2.06 sd at n = 5 and
 * 1.37 sd at n = 10 for a power of 0.8.
 */
export function equivalencePower(a: Summary, b: Summary, margin: number, confidence = 0.9): number {
  const { error, df } = welch(a, b);
  const limit = tQuantile((1 + confidence) / 2, df);
  return Math.max(0, 1 - 2 * noncentralTProbability(limit, df, margin / error));
}

/** The margin within which the samples would be shown to be equivalent with a probability of {@link POWER}. */
export function equivalenceMargin(a: Summary, b: Summary): number {
  const { error } = welch(a, b);
  let [low, high] = [0, error];
  while (equivalencePower(a, b, high) < POWER && high < 1e4 * error) [low, high] = [high, high * 2];
  for (let round = 0; round < 45; round++) {
    const middle = (low + high) / 2;
    if (equivalencePower(a, b, middle) < POWER) low = middle;
    else high = middle;
  }
  return high;
}

/** How many runs in all would decide, by a condition that holds for all larger n; undefined where no number helps. */
export function runsThatDecide(from: number, decides: (n: number) => boolean): number | undefined {
  if (!decides(MOST_SEEDS)) return undefined;
  let [low, high] = [from, MOST_SEEDS];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (decides(middle)) high = middle;
    else low = middle;
  }
  return high;
}
