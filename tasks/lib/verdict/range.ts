/** A value that is claimed to lie in a range: compared exactly, as a count where it is one. */

import type { Claim, Range } from "../experiment/experiment.ts";
import type { ClaimVerdict } from "../record/verdict.ts";
import { atMost, type Decimal, parseDecimal, toText } from "../values/decimal.ts";
import {
  type Claimed,
  type Deviation,
  measure,
  showClaimed,
  showDeviation,
  showObtained,
} from "./deviation.ts";

/** The ends belong to the range. */
export function compareRange(
  { least, most }: Range,
  of: number | undefined,
  obtained: Decimal,
): ClaimVerdict {
  const ends = [
    ...(least === undefined ? [] : [{ text: least, word: "at least", below: "is below", isLeast: true }]),
    ...(most === undefined ? [] : [{ text: most, word: "at most", below: "is above", isLeast: false }]),
  ].map((end) => ({ ...end, claimed: { value: parseDecimal(end.text)!, of, isCount: false } }));
  const finest = ends.reduce((a, b) => a.claimed.value.scale >= b.claimed.value.scale ? a : b).claimed;
  const shown = showObtained(obtained, finest);
  for (const { text, below, isLeast, claimed } of ends) {
    const deviation = measure(claimed, obtained);
    if (deviation.kind === "different" || deviation.kind === "missing") {
      return { verdict: deviation.kind, detail: deviation.detail, obtained: shown };
    }
    if (isInside(deviation, obtained, claimed, isLeast)) continue;
    // Shown with all its digits, where those of the claim would show the end of the range itself.
    const value = of === undefined ? toText(obtained, 20) : shown;
    const difference = showDeviation(deviation);
    return {
      verdict: "different",
      detail: `${value} ${below} ${showClaimed(text, claimed)}`,
      obtained: shown,
      ...(difference === undefined ? {} : { difference }),
    };
  }
  const words = ends.map(({ text, word, claimed }) => `${word} ${showClaimed(text, claimed)}`).join(" and ");
  return { verdict: "within tolerance", detail: `${shown} is ${words}`, obtained: shown };
}

function isInside(
  deviation: Deviation,
  obtained: Decimal,
  { value, of }: Claimed,
  isLeast: boolean,
): boolean {
  if (of !== undefined) {
    const samples = deviation.kind === "samples" ? deviation.samples : 0;
    return isLeast ? samples >= 0 : samples <= 0;
  }
  return isLeast ? atMost(value, obtained) : atMost(obtained, value);
}

/** A claimed range with the counts that its ends stand for: `≥ 86.11 (465 of 540)`. */
export function showRange({ value, of }: Claim, text: string): string {
  if (of === undefined || typeof value !== "object" || !("least" in value || "most" in value)) return text;
  const end = (one: string) => showClaimed(one, { value: parseDecimal(one)!, of, isCount: false });
  const { least, most } = value;
  if (least === undefined) return `≤ ${end(most!)}`;
  return most === undefined ? `≥ ${end(least)}` : `${end(least)} to ${end(most)}`;
}
