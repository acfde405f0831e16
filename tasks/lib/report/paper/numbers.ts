/** The numbers of a run as a paper shows them: claimed and obtained, each with the digits that the claim prints. */

import { visibleLine } from "../../cli/visible.ts";
import type { Claim } from "../../experiment/experiment.ts";
import { parseDecimal, toFixed } from "../../values/decimal.ts";
import type { Judged } from "../../verdict/judge.ts";
import type { Check } from "../../record/verdict.ts";

/** What one claim says and what the run has found for it. */
export interface PaperNumber {
  claim: string;
  /** The claim's name as one word of letters, e.g. `ValidationAccuracy`, unlike that of every other claim. */
  word: string;
  unit?: string;
  /** One value, or the points of a curve in their order; source texts. */
  claimed: string | string[];
  /** Likewise, with the digits of the claim; undefined if the run has no such value. */
  obtained?: string | string[];
  check: Check;
}

/** All claims of a run, in the order of experiment.yaml. */
export function paperNumbers({ experiment, verdict }: Judged): PaperNumber[] {
  const taken = new Set<string>();
  return experiment.claims.map((claim, index) => {
    const check = verdict.checks[index]!;
    return {
      claim: visibleLine(claim.name),
      word: unused(wordOf(claim.name), taken),
      unit: claim.unit,
      claimed: claim.text,
      obtained: obtained(claim, check),
      check,
    };
  });
}

const DIGITS = ["Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"];

/** TeX's command names have letters alone: `epoch 10, loss` becomes `EpochOneZeroLoss`. */
function wordOf(name: string): string {
  const plain = name.normalize("NFKD").replace(/\p{M}/gu, "");
  const spelled = plain.replace(/\d/g, (digit) => ` ${DIGITS[Number(digit)]} `);
  const words = spelled.match(/[A-Za-z]+/g) ?? ["Value"];
  return words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
}

/** Further claims of the same word get a letter: `Accuracy`, `AccuracyB`, `AccuracyC`. */
function unused(word: string, taken: Set<string>): string {
  let free = word;
  for (let number = 1; taken.has(free); number++) free = word + letters(number);
  taken.add(free);
  return free;
}

/** 1 is B, 25 is Z, 26 is BA: the digits of a number to the base 26. */
function letters(number: number): string {
  const last = String.fromCharCode(65 + number % 26);
  return number < 26 ? last : letters(Math.floor(number / 26)) + last;
}

function obtained(claim: Claim, check: Check): string | string[] | undefined {
  if (check.verdict === "missing") return undefined;
  if (Array.isArray(claim.text)) {
    const { text } = claim;
    return check.points?.map(({ obtained }, index) => withDigitsOf(String(obtained), text[index]!));
  }
  if (check.obtained === "—") return undefined;
  const [, value = ""] = /^(.*?)(?: \(.*\))?$/.exec(check.obtained)!;
  return withDigitsOf(value, endsOf(claim)[0] ?? claim.text);
}

/** The ends of a claimed range, or the claimed value itself, as source texts. */
function endsOf({ value, text }: Claim): string[] {
  if (typeof value !== "object" || Array.isArray(value)) return Array.isArray(text) ? text : [text];
  const ends = value.kind === "range" ? [value.least, value.most] : [value.mean];
  return ends.filter((end) => end !== undefined);
}

/** `99.4444` as `99.44` prints it is `99.44`; what is no number stays as it is. */
function withDigitsOf(value: string, printed: string): string {
  const [number, model] = [parseDecimal(value), parseDecimal(printed)];
  return number === undefined || model === undefined ? value : toFixed(number, model.scale);
}
