/** What a JSON or CSV file holds, as named columns of cells: a table's columns, a list, or a single value as a list of one. */

import { ContentProblem } from "../values/content_problem.ts";
import { parseCsv } from "../values/csv.ts";

/** A number is a double, so digits beyond its precision make no difference. */
export type Cell = number | string | boolean | null;

/** Values of one quantity, in the order of the file. */
export interface Column {
  /** A JSON pointer or a column's name. */
  name: string;
  cells: Cell[];
  /** Not a list but one value. */
  single?: true;
  /** The first column of its table, which says what a row is about, e.g. the epoch. */
  key?: { name: string; cells: Cell[] };
  /** Beside it in the table: what is right for each row, and which picture each row is about. */
  label?: Cell[];
  picture?: Cell[];
}

/** Deeper than this, JSON is kept as text. */
const DEEPEST = 50;

/** @throws {SyntaxError} if the text is not JSON; NaN, Infinity and integers beyond a double are taken as texts. */
export function jsonColumns(text: string): Column[] {
  return [...columnsOf(parseJson(text), "", 0)];
}

/** What would be lost or refused as a number, and the strings, in which nothing is looked for. */
const NO_NUMBER = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b|(?<![\w.+-])-?\d{16,}(?![\w.])/gs;

function parseJson(text: string): unknown {
  return JSON.parse(text.replace(NO_NUMBER, (found) => found.startsWith('"') ? found : `"${found}"`));
}

function* columnsOf(value: unknown, pointer: string, depth: number): Generator<Column> {
  if (!isNested(value)) yield { name: pointer, cells: [value as Cell], single: true };
  else if (depth > DEEPEST) yield { name: pointer, cells: [JSON.stringify(value)], single: true };
  else if (Array.isArray(value) && !value.some(isNested)) yield { name: pointer, cells: value };
  else if (Object.keys(value as object).length === 0) yield { name: pointer, cells: [] };
  else if (Array.isArray(value) && value.every(isRecord)) yield* recordColumns(value, pointer, depth);
  else {
    for (const [key, inner] of Object.entries(value as object)) {
      yield* columnsOf(inner, `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, depth + 1);
    }
  }
}

/** A list of objects is a table: one row for each, `null` where one lacks a key. */
function recordColumns(records: Record<string, unknown>[], pointer: string, depth: number): Column[] {
  const rows = records.map((record) => new Map(leaves(record, "", depth + 1)));
  const names = new Set(rows.flatMap((row) => [...row.keys()]));
  const columns = [...names].map((name): Column => ({
    name: pointer === "" ? name : `${pointer}/*/${name}`,
    cells: rows.map((row) => row.get(name) ?? null),
  }));
  return withKey(columns);
}

/** Single values inside an object by their paths, e.g. `top/0/class`. */
function* leaves(value: unknown, path: string, depth: number): Generator<[path: string, cell: Cell]> {
  if (!isNested(value)) yield [path, value as Cell];
  else if (depth > DEEPEST) yield [path, JSON.stringify(value)];
  else {
    for (const [key, inner] of Object.entries(value as object)) {
      yield* leaves(inner, path === "" ? key : `${path}/${key}`, depth + 1);
    }
  }
}

/** @throws {ContentProblem} if the text is not a table, or its rows are not as long as its header. */
export function csvColumns(text: string): Column[] {
  const [header, ...rows] = parseCsv(text);
  if (header === undefined) return [];
  const width = header.cells.length;
  if (rows.some(({ cells }) => cells.length !== width)) throw new ContentProblem("has rows of other lengths");
  const names = header.cells.map((name) => name.trim());
  return withKey(names.map((name, column) => ({
    name: names.indexOf(name) === column ? name : `${name} (column ${column + 1})`,
    cells: rows.map(({ cells }) => csvCell(cells[column]!)),
  })));
}

/** A number, where the text is one: 10 and 10.0 are the same value. */
function csvCell(text: string): Cell {
  if (text.trim() === "") return null;
  const number = Number(text);
  const exact = Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number));
  return exact ? number : text;
}

/** Names rows by the first column, if no two rows have the same there, and tells what is right and shown in them. */
function withKey(columns: Column[]): Column[] {
  const [first, ...others] = columns;
  if (first === undefined) return [];
  const label = columns.find(({ name }) => /^(?:label|target|truth)$/i.test(name))?.cells;
  const picture = columns.find(({ cells }) => cells.length > 0 && cells.every(isPicture))?.cells;
  const beside = { ...(label && { label }), ...(picture && { picture }) };
  if (new Set(first.cells).size < first.cells.length) {
    return columns.map((column) => ({ ...column, ...beside }));
  }
  const key = { name: first.name, cells: first.cells };
  return [first, ...others.map((column) => ({ ...column, key, ...beside }))];
}

function isPicture(cell: Cell): boolean {
  return typeof cell === "string" && /\.(?:png|jpe?g|gif|webp|bmp)$/i.test(cell);
}

function isNested(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return isNested(value) && !Array.isArray(value);
}
