/** The bootstrap interval of a mean, which asks for no normal distribution. Pure: the same values give the same interval. */

import { normalProbability, normalQuantile } from "./distributions.ts";
import type { Interval } from "./intervals.ts";

/** Below that the interval covers too little: 83 % instead of 95 % with 5 values, 92 % with 10. */
export const LEAST_FOR_BOOTSTRAP = 10;

const RESAMPLES = 9999;

/** Draws in all, so that thousands of seeds take no seconds. */
const MOST_DRAWS = 10_000_000;

const LEAST_RESAMPLES = 999;

/**
 * The bias-corrected and accelerated interval [Efron 1987] of the mean; undefined for fewer than
 * {@link LEAST_FOR_BOOTSTRAP} values and for equal ones, of which it says nothing.
 */
export function bootstrapInterval(values: readonly number[], confidence = 0.95): Interval | undefined {
  if (values.length < LEAST_FOR_BOOTSTRAP || values.every((value) => value === values[0])) return undefined;
  return bcaInterval(values, resampledMeans(values), confidence);
}

/** The means of samples that are drawn from the values with replacement, by a generator that repeats itself. */
export function resampledMeans(values: readonly number[]): Float64Array {
  const n = values.length;
  const count = Math.max(LEAST_RESAMPLES, Math.min(RESAMPLES, Math.floor(MOST_DRAWS / n)));
  const draw = generator(n);
  return Float64Array.from({ length: count }, () => {
    let sum = 0;
    for (let drawn = 0; drawn < n; drawn++) sum += values[Math.floor(draw() * n)]!;
    return sum / n;
  });
}

/** @param means of resamples, in any order */
export function bcaInterval(values: readonly number[], means: Float64Array, confidence: number): Interval {
  const n = values.length;
  const total = values.reduce((sum, value) => sum + value, 0);
  const mean = total / n;
  const rounding = 1e-13 * values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  let [below, equal] = [0, 0];
  for (const one of means) {
    // A resample may be the sample itself in another order, whose sum is rounded otherwise.
    if (Math.abs(one - mean) <= rounding) equal++;
    else if (one < mean) below++;
  }
  const bias = normalQuantile((below + equal / 2) / means.length);
  // By the jackknife: what the mean is without each value.
  const without = values.map((value) => (total - value) / (n - 1));
  const middle = without.reduce((sum, one) => sum + one, 0) / n;
  const power = (exponent: number) =>
    without.reduce((sum, one) => sum + ((n - 1) * (middle - one)) ** exponent, 0);
  const acceleration = power(3) / n ** 3 / (power(2) / n ** 2) ** 1.5 / 6;
  const sorted = means.toSorted();
  const end = (tail: number) => {
    const shifted = bias + normalQuantile(tail);
    return quantile(sorted, normalProbability(bias + shifted / (1 - acceleration * shifted)));
  };
  const tail = (1 - confidence) / 2;
  return { low: end(tail), high: end(1 - tail) };
}

/** By linear interpolation between neighbours. */
function quantile(sorted: Float64Array, p: number): number {
  const place = p * (sorted.length - 1);
  const below = Math.floor(place);
  const [low, high] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return low + (high - low) * (place - below);
}

/** Numbers from 0 to 1 (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6D2B79F5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
