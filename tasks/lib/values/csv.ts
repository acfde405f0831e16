/** Tables: what Python's csv, pandas and R write, with the source text of every cell. */

import { ContentProblem } from "./content_problem.ts";

interface Row {
  /** 1-based; a quoted cell may reach over several lines. */
  line: number;
  cells: string[];
}

/** The cell of a column in the row whose `row.column` is `row.value` (10 is 10.0), or all cells of the column. */
export function findInCsv(
  text: string,
  column: string,
  row?: { column: string; value: string },
): string[] {
  const [header, ...rows] = parseCsv(text);
  if (header === undefined) throw new ContentProblem("is empty, where a table was looked for");
  const ragged = rows.find(({ cells }) => cells.length !== header.cells.length);
  if (ragged !== undefined) {
    throw new ContentProblem(
      `has ${ragged.cells.length} cells in line ${ragged.line} and ${header.cells.length} in its header`,
    );
  }
  const at = indexOf(header.cells, column);
  if (row === undefined) return rows.map(({ cells }) => cells[at]!);
  const key = indexOf(header.cells, row.column);
  const found = rows.filter(({ cells }) => isSame(cells[key]!, row.value));
  if (found.length === 1) return [found[0]!.cells[at]!];
  const expected = `row with ${row.column} = ${row.value}`;
  if (found.length === 0) {
    throw new ContentProblem(
      `has no ${expected}, ${row.column} is ${list(rows.map(({ cells }) => cells[key]!))}`,
    );
  }
  throw new ContentProblem(
    `has more than one ${expected}, in lines ${list(found.map(({ line }) => String(line)))}`,
  );
}

function indexOf(header: string[], column: string): number {
  const found = header.flatMap((name, index) => name.trim() === column ? [index] : []);
  if (found.length === 1) return found[0]!;
  if (found.length > 1) {
    throw new ContentProblem(`has ${found.length} columns called ${JSON.stringify(column)}`);
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

/** Rows of cells (RFC 4180); the separator is a tab or semicolon where the first line has one and no comma. */
export function parseCsv(text: string): Row[] {
  const body = text.replace(/^\uFEFF/, "");
  const first = /^[^\r\n]*/.exec(body)![0];
  const separator = first.includes(",") ? "," : first.includes("\t") ? "\t" : first.includes(";") ? ";" : ",";
  const cell = new RegExp(
    `"((?:[^"]|"")*)"(${separator}|\\r?\\n|$)|([^${separator}\\r\\n]*)(${separator}|\\r?\\n|$)`,
    "y",
  );
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
