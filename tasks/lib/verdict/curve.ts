/** A curve as one claim: judged by the point that deviates the most. */

import { formatSource } from "../sources/sources.ts";
import type { Claim } from "../experiment/experiment.ts";
import type { Check, ClaimVerdict } from "../record/verdict.ts";
import { parseDecimal, toText } from "../values/decimal.ts";
import { readNumber } from "./claimed_number.ts";
import {
  type Claimed,
  type Deviation,
  isWithin,
  measure,
  showDeviation,
  showObtained,
  sizeOf,
} from "./deviation.ts";
import type { Observation } from "./read_value.ts";
import { type Chosen, conclude } from "./tolerance.ts";
import { pluralize } from "../cli/format.ts";

type Points = NonNullable<Check["points"]>;

interface Measured {
  /** Obtained values as they are shown. */
  shown: string[];
  deviations: Deviation[];
  points: Points;
}

/** E.g. `71.20 … 86.11 (2 points)`. */
export function showCurve(texts: string[]): string {
  const ends = texts.length === 1 ? texts[0]! : `${texts[0]} … ${texts.at(-1)}`;
  return `${ends} (${pluralize(texts.length, "point")})`;
}

/** Checks a list of values point by point; it is `missing` where the lists differ in length. */
export function compareCurve(
  claim: Claim,
  observation: Observation & { found: true },
  chosen: Chosen,
): ClaimVerdict {
  const measured = measureCurve(claim, observation, chosen);
  if (typeof measured === "string") return { verdict: "missing", detail: measured };
  const { deviations, points, shown } = measured;
  return { ...compareDeviations(claim, deviations, chosen), points, obtained: showCurve(shown) };
}

/** Every point's deviation, or why the curves can't be compared. */
function measureCurve(
  claim: Claim,
  observation: Observation & { found: true },
  chosen: Chosen,
): Measured | string {
  const from = formatSource(claim.from);
  if (!("list" in observation)) return `looked for a list at ${from}, found a single value`;
  const { list } = observation;
  if (list.length !== claim.text.length) {
    return `looked for ${pluralize(claim.text.length, "value")} at ${from}, found ${list.length}`;
  }
  const measured: Measured = { shown: [], deviations: [], points: [] };
  for (const [index, text] of (claim.text as string[]).entries()) {
    const claimed: Claimed = {
      value: parseDecimal(text)!,
      of: claim.of,
      isCount: chosen.tolerance?.samples !== undefined,
    };
    const obtained = readNumber(list[index]!, claim);
    if (typeof obtained === "string") {
      return `looked for a number at point ${index + 1} of ${from}, found ${obtained}`;
    }
    const deviation = measure(claimed, obtained);
    measured.shown.push(showObtained(obtained, { ...claimed, of: undefined }));
    measured.deviations.push(deviation);
    const samples = deviation.kind === "samples" ? deviation.samples : 0;
    const inSamples = claimed.of !== undefined || claimed.isCount;
    measured.points.push({
      claimed: Number(text),
      obtained: Number(toText(obtained, 20)),
      ...(inSamples && (deviation.kind === "samples" || deviation.kind === "none") ? { samples } : {}),
    });
  }
  return measured;
}

function compareDeviations(claim: Claim, deviations: Deviation[], chosen: Chosen): ClaimVerdict {
  const away = deviations.flatMap(({ kind }, index) => kind === "none" ? [] : [index]);
  const what = claim.of !== undefined || chosen.tolerance?.samples !== undefined
    ? "count"
    : "value as printed";
  if (away.length === 0) {
    return { verdict: "identical", detail: `the same ${what} at all ${deviations.length} points` };
  }
  const outside = away.filter((index) => !isWithin(deviations[index]!, chosen.tolerance));
  const size = (index: number) => sizeOf(deviations[index]!, chosen.tolerance);
  const worst = (outside.length > 0 ? outside : away).reduce((most, one) =>
    size(one) > size(most) ? one : most
  );
  const deviation = deviations[worst]!;
  const where = `at point ${worst + 1} of ${deviations.length}`;
  if (deviation.kind === "different" || deviation.kind === "missing") {
    return { verdict: deviation.kind, worst, detail: `${where}: ${deviation.detail}` };
  }
  const difference = showDeviation(deviation)!;
  const others = away.length === 1
    ? "the only deviation"
    : `the largest of ${away.length} deviations, of which the first is at point ${away[0]! + 1}`;
  return {
    ...conclude(`${difference} ${where}, ${others},`, outside.length === 0, chosen),
    worst,
    difference,
  };
}
