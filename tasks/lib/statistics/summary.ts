/** What a sample of values is known by. Pure; no library is loaded for it, since plans need it, too. */

/** Count, mean and spread of a sample, in the unit of its values. */
export interface Summary {
  n: number;
  mean: number;
  /** Standard deviation with n − 1; 0 for one value, of which it is not known. */
  sd: number;
}

/** Of no values the mean is NaN. */
export function summarize(values: readonly number[]): Summary {
  const n = values.length;
  // Equal values have no spread: rounding in the sum must not give them one.
  if (values.every((value) => value === values[0])) return { n, mean: values[0] ?? NaN, sd: 0 };
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { n, mean, sd: n > 1 ? Math.sqrt(squares / (n - 1)) : 0 };
}
