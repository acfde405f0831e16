/** A run's numbers as Typst variables: `#obtained-accuracy`, `#claimed-accuracy`, and `#claims-table`. */

import { heading, type PaperRun } from "./paper.ts";
import type { PaperNumber } from "./numbers.ts";

/** Variables for one file, to be read by `#import "results.typ": *`. A curve is an array, with its points in order. */
export function typstOf({ numbers, ...run }: PaperRun): string {
  return [
    ...heading(run).map((line) => `// ${line}`),
    ...numbers.flatMap(({ claim, word, unit, claimed, obtained, check }) => [
      `// ${claim}: ${check.verdict}`,
      `#let claimed-${nameOf(word)} = ${valueOf(claimed, unit)}`,
      `#let obtained-${nameOf(word)} = ${valueOf(obtained, unit)}`,
    ]),
    table(numbers),
    "",
  ].join("\n");
}

/** `ValidationAccuracy` as Typst writes names: `validation-accuracy`. */
export function nameOf(word: string): string {
  return word.replace(/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, "-").toLowerCase();
}

function valueOf(value: PaperNumber["claimed"] | undefined, unit?: string): string {
  if (value === undefined) return "[*??*]";
  if (!Array.isArray(value)) return text(withUnit(value, unit));
  return `(${value.map((point) => text(withUnit(point, unit)) + ", ").join("")})`;
}

function withUnit(value: string, unit?: string): string {
  return unit === undefined ? value : `${value}\u{202F}${unit}`;
}

function table(numbers: readonly PaperNumber[]): string {
  const rows = numbers.map(({ claim, unit, claimed, obtained, check }) => {
    const cells = [claim, shown(claimed, unit), shown(obtained, unit), check.tolerance, check.verdict];
    return `  ${cells.map(text).join(", ")},`;
  });
  return [
    "#let claims-table = table(",
    "  columns: 5,",
    "  table.header([claim], [claimed], [obtained], [tolerance], [verdict]),",
    ...rows,
    ")",
  ].join("\n");
}

function shown(value: PaperNumber["claimed"] | undefined, unit?: string): string {
  if (value === undefined) return "—";
  if (!Array.isArray(value)) return withUnit(value, unit);
  const [first = "", last] = [value[0], value.at(-1)];
  return value.length < 2 ? withUnit(first, unit) : `${withUnit(first, unit)} … ${withUnit(last!, unit)}`;
}

/** As content that Typst does not read as markup. */
function text(value: string): string {
  return `[#${JSON.stringify(value)}]`;
}
