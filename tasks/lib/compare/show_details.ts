/** How a differing file is shown: its quantities, tensors, cells or lines. Text only. */

import { columns } from "../cli/table.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { Cell } from "./columns.ts";
import type { FileDifference } from "./compare_runs.ts";
import type { ColumnsDifference, Deviation, Point } from "./deviations.ts";
import type { TensorDifference, TensorsDifference } from "./tensors.ts";
import { pluralize } from "../cli/format.ts";

/** Rows of a table, and entries of a list, that are shown; `--json` has all. */
const MOST_ROWS = 12;

const MOST_CHARACTERS = 60;

/** Lines for one file, headed by its path; none where all there is to say is in the list of files. */
export function fileDetails({ path, detail, incidental }: FileDifference, terminal: Terminal): string[] {
  if (incidental !== undefined) return [];
  const lines = detailLines({ path, detail }, terminal);
  return lines.length === 0
    ? []
    : ["", terminal.paint(clean(path), "bold"), ...lines.map((line) => `  ${line}`)];
}

function detailLines({ detail }: FileDifference, terminal: Terminal): string[] {
  switch (detail.kind) {
    case "values":
      return valueLines(detail, terminal);
    case "tensors":
      return tensorLines(detail, terminal);
    case "notebook":
      return atMost(detail.cells.map((cell) => clean(cell, 160)));
    case "text":
      return [`line ${detail.line}`, `A: ${clean(detail.a)}`, `B: ${clean(detail.b)}`];
    case "bytes":
      return [`other bytes from byte ${detail.at} on`];
    case "hash":
    case "record":
      return [];
  }
}

export const VALUES_HEADER = ["quantity", "differ", "where", "A", "B", "B − A"];

function valueLines({ deviations, problems }: ColumnsDifference, terminal: Terminal): string[] {
  const shown = deviations.filter(({ incidental }) => incidental === undefined);
  const rows = shown.slice(0, MOST_ROWS).flatMap(deviationRows);
  const more = shown.length > MOST_ROWS ? [`and ${shown.length - MOST_ROWS} more quantities`] : [];
  const table = rows.length === 0 ? [] : tableLines([VALUES_HEADER, ...rows], terminal);
  return [...table, ...more, ...atMost(problems.map((problem) => clean(problem)))];
}

/** The first, the largest and the last pair, or the predictions that flipped, under {@link VALUES_HEADER}. */
export function deviationRows(deviation: Deviation): string[][] {
  const { quantity, points, deviating, first, largest, last, flipped } = deviation;
  const name = clean(quantity === "" ? "the value" : quantity, 40);
  const count = points === 1 ? "" : `${deviating} of ${points}${flipped ? " flipped" : ""}`;
  if (flipped !== undefined) {
    return flipped.slice(0, 5).map((point, row) => pointRow(row === 0 ? [name, count] : ["", ""], "", point));
  }
  const rows = [pointRow([name, count], points === 1 ? "" : "first", first)];
  if (largest !== undefined && largest.at !== first.at) rows.push(pointRow(["", ""], "largest", largest));
  if (last.at !== first.at && last.at !== largest?.at) rows.push(pointRow(["", ""], "last", last));
  return rows;
}

function pointRow(head: string[], which: string, { at, a, b, difference, samples }: Point): string[] {
  const where = [which, clean(at)].filter((part) => part !== "").join(": ");
  return [...head, where, showCell(a), showCell(b), showDifference(difference, samples)];
}

export function showCell(cell: Cell): string {
  return cell === null ? "nothing" : clean(String(cell), 24);
}

/** A number with its sign, in samples where they are known. */
export function showDifference(difference: number | undefined, samples?: number): string {
  if (samples !== undefined) {
    return pluralize(samples, "sample", { shown: signed(String(samples)) });
  }
  if (difference === undefined) return "";
  return signed(Number.isInteger(difference) ? String(difference) : difference.toPrecision(2));
}

/** With + or −; a zero has none. */
export function signed(text: string): string {
  if (text.startsWith("-")) return `−${text.slice(1)}`;
  return /^0(?:\.0*)?$/.test(text) ? text : `+${text}`;
}

export const TENSORS_HEADER = ["tensor", "type", "differ", "largest ULP", "relative", "absolute", "at"];

function tensorLines({ equal, differing, problems }: TensorsDifference, terminal: Terminal): string[] {
  const all = equal + differing.length;
  const rows = differing.slice(0, MOST_ROWS).map(tensorRow);
  const more = differing.length > MOST_ROWS ? [`and ${differing.length - MOST_ROWS} more`] : [];
  const table = rows.length === 0 ? [] : tableLines([TENSORS_HEADER, ...rows], terminal);
  return [
    `${equal} of ${all} tensors are equal to the bit`,
    ...table,
    ...more,
    ...atMost(problems.map((problem) => clean(problem))),
  ];
}

export function tensorRow(
  { name, dtype, shape, elements, differing, notFinite, ...largest }: TensorDifference,
) {
  const infinite = notFinite === 0 ? "" : `, ${notFinite} NaN or infinite`;
  return [
    clean(name, 40),
    `${clean(dtype)} [${shape.join(", ")}]`,
    `${differing} of ${elements}${infinite}`,
    largest.ulp,
    largest.relative.toExponential(1),
    largest.absolute.toExponential(1),
    `[${largest.at.join(", ")}]`,
  ];
}

function tableLines(rows: string[][], terminal: Terminal): string[] {
  return columns(rows, (cell, row) => row === 0 ? terminal.paint(cell, "dim") : cell);
}

function atMost(lines: string[]): string[] {
  if (lines.length <= MOST_ROWS) return lines;
  return [...lines.slice(0, MOST_ROWS), `and ${lines.length - MOST_ROWS} more`];
}

/** Text from a run on one line, without what a terminal would obey. */
export function clean(text: string, most = MOST_CHARACTERS): string {
  // deno-lint-ignore no-control-regex -- control characters are what is replaced
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}
