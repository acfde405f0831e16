/** Reads cases as JSON from standard input and prints what tasks/lib/statistics makes of each, for statistics_test.py. */

import { bcaInterval, bootstrapInterval, resampledMeans } from "../../tasks/lib/statistics/bootstrap.ts";
import { differenceInterval, equivalenceP, welch } from "../../tasks/lib/statistics/equivalence.ts";
import {
  meanInterval,
  predictionInterval,
  proportionInterval,
} from "../../tasks/lib/statistics/intervals.ts";
import { summarize } from "../../tasks/lib/statistics/summary.ts";
import {
  detectableDeviation,
  equivalenceMargin,
  equivalencePower,
  predictionPower,
} from "../../tasks/lib/statistics/power.ts";

interface Case {
  a: number[];
  b: number[];
  margin: number;
  deviation: number;
  k: number;
  n: number;
  confidence: number;
}

const text = await new Response(Deno.stdin.readable).text();
const results = (JSON.parse(text) as Case[]).map(({ a, b, margin, deviation, k, n, confidence }) => {
  const [first, second] = [summarize(a), summarize(b)];
  const difference = welch(first, second);
  return {
    mean: first.mean,
    sd: first.sd,
    prediction: ends(predictionInterval(first, confidence)),
    meanInterval: ends(meanInterval(first, confidence)),
    proportion: ends(proportionInterval(k, n, confidence)),
    difference: difference.difference,
    df: difference.df,
    differenceInterval: ends(differenceInterval(difference, confidence)),
    equivalenceP: equivalenceP(difference, margin),
    predictionPower: predictionPower(a.length, deviation, confidence),
    equivalencePower: equivalencePower(first, second, margin, confidence),
    detectable: detectableDeviation(a.length),
    margin: equivalenceMargin(first, second),
    bootstrap: bootstrap(a, confidence),
  };
});
console.log(JSON.stringify(results));

/** The interval, and some resamples of its own with what is made of them. */
function bootstrap(values: number[], confidence: number) {
  const interval = bootstrapInterval(values, confidence);
  if (interval === undefined) return null;
  // Those that are the mean itself but for rounding count as equal to it here, and as scipy's sum happens to fall there.
  const { mean } = summarize(values);
  const near = 1e-9 * Math.max(...values.map(Math.abs));
  const means = resampledMeans(values).filter((one) => Math.abs(one - mean) > near).slice(0, 499);
  return {
    interval: ends(interval),
    means: [...means],
    ofMeans: ends(bcaInterval(values, means, confidence)),
  };
}

function ends({ low, high }: { low: number; high: number }): [number, number] {
  return [low, high];
}
