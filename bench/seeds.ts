/**
 * How often the verdicts over seeds are wrong: made experiments whose truth is known, judged as a sweep judges them.
 *
 * Usage: deno run --allow-write=bench/results bench/seeds.ts
 */

import { differenceInterval, welch } from "../tasks/lib/statistics/equivalence.ts";
import { predictionInterval } from "../tasks/lib/statistics/intervals.ts";
import { summarize, type Summary } from "../tasks/lib/statistics/summary.ts";
import { verdictOnMeans, verdictOnNumber } from "../tasks/lib/verdict/judge_seeds.ts";

const REPRODUCTIONS = 10_000;

const SEEDS = [3, 5, 10, 20];

/** How far the reproduction's truth is from the authors', in standard deviations; 0 is an honest reproduction. */
const DEVIATIONS = [0, 0.5, 1, 2];

/** Tolerances, in standard deviations. */
const NUMBER_MARGINS = [0, 0.5, 1];

const MEAN_MARGINS = [0.5, 1, 1.5];

/** Runs of the authors behind a published mean. */
const AUTHORS = 10;

type Counts = Record<string, number>;

interface Row {
  claim: "a single number" | "a mean over 10 runs";
  seeds: number;
  tolerance: number;
  deviation: number;
  /** Per cent of the reproductions, by verdict. */
  verdicts: Counts;
}

const draw = normals(20261128);

const rows: Row[] = [];
for (const seeds of SEEDS) {
  for (const deviation of DEVIATIONS) {
    const numbers = NUMBER_MARGINS.map((): Counts => ({}));
    const means = MEAN_MARGINS.map((): Counts => ({}));
    for (let made = 0; made < REPRODUCTIONS; made++) {
      const ours = sample(seeds, deviation);
      const published = draw();
      const interval = predictionInterval(ours);
      NUMBER_MARGINS.forEach((margin, index) =>
        count(numbers[index]!, verdictOnNumber(published, margin, interval))
      );
      const difference = differenceInterval(welch(ours, sample(AUTHORS, 0)));
      MEAN_MARGINS.forEach((margin, index) => count(means[index]!, verdictOnMeans(margin, difference)));
    }
    numbers.forEach((verdicts, index) =>
      rows.push({ claim: "a single number", seeds, tolerance: NUMBER_MARGINS[index]!, deviation, verdicts })
    );
    means.forEach((verdicts, index) =>
      rows.push({ claim: "a mean over 10 runs", seeds, tolerance: MEAN_MARGINS[index]!, deviation, verdicts })
    );
  }
}

for (const row of rows) {
  for (const verdict of Object.keys(row.verdicts)) {
    row.verdicts[verdict] = row.verdicts[verdict]! / REPRODUCTIONS * 100;
  }
}
rows.sort((a, b) => a.claim < b.claim ? 1 : a.claim > b.claim ? -1 : a.tolerance - b.tolerance);
const result = {
  made_by: "bench/seeds.ts",
  date: new Date().toISOString().slice(0, 10),
  unit: "per cent of the reproductions; tolerances and deviations are in standard deviations",
  reproductions: REPRODUCTIONS,
  rows,
};
await Deno.writeTextFile(
  new URL("results/seeds.json", import.meta.url),
  `${JSON.stringify(result, null, 2)}\n`,
);
for (const { claim, seeds, tolerance, deviation, verdicts } of rows) {
  const shown = Object.entries(verdicts).map(([verdict, share]) => `${verdict} ${share.toFixed(1)}`).join(
    ", ",
  );
  console.log(`${claim}, n = ${seeds}, ±${tolerance} sd, ${deviation} sd off: ${shown}`);
}

function sample(n: number, mean: number): Summary {
  return summarize(Array.from({ length: n }, () => mean + draw()));
}

function count(counts: Counts, verdict: string) {
  counts[verdict] = (counts[verdict] ?? 0) + 1;
}

/** Standard normal numbers [Box & Muller 1958] from a generator that repeats itself (mulberry32). */
function normals(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6D2B79F5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
