/** What the code cells of a notebook printed, cell by cell, and where the notebook's prose says otherwise. */

import { parseDecimal, printsAs } from "./decimal.ts";
import { notebookCells } from "./text.ts";

interface Cell {
  /** Among the code cells, 1-based; a cell of text has the number of the code cell before it. */
  number: number;
  isCode: boolean;
  source: string;
  /** Without what went to standard error, where progress bars are. */
  output: string;
}

/** A number that stands alone: no part of a word, a time of day, a version or an address in memory. */
const NUMBER = /(?<![\w.]|\d:)[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?(?!\w|:\d|\.\d)/g;

/** The source texts of the numbers that each code cell printed or returned, in order. */
export function printedNumbers(json: string): string[][] {
  return cellsOf(json).filter(({ isCode }) => isCode).map(({ output }) => output.match(NUMBER) ?? []);
}

/** A line of prose, in a cell of text or a comment, that says other numbers than the output it repeats. */
export interface Contradiction {
  said: { cell: number; isCode: boolean; text: string };
  printed: { cell: number; text: string };
}

/**
 * Lines of prose whose words some printed line has, too, but with other numbers: a log that was copied from another run.
 *
 * The numbers of a line are compared as they are printed, so that 86.1 does not contradict 86.11. Of several printed lines
 * with the same words, the one with the most of the same numbers is taken.
 */
export function contradictions(json: string): Contradiction[] {
  const cells = cellsOf(json);
  const printed = new Map<string, { cell: number; text: string }[]>();
  for (const { number, output } of cells) {
    for (const text of linesOf(output)) {
      const words = wordsOf(text);
      if (words !== undefined) printed.set(words, [...printed.get(words) ?? [], { cell: number, text }]);
    }
  }
  return cells.flatMap(({ number, isCode, source }) =>
    proseOf(source, isCode).flatMap((text): Contradiction[] => {
      const same = printed.get(wordsOf(text) ?? "") ?? [];
      const best = same.toSorted((a, b) => agreeing(b.text, text) - agreeing(a.text, text))[0];
      if (best === undefined || agreeing(best.text, text) === numbersOf(text).length) return [];
      return [{ said: { cell: number, isCode, text }, printed: best }];
    })
  );
}

/** Cells that parameters were injected into are not the notebook's own. */
function cellsOf(json: string): Cell[] {
  const found: Cell[] = [];
  let number = 0;
  for (const cell of notebookCells(json)) {
    const tags = cell?.metadata?.tags;
    if (Array.isArray(tags) && tags.includes("injected-parameters")) continue;
    const isCode = cell?.cell_type === "code";
    if (isCode) number++;
    const outputs: unknown[] = Array.isArray(cell?.outputs) ? cell.outputs : [];
    found.push({ number, isCode, source: joined(cell?.source), output: outputs.map(outputText).join("\n") });
  }
  return found;
}

// deno-lint-ignore no-explicit-any -- a notebook's author may have written anything
function outputText(output: any): string {
  if (output?.name === "stderr") return "";
  return joined(output?.text ?? output?.data?.["text/plain"]);
}

function joined(text: unknown): string {
  return Array.isArray(text) ? text.join("") : typeof text === "string" ? text : "";
}

function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

/** The lines of a cell of text, or the comments of a code cell. */
function proseOf(source: string, isCode: boolean): string[] {
  const lines = linesOf(source);
  if (!isCode) return lines.map((line) => line.replace(/^[>*-]\s+|`/g, "").trim());
  return lines.filter((line) => line.startsWith("#")).map((line) => line.replace(/^#+\s*/, ""));
}

function numbersOf(text: string): string[] {
  return text.match(NUMBER) ?? [];
}

/** A line without its numbers and blanks; undefined without a number or a word, which would fit anything. */
function wordsOf(text: string): string | undefined {
  if (numbersOf(text).length === 0) return undefined;
  const words = text.replace(NUMBER, "0").replace(/\s+/g, "");
  return /\p{L}{2}/u.test(words) ? words : undefined;
}

/** How many numbers of two lines with the same words are the same. */
function agreeing(printed: string, said: string): number {
  const [ours, theirs] = [numbersOf(printed), numbersOf(said)];
  return theirs.filter((text, index) => {
    const [a, b] = [parseDecimal(ours[index] ?? ""), parseDecimal(text)];
    return a !== undefined && b !== undefined && (printsAs(a, b) || printsAs(b, a));
  }).length;
}
