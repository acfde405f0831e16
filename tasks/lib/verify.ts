/** Claims against what a run brought: one verdict per claim. Pure; the comparisons are exact. */

import { formatSource, type Observation } from "./claim_source.ts";
import {
  absolute,
  atMost,
  countsOf,
  type Decimal,
  multiply,
  parseDecimal,
  percentageOf,
  printsAs,
  subtract,
  toFixed,
  toText,
} from "./decimal.ts";
import type { Claim, Experiment, Tolerance } from "./experiment.ts";

export type Verdict = "identical" | "within tolerance" | "different" | "missing" | "not applicable";

/** One claim with its verdict; all texts are ready to be shown in a table. */
export interface Check {
  /** Name of the claim. */
  claim: string;
  unit?: string;
  /** As published, with the count it stands for: `99.44 (358 of 360)`. */
  claimed: string;
  /** As found in the run, to two decimals more than claimed; `—` if nothing was found. */
  obtained: string;
  /** `±1 sample`, `±0.01`, `±1 % of the value` or `none`. */
  tolerance: string;
  /** Obtained minus claimed, e.g. `−1 sample`, `+0.003`; not given if there is none or it makes no sense. */
  difference?: string;
  verdict: Verdict;
  /** Why this verdict, as one sentence without a period. */
  detail: string;
}

/** A step that brought no result, and what happened to it. */
export interface FailedStep {
  step: string;
  status: "failed" | "interrupted" | "not run";
  /** E.g. `exit code 1`; may be empty. */
  detail: string;
}

/** What of a run, other than the values, decides about the claims. */
export interface RunState {
  /** Names of parameters that did not have their declared value. */
  parametersChanged: string[];
  failedSteps: FailedStep[];
}

const NOTHING = "—";

/**
 * Judges every claim of the experiment, in the order of the file.
 *
 * The first that applies decides: the step of the claim brought no result (missing); parameters were
 * changed (not applicable); there is no value to compare (missing); the same (identical); inside the
 * declared tolerance (within tolerance); otherwise different.
 *
 * @param observations by name of the claim
 */
export function verify(
  experiment: Experiment,
  observations: ReadonlyMap<string, Observation>,
  run: RunState,
): Check[] {
  return experiment.claims.map((claim) => check(claim, observations.get(claim.name), run));
}

/** Whether no claim speaks against the run. Also true without claims: the caller says that nothing was claimed. */
export function holds(checks: readonly Check[]): boolean {
  return checks.every(({ verdict }) =>
    verdict === "identical" || verdict === "within tolerance" || verdict === "not applicable"
  );
}

type Judgement = Pick<Check, "verdict" | "detail" | "difference"> & { obtained?: string };

function check(claim: Claim, observation: Observation | undefined, run: RunState): Check {
  const judgement = judgeRun(claim, run) ?? judgeObservation(claim, observation);
  const shown = observation?.found ? showObtained(claim, observation) : NOTHING;
  return {
    claim: claim.name,
    unit: claim.unit,
    claimed: showClaimed(claim),
    tolerance: showTolerance(claim.tolerance),
    ...judgement,
    obtained: judgement.obtained ?? shown,
  };
}

function judgeRun(claim: Claim, run: RunState): Judgement | undefined {
  const failed = run.failedSteps.find(({ step }) => step === claim.from.step);
  if (failed) {
    const verb = failed.status === "not run"
      ? `was not run`
      : failed.status === "failed"
      ? "failed"
      : "was interrupted";
    const detail = `step "${failed.step}" ${verb}${failed.detail ? `: ${failed.detail}` : ""}`;
    return { verdict: "missing", detail, obtained: NOTHING };
  }
  if (run.parametersChanged.length === 0) return undefined;
  const names = run.parametersChanged.join(", ");
  return {
    verdict: "not applicable",
    detail: `the claim is about the declared parameters, changed: ${names}`,
  };
}

function judgeObservation(claim: Claim, observation: Observation | undefined): Judgement {
  if (!observation) return missing(`${formatSource(claim.from)} was not looked at`);
  if (!observation.found) return missing(`looked for ${observation.looked}: ${observation.reason}`);
  if (typeof observation.value !== typeof claim.value) {
    const found = typeof observation.value === "string" ? JSON.stringify(observation.text) : observation.text;
    const wanted =
      { number: "a number", string: "a text", boolean: "true or false" }[typeof claim.value as "number"];
    return missing(
      `looked for ${wanted} at ${formatSource(claim.from)}, found the ${typeof observation.value} ${
        cut(found)
      }`,
    );
  }
  if (typeof claim.value !== "number") return judgeExact(claim, observation.text);
  return judgeNumber(claim, observation.text);
}

function missing(detail: string): Judgement {
  return { verdict: "missing", detail };
}

function judgeExact(claim: Claim, obtained: string): Judgement {
  const isHash = claim.from.kind === "sha256";
  const same = isHash
    ? obtained.toLowerCase() === claim.text.toLowerCase()
    : obtained === String(claim.value);
  if (same) return { verdict: "identical", detail: isHash ? "the same bytes" : "the same value" };
  return {
    verdict: "different",
    detail: isHash ? "other bytes than published" : "another value than claimed",
  };
}

function judgeNumber(claim: Claim, text: string): Judgement {
  const obtained = parseDecimal(text);
  const claimed = parseDecimal(claim.text);
  if (!obtained || !claimed) {
    return missing(`looked for a number at ${formatSource(claim.from)}, found ${cut(text)}`);
  }
  return claim.of === undefined
    ? judgeValue(claim, claimed, obtained)
    : judgeCount(claim, claim.of, claimed, obtained);
}

function judgeCount(claim: Claim, n: number, claimed: Decimal, obtained: Decimal): Judgement {
  const expected = countsOf(claimed, n).first;
  const { first, last } = countsObtained(obtained, claimed.scale, n);
  const shown = toText(obtained, claimed.scale + 2);
  if (first > last) return { verdict: "different", detail: `${shown} is the percentage of no count of ${n}` };
  if (first < last) {
    return missing(`${shown} has too few decimals: it stands for ${first} to ${last} of ${n}`);
  }
  return judgeSamples(claim, first - expected);
}

/**
 * The counts of n that an obtained percentage may stand for: from `first` to `last`, none if `first` > `last`.
 *
 * A program may write all digits of a double (99.44444444444444) or of a single (99.44444274902344), or
 * round to the claim's decimals, of which JSON then drops zeros (99.40 becomes 99.4), or to fewer.
 *
 * @param claimedDecimals number of decimals that the claim is printed with
 */
export function countsObtained(
  obtained: Decimal,
  claimedDecimals: number,
  n: number,
): { first: number; last: number } {
  const value = Number(toFixed(obtained, 20)) * n / 100;
  const nearest = Math.round(value);
  const inRange = nearest >= 0 && nearest <= n;
  if (inRange && Math.abs(value - nearest) <= floatError(n)) return { first: nearest, last: nearest };
  const scale = Math.max(obtained.scale, claimedDecimals);
  const asClaimed = countsOf({ digits: obtained.digits * 10n ** BigInt(scale - obtained.scale), scale }, n);
  return asClaimed.first === asClaimed.last ? asClaimed : countsOf(obtained, n);
}

/** In counts: four units in the last place of a single-precision percentage (2⁻²⁴ each), never half a count. */
function floatError(n: number): number {
  return Math.min(Math.max(1e-6, n * 4 * 2 ** -24), 0.25);
}

/** @param difference in samples, obtained minus claimed */
function judgeSamples(claim: Claim, difference: number): Judgement {
  if (difference === 0) return { verdict: "identical", detail: "the same count" };
  const shown = showSamples(difference);
  const samples = claim.tolerance?.samples;
  if (samples === undefined) {
    return { verdict: "different", difference: shown, detail: `${shown}, no tolerance is declared` };
  }
  if (Math.abs(difference) <= samples) return within(claim.tolerance!, shown);
  return {
    verdict: "different",
    difference: shown,
    detail: `${shown} is outside ${showTolerance(claim.tolerance)}`,
  };
}

function judgeValue(claim: Claim, claimed: Decimal, obtained: Decimal): Judgement {
  if (claim.tolerance?.samples !== undefined) {
    const difference = subtract(obtained, claimed);
    if (difference.digits % 10n ** BigInt(difference.scale) === 0n) {
      return judgeSamples(claim, Number(toFixed(difference, 0)));
    }
    return { verdict: "different", detail: `${toText(obtained, claimed.scale + 2)} is no whole number` };
  }
  if (printsAs(obtained, claimed)) return { verdict: "identical", detail: "the same value as printed" };
  const difference = subtract(obtained, claimed);
  const shown = signed(toText(difference, claimed.scale + 2));
  if (!claim.tolerance) {
    return { verdict: "different", difference: shown, detail: "no tolerance is declared" };
  }
  if (atMost(absolute(difference), bound(claim.tolerance, claimed))) return within(claim.tolerance, shown);
  return {
    verdict: "different",
    difference: shown,
    detail: `${shown} is outside ${showTolerance(claim.tolerance)}`,
  };
}

/** The largest difference that an absolute or relative tolerance lets pass. */
function bound(tolerance: Tolerance, claimed: Decimal): Decimal {
  const given = parseDecimal(String(tolerance.absolute ?? tolerance.relative ?? 0)) ??
    { digits: 0n, scale: 0 };
  return tolerance.relative === undefined ? given : multiply(given, absolute(claimed));
}

function within(tolerance: Tolerance, difference: string): Judgement {
  return {
    verdict: "within tolerance",
    difference,
    detail: `${difference} is within ${showTolerance(tolerance)}: ${tolerance.because}`,
  };
}

function showClaimed(claim: Claim): string {
  if (claim.from.kind === "sha256") return shortHash(claim.text);
  if (claim.of === undefined) return cut(claim.text);
  return `${claim.text} (${countsOf(parseDecimal(claim.text)!, claim.of).first} of ${claim.of})`;
}

function showObtained(claim: Claim, observation: Observation & { found: true }): string {
  if (claim.from.kind === "sha256") return shortHash(observation.text);
  const obtained = typeof observation.value === "number" ? parseDecimal(observation.text) : undefined;
  const claimed = parseDecimal(claim.text);
  if (!obtained || !claimed) return cut(observation.text);
  if (claim.of === undefined) return toText(obtained, claimed.scale + 2);
  const { first, last } = countsObtained(obtained, claimed.scale, claim.of);
  if (first !== last) return toText(obtained, claimed.scale + 2);
  return `${percentageOf(first, claim.of, claimed.scale)} (${first} of ${claim.of})`;
}

/** Twelve digits tell two hashes apart in a table; the evidence holds them whole. */
function shortHash(hex: string): string {
  return `${hex.slice(0, 12).toLowerCase()}…`;
}

function showTolerance(tolerance: Tolerance | undefined): string {
  if (tolerance?.samples !== undefined) {
    return `±${tolerance.samples} ${tolerance.samples === 1 ? "sample" : "samples"}`;
  }
  if (tolerance?.absolute !== undefined) return `±${tolerance.absolute}`;
  if (tolerance?.relative === undefined) return "none";
  const percent = multiply(parseDecimal(String(tolerance.relative))!, { digits: 100n, scale: 0 });
  return `±${Number(toFixed(percent, 12))} % of the value`;
}

function showSamples(difference: number): string {
  return `${signed(String(difference))} ${Math.abs(difference) === 1 ? "sample" : "samples"}`;
}

function signed(text: string): string {
  return text.startsWith("-") ? `−${text.slice(1)}` : `+${text}`;
}

/** One line of at most 60 characters. */
function cut(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is replaced
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}
