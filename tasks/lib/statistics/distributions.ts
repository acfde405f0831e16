/** The distributions that intervals and tests need, from jStat; `test/statistics` compares all of them with scipy. */

import jStat from "jstat";

/** jStat has no types of its own. */
interface Distributions {
  studentt: { inv(p: number, df: number): number; cdf(t: number, df: number): number };
  noncentralt: { cdf(t: number, df: number, ncp: number): number };
  normal: Record<"pdf" | "cdf" | "inv", (z: number, mean: number, sd: number) => number>;
  chisquare: { cdf(x: number, df: number): number };
  beta: { inv(p: number, a: number, b: number): number };
}

const { studentt, noncentralt, normal, chisquare, beta } = jStat as unknown as Distributions;

/** Quantile of Student's t with `df` degrees of freedom. */
export function tQuantile(p: number, df: number): number {
  return studentt.inv(p, df);
}

/** P(T ≤ t) for Student's t with `df` degrees of freedom. */
export function tProbability(t: number, df: number): number {
  if (t === Infinity) return 1;
  return t === -Infinity ? 0 : studentt.cdf(t, df);
}

/** P(T ≤ t) for the noncentral t with `df` degrees of freedom and noncentrality `ncp` ≥ 0. */
export function noncentralTProbability(t: number, df: number, ncp: number): number {
  if (ncp <= LARGEST_SERIES) return noncentralt.cdf(t, df, ncp);
  // The series begins with exp(−ncp²/2), which is 0 to a double there. T ≤ t where χ² ≥ df·((Z + ncp)/t)².
  if (t <= 0) return 0;
  const step = 1 / 16;
  let sum = 0;
  for (let z = -9; z <= 9; z += step) {
    sum += normal.pdf(z, 0, 1) * (1 - chisquare.cdf(df * ((z + ncp) / t) ** 2, df));
  }
  return sum * step;
}

const LARGEST_SERIES = 30;

/** Quantile of the beta distribution. */
export function betaQuantile(p: number, a: number, b: number): number {
  return beta.inv(p, a, b);
}

/** P(Z ≤ z) for the standard normal distribution. */
export function normalProbability(z: number): number {
  return normal.cdf(z, 0, 1);
}

/** Quantile of the standard normal distribution. */
export function normalQuantile(p: number): number {
  return normal.inv(p, 0, 1);
}
