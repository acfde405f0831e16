/** Tables: what Python's csv, pandas and R write, with the source text of every cell. */

import { ContentProblem } from "./content_problem.ts";
import type { NumberFormat } from "./written_number.ts";

export interface Row {
  /** 1-based; a quoted cell may reach over several lines. */
  line: number;
  cells: string[];
}

/** How a table is written, where its first line does not tell. */
export interface TableFormat extends NumberFormat {
  /** One character, or `space` for any number of blanks. */
  separator?: string;
  /** False if the first row holds values; columns are then called 0, 1, 2, … */
  header?: boolean;
}

/** Which rows: those whose `column` is `value` (10 is 10.0, `last` is the value in the last row). */
export interface RowQuery {
  column: string;
  value: string;
}

/**
 * The cells of a column, of all rows or of those that are asked for. Blank cells are left out, since tables that
 * loggers write have a row for each message and not for each epoch.
 *
 * @throws {ContentProblem} if there is no table, no such column or no such row
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const [last] = findInCsv("epoch,accuracy\n1,81.85\n2,86.10\n", "accuracy", { column: "epoch", value: "2" });
 * assert.equal(last?.cell, "86.10");
 * ```
 */
export function findInCsv(text: string, column: string, row?: RowQuery, format: TableFormat = {}): Cell[] {
  return findInTable(tableOf(parseCsv(text, format), format), column, row);
}

export interface Cell {
  cell: string;
  /** 1-based. */
  line: number;
}

/** A table with the names of its columns. */
export interface Table {
  header: string[];
  rows: Row[];
}

function tableOf(all: Row[], format: TableFormat): Table {
  const [first, ...others] = all;
  if (first === undefined) throw new ContentProblem("is empty, where a table was looked for");
  const ragged = others.find(({ cells }) => cells.length !== first.cells.length);
  if (ragged !== undefined) {
    throw new ContentProblem(
      `has ${ragged.cells.length} cells in line ${ragged.line} and ${first.cells.length} in its ${
        format.header === false ? "first" : "header"
      }`,
    );
  }
  return format.header === false
    ? { header: first.cells.map((_, index) => String(index)), rows: all }
    : { header: first.cells, rows: others };
}

/**
 * The cells of a column that are not blank, with their lines.
 *
 * @throws {ContentProblem} if there is no such column or row
 */
export function findInTable(
  { header, rows }: Table,
  column: string,
  row?: RowQuery,
): Cell[] {
  const at = indexOf(header, column);
  const cellsOf = (rows: Row[]) =>
    rows.flatMap(({ cells, line }) => isBlank(cells[at]) ? [] : [{ cell: cells[at]!, line }]);
  if (row === undefined) return cellsOf(rows);
  const key = indexOf(header, row.column);
  const keys = rows.map(({ cells }) => cells[key] ?? "").filter((cell) => !isBlank(cell));
  // "last" may also be what a cell says.
  const isLast = row.value === "last" && !keys.includes("last");
  const value = isLast ? lastWith(rows, key, at) : row.value;
  const matching = rows.filter(({ cells }) => isSame(cells[key] ?? "", value));
  const expected = `row with ${row.column} = ${row.value}`;
  if (matching.length === 0) throw new ContentProblem(`has no ${expected}, ${row.column} is ${list(keys)}`);
  const found = cellsOf(matching);
  if (found.length > 0) return found;
  const lines = list(matching.map(({ line }) => String(line)));
  throw new ContentProblem(`has a blank ${JSON.stringify(column)} in each ${expected} (line ${lines})`);
}

/** The last key of a row in which the column is not blank. */
function lastWith(rows: Row[], key: number, at: number): string {
  const found = rows.findLast(({ cells }) => !isBlank(cells[key]) && !isBlank(cells[at]));
  return found?.cells[key] ?? "";
}

/** Keras and R write NA where there is nothing. */
function isBlank(cell: string | undefined): boolean {
  return cell === undefined || /^\s*(?:NA)?\s*$/.test(cell);
}

function indexOf(header: string[], column: string): number {
  const found = header.flatMap((name, index) => name.trim() === column ? [index] : []);
  if (found.length === 1) return found[0]!;
  if (found.length > 1) {
    throw new ContentProblem(`has ${found.length} columns called ${JSON.stringify(column)}`);
  }
  // A column without a name, as pandas writes its index, is found by its number, and so is one of a table without names.
  const index = /^(?:\d|-[1-9])\d{0,5}$/.test(column) ? Number(column) : NaN;
  const isNumbered = header.every((name, index) => name === String(index));
  if (isNumbered ? header.at(index) !== undefined : header.at(index)?.trim() === "") {
    return index < 0 ? header.length + index : index;
  }
  throw new ContentProblem(`has no column ${JSON.stringify(column)}, the columns are ${list(header)}`);
}

function isSame(cell: string, expected: string): boolean {
  const text = cell.trim();
  return text === expected || text !== "" && expected.trim() !== "" && Number(text) === Number(expected);
}

function list(items: string[]): string {
  const shown = items.slice(0, 10).join(", ");
  return items.length > 10 ? `${shown} and ${items.length - 10} more` : shown || "in no row";
}

/**
 * Rows of cells (RFC 4180); unless the format says it, the separator is a tab or semicolon where the first line has one
 * and no comma.
 */
export function parseCsv(text: string, format: TableFormat = {}): Row[] {
  const body = text.replace(/^\uFEFF/, "");
  if (format.separator === "space") return spacedRows(body);
  const first = /^[^\r\n]*/.exec(body)![0];
  const separator = format.separator ?? separatorOf(first, format);
  const one = RegExp.escape(separator);
  const cell = new RegExp(`"((?:[^"]|"")*)"(${one}|\\r?\\n|$)|([^${one}\\r\\n]*)(${one}|\\r?\\n|$)`, "y");
  const rows: Row[] = [];
  let row: Row = { line: 1, cells: [] };
  let line = 1;
  for (cell.lastIndex = 0; cell.lastIndex < body.length || row.cells.length > 0;) {
    const match = cell.exec(body);
    if (match === null) {
      throw new ContentProblem(`is not a table: a quote is not closed, or stray, in line ${line}`);
    }
    const [, quoted, quotedEnd, plain, plainEnd] = match;
    if (plain?.startsWith('"')) {
      throw new ContentProblem(`is not a table: a quote is not closed, or stray, in line ${line}`);
    }
    row.cells.push(quoted?.replaceAll('""', '"') ?? plain!);
    line += match[0].split("\n").length - 1;
    if ((quotedEnd ?? plainEnd) === separator) continue;
    if (row.cells.length > 1 || row.cells[0] !== "") rows.push(row);
    row = { line, cells: [] };
  }
  return rows;
}

function separatorOf(first: string, { decimal }: TableFormat): string {
  const [comma, tab, semicolon] = [",", "\t", ";"].map((one) => first.includes(one));
  if (comma && decimal !== ",") return ",";
  return tab ? "\t" : semicolon ? ";" : decimal === "," ? ";" : ",";
}

function spacedRows(body: string): Row[] {
  return body.split(/\r?\n/).flatMap((line, index) => {
    const cells = line.trim().split(/[ \t]+/);
    return cells.length > 1 || cells[0] !== "" ? [{ line: index + 1, cells }] : [];
  });
}
