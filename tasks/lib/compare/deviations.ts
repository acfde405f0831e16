/** Where the columns of two files deviate from each other, and by how much. Pure. */

import type { Cell, Column } from "./columns.ts";
import { isDurationName, maskedBy, type Masks } from "./incidental.ts";

/** A pair of cells that differ. */
export interface Point {
  /** Which, e.g. `epoch 8` or `point 8 of 15`; empty for a single value. */
  at: string;
  a: Cell;
  b: Cell;
  /** B minus A, of numbers. */
  difference?: number;
  /** The same in samples, of percentages whose count is known. */
  samples?: number;
  /** Of a flipped prediction: what would be right, and the picture that it is about, as the table names them. */
  label?: Cell;
  picture?: string;
}

/** How one quantity differs between A and B. */
export interface Deviation {
  /** JSON pointer or name of the column. */
  quantity: string;
  /** Pairs of cells that were compared. */
  points: number;
  deviating: number;
  first: Point;
  /** Of numbers, the pair that is farthest apart. */
  largest?: Point;
  /** The last pair: where a curve ends. */
  last: Point;
  /** Texts, or whole numbers of which many are the same: classes, so that a deviation is a prediction that flipped. */
  flipped?: Point[];
  /** Why the difference says nothing of the result. */
  incidental?: string;
}

export interface ColumnsDifference {
  deviations: Deviation[];
  /** What can't be compared cell by cell, e.g. `loss: 15 values against 10`. */
  problems: string[];
}

/** What is known of the cells from elsewhere: claims, and words that differ in any two runs. */
export interface Reading {
  /** Samples that a percentage of that name is of, with the decimals it is claimed with. */
  count(quantity: string): ((cell: Cell) => number | undefined) | undefined;
  masks: Masks;
}

/** Flipped predictions that are listed by name. */
const MOST_FLIPPED = 10;

/** Pairs columns by their names and cells by their position; a column that one side lacks is a problem. */
export function compareColumns(a: Column[], b: Column[], reading: Reading): ColumnsDifference {
  const result: ColumnsDifference = { deviations: [], problems: [] };
  const others = new Map(b.map((column) => [column.name, column]));
  for (const column of a) {
    const other = others.get(column.name);
    others.delete(column.name);
    if (other === undefined) result.problems.push(`${shownName(column)}: only in A`);
    else comparePair(column, other, reading, result);
  }
  for (const column of others.values()) result.problems.push(`${shownName(column)}: only in B`);
  return result;
}

function comparePair(a: Column, b: Column, reading: Reading, { deviations, problems }: ColumnsDifference) {
  if (a.cells.length !== b.cells.length) {
    problems.push(`${shownName(a)}: ${a.cells.length} values against ${b.cells.length}`);
  }
  const deviation = findDeparture(a, b, reading);
  if (deviation !== undefined) deviations.push(deviation);
}

function shownName({ name }: Column): string {
  return name === "" ? "the whole file" : name;
}

function findDeparture(a: Column, b: Column, reading: Reading): Deviation | undefined {
  const points = Math.min(a.cells.length, b.cells.length);
  const places: number[] = [];
  for (let index = 0; index < points; index++) if (a.cells[index] !== b.cells[index]) places.push(index);
  if (places.length === 0) return undefined;
  const toCount = reading.count(a.name);
  const point = (index: number) => describePoint(a, b, index, toCount);
  const largest = farthest(a, b, places);
  return {
    quantity: a.name,
    points,
    deviating: places.length,
    first: point(places[0]!),
    largest: largest === undefined ? undefined : point(largest),
    last: point(points - 1),
    flipped: isClasses(a, b)
      ? places.slice(0, MOST_FLIPPED).map((index) => ({ ...point(index), ...besideOf(a, b, index) }))
      : undefined,
    incidental: explain(a, b, places, reading.masks),
  };
}

function describePoint(
  a: Column,
  b: Column,
  index: number,
  toCount: ((cell: Cell) => number | undefined) | undefined,
): Point {
  const [left, right] = [a.cells[index]!, b.cells[index]!];
  const point: Point = { at: placeOf(a, b, index), a: left, b: right };
  if (typeof left === "number" && typeof right === "number") point.difference = right - left;
  const counts = [toCount?.(left), toCount?.(right)];
  if (counts[0] !== undefined && counts[1] !== undefined) point.samples = counts[1] - counts[0];
  return point;
}

/** What both tables say of a row. */
function besideOf(a: Column, b: Column, index: number): Pick<Point, "label" | "picture"> {
  const [label, picture] = (["label", "picture"] as const).map((what) =>
    a[what]?.[index] === b[what]?.[index] ? a[what]?.[index] : undefined
  );
  return {
    ...(label !== undefined && label !== null && { label }),
    ...(typeof picture === "string" && { picture }),
  };
}

function placeOf(a: Column, b: Column, index: number): string {
  if (a.single && b.single) return "";
  const [key, other] = [a.key?.cells[index], b.key?.cells[index]];
  if (key !== undefined && key !== null && key === other) return `${a.key!.name} ${key}`;
  return `point ${index + 1} of ${Math.max(a.cells.length, b.cells.length)}`;
}

function farthest(a: Column, b: Column, places: number[]): number | undefined {
  let [found, distance] = [-1, -1];
  for (const index of places) {
    const [left, right] = [a.cells[index], b.cells[index]];
    if (typeof left !== "number" || typeof right !== "number") continue;
    if (Math.abs(right - left) > distance) [found, distance] = [index, Math.abs(right - left)];
  }
  return found < 0 ? undefined : found;
}

/** Whether cells name classes: texts, or whole numbers that each occur twice on average. */
function isClasses(a: Column, b: Column): boolean {
  if (a.single || a.cells.length !== b.cells.length) return false;
  const cells = [...a.cells, ...b.cells].filter((cell) => cell !== null);
  if (cells.every((cell) => typeof cell === "string")) return true;
  return cells.every((cell) => typeof cell !== "number" || Number.isInteger(cell)) &&
    new Set(cells).size <= a.cells.length / 2;
}

/** Only durations, or only texts that are the same without times and without the run's own paths. */
function explain(a: Column, b: Column, places: number[], masks: Masks): string | undefined {
  if (isDurationName(a.name) && places.every((index) => typeof a.cells[index] === "number")) return "times";
  const reasons = places.map((index) => maskedBy(a.cells[index], b.cells[index], masks));
  if (reasons.some((reason) => reason === undefined)) return undefined;
  return [...new Set(reasons)].join(" and ");
}
