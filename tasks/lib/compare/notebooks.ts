/** Two executed notebooks, cell by cell: what was run, and what came out. Pure. */

import { maskedBy, type Masks } from "./incidental.ts";

/** Phrases for people, one for each cell; cells count from 1. */
export interface NotebookDifference {
  /** What differs, e.g. `cell 6: the output differs: "loss 0.2" against "loss 0.3"`. */
  cells: string[];
  /** What differs only by times or the run's own folder, or in what is not shown. */
  incidental: string[];
}

interface Part {
  what: string;
  a: string;
  b: string;
}

interface NotebookCell {
  cell_type?: string;
  source?: string | string[];
  outputs?: Output[];
  metadata?: { tags?: string[] };
}

interface Output {
  output_type?: string;
  text?: string | string[];
  data?: Record<string, unknown>;
  ename?: string;
  evalue?: string;
}

/** @throws {SyntaxError} if one of them is not JSON. */
export function compareNotebooks(textA: string, textB: string, masks: Masks): NotebookDifference {
  const [a, b] = [cellsOf(textA), cellsOf(textB)];
  const result: NotebookDifference = { cells: [], incidental: [] };
  if (a.length !== b.length) result.cells.push(`${a.length} cells against ${b.length}`);
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    for (const part of differingParts(a[index]!, b[index]!)) {
      const reason = maskedBy(part.a, part.b, masks);
      const place = `cell ${index + 1}: ${part.what} differs`;
      if (reason !== undefined) result.incidental.push(`${place} in ${reason}`);
      else result.cells.push(`${place}${firstLine(part)}`);
    }
  }
  if (result.cells.length + result.incidental.length === 0) {
    result.incidental.push("what a notebook does not show: times, versions");
  }
  return result;
}

function cellsOf(text: string): NotebookCell[] {
  const { cells } = JSON.parse(text) ?? {};
  if (!Array.isArray(cells)) throw new SyntaxError("no notebook: it has no cells");
  return cells;
}

function differingParts(a: NotebookCell, b: NotebookCell): Part[] {
  const parts: Part[] = [{ what: "the source", a: joined(a.source), b: joined(b.source) }];
  const [outputsA, outputsB] = [shownOutputs(a), shownOutputs(b)];
  for (const what of new Set([...outputsA.keys(), ...outputsB.keys()])) {
    parts.push({ what, a: outputsA.get(what) ?? "", b: outputsB.get(what) ?? "" });
  }
  return parts.filter(({ a, b }) => a !== b);
}

/** The outputs' texts by kind; how a stream was cut into pieces says nothing. */
function shownOutputs({ outputs = [] }: NotebookCell): Map<string, string> {
  const found = new Map<string, string>();
  const add = (kind: string, text: string) => found.set(kind, (found.get(kind) ?? "") + text);
  for (const { text, data, ename, evalue } of outputs) {
    if (text !== undefined) add("the printed text", joined(text));
    if (ename !== undefined) add("the error", `${ename}: ${evalue}`);
    for (const [type, content] of Object.entries(data ?? {})) add(`the output (${type})`, joined(content));
  }
  return found;
}

function joined(text: unknown): string {
  if (Array.isArray(text)) return text.join("");
  return typeof text === "string" ? text : JSON.stringify(text) ?? "";
}

/** The first line that differs, of texts; nobody reads an image. */
function firstLine({ what, a, b }: Part): string {
  if (what.includes("image/")) return "";
  const [linesA, linesB] = [a.split("\n"), b.split("\n")];
  const at = linesA.findIndex((line, index) => line !== linesB[index]);
  const index = at < 0 ? linesA.length : at;
  return `: ${JSON.stringify(linesA[index] ?? "")} against ${JSON.stringify(linesB[index] ?? "")}`;
}
