/** Numbers that stand in a paper by hand and contradict a run. */

import { Failure } from "../../cli/failure.ts";
import { readRegularText } from "../../system/regular_file.ts";
import type { PaperNumber } from "./numbers.ts";
import { nameOf } from "./typst.ts";

/** A number in a paper that the run does not say. */
export interface Finding {
  /** 1-based. */
  line: number;
  /** As it stands there. */
  written: string;
  /** The run's number, or the several that it may be. */
  claims: { claim: string; obtained: string }[];
  /** "contradicts": it is one claim's number, and the run has another; "ambiguous": it may be several claims' number. */
  kind: "contradicts" | "ambiguous";
}

/** What was looked for and found. */
export interface PaperCheck {
  findings: Finding[];
  /** Claims whose numbers are too short to be told from any others, e.g. `3`. */
  unsearched: string[];
}

/** Digits from which on a number is taken for the claim's: `94.0`, not `3` or `10`. */
const LEAST_DIGITS = 3;

/** Bytes of a paper. */
const LONGEST = 16e6;

/** @throws Failure(2) if the paper can't be read */
export async function checkPaper(path: string, numbers: readonly PaperNumber[]): Promise<PaperCheck> {
  const text = await readRegularText(path, { most: LONGEST }).catch((error) => {
    throw new Failure(2, `Cannot read ${path}: ${(error as Error).message}`);
  });
  return findContradictions(text, numbers, path.endsWith(".tex"));
}

/** A line for each finding, and what was not looked for. */
export function describeCheck(path: string, { findings, unsearched }: PaperCheck): string[] {
  const lines = findings.map(({ line, written, claims, kind }) => {
    const obtained = claims.map(({ claim, obtained }) => `${claim}: ${obtained}`).join("; ");
    return kind === "contradicts"
      ? `${path}:${line}  ${written} contradicts the run (${obtained})`
      : `${path}:${line}  ${written} may be the number of several claims (${obtained})`;
  });
  const short = unsearched.length === 0
    ? []
    : [`Not looked for, since their numbers are too short to be told from others: ${unsearched.join(", ")}`];
  return [...(lines.length > 0 ? lines : [`${path}: no number contradicts the run`]), ...short];
}

/**
 * Finds numbers that a claim prints where the run has obtained another, and definitions of this task's commands that
 * have other values.
 *
 * @param isLatex `%` begins a comment
 */
export function findContradictions(
  text: string,
  numbers: readonly PaperNumber[],
  isLatex: boolean,
): PaperCheck {
  const values = numbers.flatMap(pairs);
  const long = values.filter(({ claimed }) => digitsOf(claimed) >= LEAST_DIGITS);
  const byNumber = Map.groupBy(long, ({ claimed }) => claimed);
  const findings: Finding[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const kept = isLatex ? line.replace(/(?<!\\)%.*$/, "") : line;
    const defined = definitionIn(kept, numbers);
    if (defined !== undefined) findings.push(...ofDefinition(defined, index + 1));
    else findings.push(...numbersIn(kept).flatMap((written) => ofNumber(written, byNumber, index + 1)));
  }
  const searched = new Set(long.map(({ claim }) => claim));
  return {
    findings,
    unsearched: [...new Set(values.map(({ claim }) => claim))].filter((one) => !searched.has(one)),
  };
}

interface Pair {
  claim: string;
  claimed: string;
  obtained: string;
}

/** Of a curve, its points; without those that the run has not obtained. */
function pairs({ claim, claimed, obtained }: PaperNumber): Pair[] {
  const found = [obtained].flat();
  return [claimed].flat().flatMap((value, index) => {
    const own = found[index];
    return own === undefined || !/^-?\d/.test(value) ? [] : [{ claim, claimed: value, obtained: own }];
  });
}

function digitsOf(number: string): number {
  return number.replace(/\D/g, "").replace(/^0+/, "").length;
}

/** Numbers of a line as the claims print them: a decimal comma and LaTeX's `94{,}01` are points; no part of a name. */
function numbersIn(line: string): string[] {
  return [...line.matchAll(/(?<![\w.,\\-])-?\d+(?:(?:\.|,|\{,\})\d+)?(?![\w]|[.,]\d)/g)].map(([number]) =>
    number
  );
}

function ofNumber(written: string, byNumber: Map<string, Pair[]>, line: number): Finding[] {
  const found = byNumber.get(written.replace(/\{,\}|,/, ".")) ?? [];
  const others = found.filter(({ claimed, obtained }) => claimed !== obtained);
  if (others.length === 0) return [];
  const claims = found.map(({ claim, obtained }) => ({ claim, obtained }));
  return [{ line, written, claims, kind: found.length === 1 ? "contradicts" : "ambiguous" }];
}

interface Definition {
  number: PaperNumber;
  expected: PaperNumber["claimed"] | undefined;
  body: string;
}

/** `\newcommand{\obtainedX}{…}`, `\def\obtainedX{…}` or `#let obtained-x = …`, copied into the paper by hand. */
function definitionIn(line: string, numbers: readonly PaperNumber[]): Definition | undefined {
  const latex =
    /\\(?:(?:re)?newcommand\*?|providecommand\*?)\{?\\(claimed|obtained)([A-Za-z]+)\}?(?:\[1\])?\{(.*)\}/
      .exec(line) ?? /\\def\\(claimed|obtained)([A-Za-z]+)\{(.*)\}/.exec(line);
  const typst = /^\s*#let (claimed|obtained)-([a-z-]+)\s*=\s*(.*)$/.exec(line);
  const [, which, name, body = ""] = latex ?? typst ?? [];
  const number = numbers.find(({ word }) => word === name || (typst !== null && nameOf(word) === name));
  if (number === undefined) return undefined;
  return { number, expected: which === "claimed" ? number.claimed : number.obtained, body };
}

function ofDefinition({ number: { claim }, expected, body }: Definition, line: number): Finding[] {
  const [values, written] = [[expected ?? []].flat(), numbersIn(body.replace(/\\[a-z]+(?:#1)?|#1/g, " "))];
  const wrong = written.find((one, index) => one.replace(/\{,\}|,/, ".") !== values[index]);
  if (wrong === undefined) return [];
  return [{
    line,
    written: wrong,
    claims: [{ claim, obtained: values.join(", ") || "nothing" }],
    kind: "contradicts",
  }];
}
