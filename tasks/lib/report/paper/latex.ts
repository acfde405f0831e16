/** A run's numbers as LaTeX commands: `\obtainedAccuracy`, `\claimedAccuracy`, and a table of all claims. */

import { heading, type PaperRun } from "./paper.ts";
import type { PaperNumber } from "./numbers.ts";

/** Commands for one file, to be read by `\input`. With `siunitx`, numbers and units are set by that package. */
export function latexOf({ numbers, ...run }: PaperRun, { siunitx }: { siunitx: boolean }): string {
  const set = siunitx ? siunitxValue : plainValue;
  return [
    ...heading(run).map((line) => `% ${line}`),
    ...(siunitx ? ["% It needs \\usepackage{siunitx}."] : []),
    ...numbers.flatMap((number) => commands(number, set)),
    table(numbers, set),
    "",
  ].join("\n");
}

type SetValue = (value: string, unit?: string) => string;

function commands(number: PaperNumber, set: SetValue): string[] {
  const { claim, word, unit, claimed, obtained, check } = number;
  return [
    `% ${claim}: ${check.verdict}`,
    command(`claimed${word}`, claimed, unit, set),
    command(`obtained${word}`, obtained, unit, set),
  ];
}

/** A curve's command takes the number of the point, beginning with 1; what the run has not got is seen in the paper. */
function command(
  name: string,
  value: PaperNumber["claimed"] | undefined,
  unit: string | undefined,
  set: SetValue,
) {
  if (value === undefined) return `\\newcommand{\\${name}}{\\textbf{??}}`;
  if (!Array.isArray(value)) return `\\newcommand{\\${name}}{${set(value, unit)}}`;
  const points = value.map((point) => `\\or ${set(point, unit)}`).join("");
  return `\\newcommand{\\${name}}[1]{\\ifcase#1 \\textbf{??}${points}\\else\\textbf{??}\\fi}`;
}

function table(numbers: readonly PaperNumber[], set: SetValue): string {
  const rows = numbers.map(({ claim, unit, claimed, obtained, check }) =>
    [
      escape(claim),
      ...[claimed, obtained].map((value) => shown(value, (one) => set(one, unit))),
      escape(check.tolerance),
      escape(check.verdict),
    ].join(" & ") + " \\\\"
  );
  return [
    "\\newcommand{\\claimsTable}{%",
    "\\begin{tabular}{lrrll}",
    "\\hline",
    "claim & claimed & obtained & tolerance & verdict \\\\",
    "\\hline",
    ...rows,
    "\\hline",
    "\\end{tabular}}",
  ].join("\n");
}

/** A curve by its ends. */
function shown(value: PaperNumber["claimed"] | undefined, set: (value: string) => string): string {
  if (value === undefined) return "---";
  if (!Array.isArray(value)) return set(value);
  return value.length < 2 ? value.map(set).join() : `${set(value[0]!)} \\dots{} ${set(value.at(-1)!)}`;
}

function plainValue(value: string, unit?: string): string {
  const number = NUMBER.test(value) ? value.replace(/^-/, "\\ensuremath{-}") : escape(value);
  return unit === undefined ? number : `${number}\\,${escape(unit)}`;
}

const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i;

function siunitxValue(value: string, unit?: string): string {
  if (!NUMBER.test(value)) return plainValue(value, unit);
  if (unit === undefined) return `\\num{${value}}`;
  return unit === "%" ? `\\qty{${value}}{\\percent}` : `\\qty{${value}}{\\text{${escape(unit)}}}`;
}

const SPECIAL: Record<string, string> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "±": "\\ensuremath{\\pm}",
  "≥": "\\ensuremath{\\geq}",
  "≤": "\\ensuremath{\\leq}",
  "−": "\\ensuremath{-}",
  "…": "\\dots{}",
  "—": "---",
};

function escape(text: string): string {
  return text.replace(/[\\~^±≥≤−…—]|[&%$#_{}]/g, (sign) => SPECIAL[sign] ?? `\\${sign}`);
}
