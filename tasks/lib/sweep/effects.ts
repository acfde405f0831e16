/** What each value of a parameter comes with, over all else that a sweep varies. Pure. */

import { summarize, type Summary } from "../statistics/summary.ts";
import type { Values } from "./members.ts";

/** What a member gave. */
export interface Given {
  values: Values;
  /** By the names of claims; in words why it gave no number. */
  found: Readonly<Record<string, number | string>>;
}

export interface Effect {
  parameter: string;
  claim: string;
  /** In the order in which the sweep has them. */
  rows: { value: string; summary: Summary; least: number; most: number }[];
}

/** An effect for each parameter that has more than one value, but the seed, and each claim that has values for two. */
export function effectsOf(given: readonly Given[], seed: string | undefined): Effect[] {
  const parameters = [...new Set(given.flatMap(({ values }) => Object.keys(values)))].filter((name) =>
    name !== seed
  );
  const claims = [...new Set(given.flatMap(({ found }) => Object.keys(found)))];
  return parameters.flatMap((parameter) =>
    claims.flatMap((claim): Effect[] => {
      const pairs = given.flatMap(({ values, found }) => {
        const [value, number] = [values[parameter], found[claim]];
        return value === undefined || typeof number !== "number" ? [] : [{ value, number }];
      });
      const byValue = Map.groupBy(pairs, ({ value }) => value);
      const rows = [...byValue].map(([value, pairs]) => ({
        value,
        numbers: pairs.map(({ number }) => number),
      }))
        .map(({ value, numbers }) => ({
          value,
          summary: summarize(numbers),
          least: numbers.reduce((least, one) => Math.min(least, one)),
          most: numbers.reduce((most, one) => Math.max(most, one)),
        }));
      return rows.length > 1 ? [{ parameter, claim, rows }] : [];
    })
  );
}
