/** A claim over seeds against what each seed's run gave. Pure; only a sweep's verdict loads it. */

import { pluralize } from "../cli/format.ts";
import type { Claim, Range, Spread } from "../experiment/experiment.ts";
import type { Check } from "../record/verdict.ts";
import { bootstrapInterval } from "../statistics/bootstrap.ts";
import { differenceInterval, welch } from "../statistics/equivalence.ts";
import {
  type Interval,
  meanInterval,
  predictionInterval,
  proportionInterval,
} from "../statistics/intervals.ts";
import { detectableDeviation, equivalenceMargin, POWER, runsThatDecide } from "../statistics/power.ts";
import { summarize, type Summary } from "../statistics/summary.ts";
import { parseDecimal } from "../values/decimal.ts";
import { type Chosen, showTolerance } from "./tolerance.ts";
import { showRange } from "./range.ts";
import { showClaimed } from "./deviation.ts";

/** What the run with a seed gave. */
export interface SeedValue {
  seed: string;
  value: number;
}

type Kind = NonNullable<NonNullable<Check["seeds"]>["interval"]>["kind"];

interface Found {
  verdict: Check["verdict"];
  detail: string;
  obtained: string;
  difference?: string;
  interval?: Interval & { kind: Kind; confidence: number };
  power?: string;
  wanted?: number;
}

/**
 * The verdict on a claim over seeds:
 * - a single number is *consistent* inside the 95 % prediction interval of the seeds;
 * - a mean with its spread is *equivalent* where the 90 % interval of the difference lies inside the tolerance;
 * - a range is *consistent* where the statistic's interval, or what was counted, lies inside it;
 * - *different* only where the whole interval lies outside what is claimed with its tolerance;
 * - *inconclusive* otherwise, and wherever fewer than two seeds or no spread leave nothing to say.
 *
 * @param lacking seeds whose runs gave no value, and why, in words
 */
export function judgeSeeds(claim: Claim, values: SeedValue[], lacking: string[], chosen: Chosen): Check {
  const summary = summarize(values.map(({ value }) => value));
  const found = values.length === 0 ? nothing(lacking) : judge(claim, values, summary, chosen);
  const { interval, power, wanted, ...said } = found;
  const note = values.length > 0 && lacking.length > 0
    ? `; ${pluralize(lacking.length, "seed")} gave no value`
    : "";
  return {
    claim: claim.name,
    unit: claim.unit,
    claimed: showClaim(claim),
    tolerance: showTolerance(chosen.tolerance),
    ...(chosen.class === undefined ? {} : { class: chosen.class }),
    ...said,
    detail: said.detail + note,
    ...(values.length > 0 &&
      {
        seeds: {
          values,
          mean: summary.mean,
          sd: summary.sd,
          interval,
          ...resampled(claim, values),
          power,
          wanted,
        },
      }),
  };
}

function resampled({ over }: Claim, values: SeedValue[]) {
  const interval = over!.kind === "mean" ? bootstrapInterval(values.map(({ value }) => value)) : undefined;
  return interval && { bootstrap: { confidence: 0.95, ...interval } };
}

function nothing(lacking: string[]): Found {
  const why = lacking[0] === undefined ? "no run with its parameters was made" : lacking[0];
  return { verdict: "missing", detail: `no seed gave a value: ${why}`, obtained: "—" };
}

function judge(claim: Claim, values: SeedValue[], summary: Summary, chosen: Chosen): Found {
  const { n, mean, sd } = summary;
  const { value, over } = claim;
  const show = shower(claim);
  const obtained = `${show(mean)} ± ${show(sd)} (n = ${n})`;
  if (over!.kind === "count") return judgeCount(over!.above, over!.of, value as Range, values);
  if (n < 2) {
    return inconclusive("one seed has no spread, at least 2 are needed", obtained);
  }
  if (sd === 0) {
    const detail = `all ${n} seeds gave ${
      show(mean)
    }: without a spread nothing can be said (is the seed used?)`;
    return inconclusive(detail, obtained);
  }
  if (typeof value === "number") return judgeNumber(claim, summary, chosen, obtained);
  const range = value as Range | Spread;
  if (range.kind === "spread") return judgeSpread(range, summary, chosen, obtained, show);
  if (over!.kind === "min" || over!.kind === "max") {
    return judgeExtreme(over!.kind, range, values, summary, show);
  }
  const kind = over!.kind === "mean" ? "mean" as const : "prediction" as const;
  const intervalOf = kind === "mean" ? meanInterval : predictionInterval;
  return judgeInterval(range, summary, obtained, show, kind, intervalOf);
}

/** The verdict on a single published number by the prediction interval of the seeds. */
export function verdictOnNumber(
  claimed: number,
  margin: number,
  { low, high }: Interval,
): "consistent" | "different" | "inconclusive" {
  const isInside = claimed >= low && claimed <= high;
  if (isInside || (low >= claimed - margin && high <= claimed + margin)) return "consistent";
  return low > claimed + margin || high < claimed - margin ? "different" : "inconclusive";
}

/** The verdict on two means by the interval of their difference. */
export function verdictOnMeans(
  margin: number,
  { low, high }: Interval,
): "equivalent" | "different" | "inconclusive" {
  if (low > -margin && high < margin) return "equivalent";
  return low > margin || high < -margin ? "different" : "inconclusive";
}

function judgeNumber(claim: Claim, summary: Summary, chosen: Chosen, obtained: string): Found {
  const { n, mean, sd } = summary;
  const claimed = Number(claim.text);
  const margin = marginOf(claimed, claim.of, chosen);
  const show = shower(claim);
  const verdictOf = (interval: Interval) => verdictOnNumber(claimed, margin, interval);
  const interval = predictionInterval(summary);
  const verdict = verdictOf(interval);
  const inWords = `the 95 % prediction interval of the seeds, ${show(interval.low)} to ${
    show(interval.high)
  }`;
  const relation = claimed >= interval.low && claimed <= interval.high
    ? `${claim.text} is inside ${inWords}`
    : verdict === "consistent"
    ? `${inWords}, is within ${showTolerance(chosen.tolerance)} of ${claim.text}`
    : verdict === "different"
    ? `${claim.text}${margin > 0 ? ` ${showTolerance(chosen.tolerance)}` : ""} is outside ${inWords}`
    : `${inWords}, straddles ${claim.text} ${showTolerance(chosen.tolerance)}`;
  const unseen = detectableDeviation(n) * sd + margin;
  return {
    verdict,
    detail: relation,
    obtained,
    difference: signed(show(mean - claimed)),
    interval: { kind: "prediction", confidence: 0.95, ...interval },
    power: `with ${pluralize(n, "seed")} a deviation below ${show(unseen)} can't be seen ` +
      `(with a probability of ${POWER * 100} %)${atBest(n, sd, margin, show)}`,
    ...(verdict === "inconclusive" && decision((m) => verdictOf(predictionInterval({ n: m, mean, sd })), n)),
  };
}

/** More seeds make a prediction interval smaller only so far: one number stays one draw. */
function atBest(n: number, sd: number, margin: number, show: (value: number) => string): string {
  if (n >= 100) return "";
  const least = detectableDeviation(1000) * sd + margin;
  return `; no number of seeds shows one below ${show(least)} against a single published number`;
}

function judgeSpread(
  published: Spread,
  summary: Summary,
  chosen: Chosen,
  obtained: string,
  show: (value: number) => string,
): Found {
  const authors: Summary = { n: published.n, mean: Number(published.mean), sd: Number(published.std) };
  if (authors.sd === 0) {
    return inconclusive(
      "the authors' standard deviation is 0: without a spread nothing can be said",
      obtained,
    );
  }
  const margin = marginOf(authors.mean, undefined, chosen);
  if (margin === 0) {
    return inconclusive("no tolerance says how far two means may be apart to be equivalent", obtained);
  }
  const verdictOf = (interval: Interval) => verdictOnMeans(margin, interval);
  const intervalAt = (n: number) => differenceInterval(welch({ ...summary, n }, authors));
  const interval = intervalAt(summary.n);
  const verdict = verdictOf(interval);
  const where = verdict === "equivalent"
    ? "lies inside"
    : verdict === "different"
    ? "lies outside"
    : "straddles";
  const least = equivalenceMargin(summary, authors);
  return {
    verdict,
    detail: `the 90 % interval of the difference of the means, ${signed(show(interval.low))} to ${
      signed(show(interval.high))
    }, ${where} ${showTolerance(chosen.tolerance)}`,
    obtained,
    difference: signed(show(summary.mean - authors.mean)),
    interval: { kind: "difference", confidence: 0.9, ...interval },
    power:
      `with ${pluralize(summary.n, "seed")} against the authors' ${authors.n}, equal means are shown to be ` +
      `equivalent within ±${show(least)} or more (with a probability of ${POWER * 100} %), not within less`,
    ...(verdict === "inconclusive" && decision((n) => verdictOf(intervalAt(n)), summary.n)),
  };
}

function judgeInterval(
  range: Range,
  summary: Summary,
  obtained: string,
  show: (value: number) => string,
  kind: "mean" | "prediction",
  intervalOf: (summary: Summary) => Interval,
): Found {
  const interval = intervalOf(summary);
  const verdict = againstRange(interval, range);
  const name = kind === "mean" ? "95 % interval of the mean" : "95 % prediction interval";
  const where = verdict === "consistent"
    ? "lies inside"
    : verdict === "different"
    ? "lies outside"
    : "straddles";
  return {
    verdict,
    detail: `the ${name}, ${show(interval.low)} to ${show(interval.high)}, ${where} ${words(range)}`,
    obtained,
    interval: { kind, confidence: 0.95, ...interval },
    power: `with ${pluralize(summary.n, "seed")} it reaches ${
      show((interval.high - interval.low) / 2)
    } to each side of the mean`,
    ...(verdict === "inconclusive" &&
      decision((n) => againstRange(intervalOf({ ...summary, n }), range), summary.n)),
  };
}

/** The least of so many more seeds may always be lower: only a whole interval that lies outside speaks against it. */
function judgeExtreme(
  kind: "min" | "max",
  range: Range,
  values: SeedValue[],
  summary: Summary,
  show: (value: number) => string,
): Found {
  const numbers = values.map(({ value }) => value);
  const extreme = kind === "min" ? Math.min(...numbers) : Math.max(...numbers);
  const interval = predictionInterval(summary);
  const isInside = againstRange({ low: extreme, high: extreme }, range) === "consistent";
  const verdict = isInside
    ? "consistent" as const
    : againstRange(interval, range) === "different"
    ? "different" as const
    : "inconclusive" as const;
  const what = `the ${kind === "min" ? "least" : "largest"} of ${values.length} seeds, ${show(extreme)},`;
  const why = verdict === "inconclusive"
    ? `, and the 95 % prediction interval, ${show(interval.low)} to ${
      show(interval.high)
    }, is not wholly outside`
    : "";
  return {
    verdict,
    detail: `${what} is ${isInside ? "" : "not "}${words(range)}${why}`,
    obtained: show(extreme),
    interval: { kind: "prediction", confidence: 0.95, ...interval },
  };
}

function judgeCount(above: string, of: number, range: Range, values: SeedValue[]): Found {
  const n = values.length;
  const count = values.filter(({ value }) => value > Number(above)).length;
  const proportions: Range = {
    kind: "range",
    ...(range.least !== undefined && { least: String(Number(range.least) / of) }),
    ...(range.most !== undefined && { most: String(Number(range.most) / of) }),
  };
  const verdictOf = (interval: Interval, share: number) =>
    againstRange({ low: share, high: share }, proportions) === "consistent"
      ? "consistent" as const
      : againstRange(interval, proportions) === "different"
      ? "different" as const
      : "inconclusive" as const;
  const interval = proportionInterval(count, n);
  const verdict = verdictOf(interval, count / n);
  const percent = (share: number) => `${(share * 100).toFixed(0)} %`;
  return {
    verdict,
    detail: `${count} of ${n} seeds are above ${above}, which stands for ${percent(interval.low)} to ${
      percent(interval.high)
    } of all seeds (95 %); ${words(range)} of ${of} is claimed`,
    obtained: `${count} of ${n}`,
    interval: { kind: "proportion", confidence: 0.95, ...interval },
    ...(verdict === "inconclusive" &&
      decision((m) => verdictOf(proportionInterval(Math.round(m * count / n), m), count / n), n)),
  };
}

function inconclusive(detail: string, obtained: string): Found {
  return { verdict: "inconclusive", detail, obtained };
}

/** Where an interval lies: inside the range, wholly outside, or neither. */
function againstRange(
  { low, high }: Interval,
  { least = "-Infinity", most = "Infinity" }: Range,
): "consistent" | "different" | "inconclusive" {
  if (low >= Number(least) && high <= Number(most)) return "consistent";
  return high < Number(least) || low > Number(most) ? "different" : "inconclusive";
}

/** How many seeds would decide if their mean and spread stayed as they are. */
function decision(verdictAt: (n: number) => string, n: number): Pick<Found, "wanted"> {
  return { wanted: runsThatDecide(n, (m) => verdictAt(m) !== "inconclusive") };
}

/** What a tolerance lets pass, in the unit of the value. */
function marginOf(claimed: number, of: number | undefined, { tolerance }: Chosen): number {
  if (tolerance?.samples !== undefined) {
    return of === undefined ? tolerance.samples : 100 * tolerance.samples / of;
  }
  if (tolerance?.relative !== undefined) return tolerance.relative * Math.abs(claimed);
  return tolerance?.absolute ?? 0;
}

/** Two decimals more than claimed. */
function shower({ value, text }: Claim): (value: number) => string {
  const texts = typeof value === "object" && "kind" in value
    ? value.kind === "spread" ? [value.mean, value.std] : [value.least, value.most]
    : [text].flat();
  const scales = texts.map((one) => one === undefined ? 0 : parseDecimal(one)?.scale ?? 0);
  const decimals = Math.min(12, Math.max(...scales) + 2);
  return (number) => number.toFixed(decimals);
}

function signed(text: string): string {
  return text.startsWith("-") ? `−${text.slice(1)}` : `+${text}`;
}

function words({ least, most }: Range): string {
  if (least === undefined) return `at most ${most}`;
  return most === undefined ? `at least ${least}` : `${least} to ${most}`;
}

function showClaim(claim: Claim): string {
  const { value, over } = claim;
  const text = claim.text as string;
  if (typeof value === "number") {
    return showClaimed(text, { value: parseDecimal(text)!, of: claim.of, isCount: false });
  }
  const shown = showRange(claim, text);
  if (over!.kind === "count") return `${shown} of ${over!.of} above ${over!.above}`;
  return over!.kind === "mean" ? shown : `${over!.kind} ${shown}`;
}
