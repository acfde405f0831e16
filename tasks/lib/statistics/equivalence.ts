/** Whether two means are the same within a margin: Welch's test, two times one-sided. Pure. */

import { tProbability, tQuantile } from "./distributions.ts";
import { around, type Interval } from "./intervals.ts";
import type { Summary } from "./summary.ts";

/** The difference of two means, in the unit of the values. */
export interface Difference {
  /** Mean of the first minus mean of the second. */
  difference: number;
  /** Its standard error. */
  error: number;
  /** Degrees of freedom [Welch 1947]; NaN if neither sample has a spread. */
  df: number;
}

/** The difference of two means whose standard deviations need not be equal. */
export function welch(a: Summary, b: Summary): Difference {
  const [va, vb] = [a.sd ** 2 / a.n, b.sd ** 2 / b.n];
  return {
    difference: a.mean - b.mean,
    error: Math.sqrt(va + vb),
    df: (va + vb) ** 2 / (va ** 2 / (a.n - 1) + vb ** 2 / (b.n - 1)),
  };
}

/** The interval that goes with two one-sided tests at (1 − confidence) / 2 each. */
export function differenceInterval(
  { difference, error, df }: Difference,
  confidence = 0.9,
): Interval {
  return around(difference, tQuantile((1 + confidence) / 2, df) * error);
}

/** The larger p of the two one-sided tests that the difference is inside ± margin [Schuirmann 1987]. */
export function equivalenceP({ difference, error, df }: Difference, margin: number): number {
  const above = 1 - tProbability((difference + margin) / error, df);
  const below = tProbability((difference - margin) / error, df);
  return Math.max(above, below);
}
