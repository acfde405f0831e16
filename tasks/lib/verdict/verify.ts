/** Claims against what a run produced: one verdict per claim. Pure; the comparisons are exact. */

import { cut } from "../cli/format.ts";
import type { Claim, Conditions, Experiment } from "../experiment/experiment.ts";
import type { Check, ClaimVerdict, Verdict } from "../record/verdict.ts";
import type { FoundValue } from "../sources/source.ts";
import { formatSource, kindOf } from "../sources/sources.ts";
import { type Decimal, parseDecimal, toText } from "../values/decimal.ts";
import { readNumber } from "./claimed_number.ts";
import { compareCurve, showCurve } from "./curve.ts";
import { type Claimed, isWithin, measure, showClaimed, showDeviation, showObtained } from "./deviation.ts";
import { compareRange, showRange } from "./range.ts";
import type { Observation } from "./read_value.ts";
import { chooseTolerance, type Chosen, conclude, showTolerance } from "./tolerance.ts";

/** A step that produced no result, and what happened to it. */
export interface FailedStep {
  step: string;
  status: "failed" | "interrupted" | "not run";
  /** E.g. `exit code 1`; may be empty. */
  detail: string;
}

/** What of a run, other than the values, decides about the claims. */
export interface RunState {
  /** Its id: no tolerance judges a run that it was derived from. */
  run?: string;
  /** Names of parameters that did not have their declared value. */
  parametersChanged: string[];
  failedSteps: FailedStep[];
  /** What each step ran in, and what it ran in when the authors ran it; classes of tolerance compare them. */
  conditions?: Record<string, { run: Conditions; authors: Conditions }>;
}

const NOTHING = "—";

/** The verdicts that speak for a claim. */
const HOLDING: Verdict[] = ["identical", "within tolerance", "consistent", "equivalent"];

/**
 * Judges every claim of the experiment, in the order of the file.
 *
 * The first that applies decides: the step of the claim produced no result (missing); parameters were
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
  return checks.every(({ verdict }) => HOLDING.includes(verdict) || verdict === "not applicable");
}

function check(claim: Claim, observation: Observation | undefined, run: RunState): Check {
  const { run: conditions = {}, authors = {} } = run.conditions?.[claim.from.step] ?? {};
  const chosen = chooseTolerance(claim, run.run, conditions, authors);
  const found = compareObservation(claim, observation, chosen);
  return {
    claim: claim.name,
    unit: claim.unit,
    claimed: showValue(claim),
    tolerance: showTolerance(chosen.tolerance),
    ...(chosen.class === undefined ? {} : { class: chosen.class }),
    obtained: NOTHING,
    ...(verdictOfRun(claim, run, found) ?? found),
  };
}

function verdictOfRun(claim: Claim, run: RunState, found: ClaimVerdict): ClaimVerdict | undefined {
  const failed = run.failedSteps.find(({ step }) => step === claim.from.step);
  if (failed) {
    const verb = failed.status === "not run"
      ? `was not run`
      : failed.status === "failed"
      ? "failed"
      : "was interrupted";
    const detail = `step "${failed.step}" ${verb}${failed.detail ? `: ${failed.detail}` : ""}`;
    return { verdict: "missing", detail };
  }
  if (run.parametersChanged.length === 0) return undefined;
  const names = run.parametersChanged.join(", ");
  return {
    verdict: "not applicable",
    detail: `the claim is about the declared parameters, changed: ${names}`,
    obtained: found.obtained ?? NOTHING,
    points: found.points,
  };
}

function compareObservation(
  claim: Claim,
  observation: Observation | undefined,
  chosen: Chosen,
): ClaimVerdict {
  if (claim.over !== undefined) {
    return {
      verdict: "not applicable",
      detail: "it is claimed over seeds, which one run does not judge: deno task sweep does",
    };
  }
  if (!observation) return missing(`${formatSource(claim.from)} was not looked at`);
  if (!observation.found) return missing(`looked for ${observation.looked}: ${observation.reason}`);
  if (Array.isArray(claim.value)) return compareCurve(claim, observation, chosen);
  if ("list" in observation) {
    return missing(`looked for one value at ${formatSource(claim.from)}, found a list`);
  }
  const { value } = claim;
  if (typeof value !== "number" && typeof value !== "object") {
    return compareExactly(claim, observation, chosen);
  }
  const obtained = readNumber(observation, claim);
  if (typeof obtained === "string") {
    return missing(
      `looked for a number at ${formatSource(claim.from)}, found ${obtained}`,
      cut(observation.text),
    );
  }
  if (typeof value === "number") return compareNumber(claimedNumber(claim, chosen), obtained, chosen);
  return value.kind === "range" ? compareRange(value, claim.of, obtained) : {
    verdict: "not applicable",
    detail:
      `the mean of ${value.n} runs is claimed, which one run does not judge: with over: seeds, deno task sweep does`,
    obtained: toText(obtained, parseDecimal(value.mean)!.scale + 2),
  };
}

function missing(detail: string, obtained?: string): ClaimVerdict {
  return { verdict: "missing", detail, ...(obtained === undefined ? {} : { obtained }) };
}

function compareExactly(
  claim: Claim,
  { value, text, distance }: FoundValue & { distance?: number | string },
  chosen: Chosen,
): ClaimVerdict {
  const { isHash = false, isText } = kindOf(claim.from);
  const obtained = isHash ? shortHash(text) : cut(text);
  if (!isText && typeof value !== typeof claim.value) {
    const expected = typeof claim.value === "string" ? "a text" : "true or false";
    const shown = typeof value === "string" ? JSON.stringify(text) : text;
    return missing(
      `looked for ${expected} at ${formatSource(claim.from)}, found the ${typeof value} ${cut(shown)}`,
      obtained,
    );
  }
  // Python writes True, and a hash may be in capitals.
  const fold = isHash || typeof claim.value === "boolean"
    ? (one: string) => one.toLowerCase()
    : (one: string) => one;
  if (fold(text) === fold(String(claim.value))) {
    return { verdict: "identical", obtained, detail: isHash ? "the same bytes" : "the same value" };
  }
  if (typeof distance === "number") {
    const isInside = distance <= (chosen.tolerance?.absolute ?? 0);
    const share = `${Number((distance * 100).toPrecision(3))} % of the pixels`;
    return { ...conclude(`${share} look different, which`, isInside, chosen), difference: share, obtained };
  }
  if (distance !== undefined) return { verdict: "different", obtained, detail: distance };
  return {
    verdict: "different",
    obtained,
    detail: isHash ? "other bytes than published" : "another value than claimed",
  };
}

function claimedNumber({ text, of }: Claim, { tolerance }: Chosen): Claimed {
  return { value: parseDecimal(text as string)!, of, isCount: tolerance?.samples !== undefined };
}

function compareNumber(claimed: Claimed, obtained: Decimal, chosen: Chosen): ClaimVerdict {
  const deviation = measure(claimed, obtained);
  const shown = { obtained: showObtained(obtained, claimed) };
  if (deviation.kind === "different" || deviation.kind === "missing") {
    return { verdict: deviation.kind, detail: deviation.detail, ...shown };
  }
  const difference = showDeviation(deviation);
  if (difference === undefined) {
    const isCount = claimed.of !== undefined || claimed.isCount;
    return {
      verdict: "identical",
      detail: isCount ? "the same count" : "the same value as printed",
      ...shown,
    };
  }
  return { ...conclude(difference, isWithin(deviation, chosen.tolerance), chosen), difference, ...shown };
}

function showValue(claim: Claim): string {
  if (Array.isArray(claim.text)) return showCurve(claim.text);
  if (kindOf(claim.from).isHash) return shortHash(claim.text);
  if (typeof claim.value === "object") return showRange(claim, claim.text);
  const value = typeof claim.value === "number" ? parseDecimal(claim.text) : undefined;
  return value === undefined
    ? cut(claim.text)
    : showClaimed(claim.text, { value, of: claim.of, isCount: false });
}

/** Twelve digits tell two hashes apart in a table; the evidence holds them whole. */
function shortHash(hex: string): string {
  return `${hex.slice(0, 12).toLowerCase()}…`;
}
