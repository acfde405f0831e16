/** What the kinds that find a row by a column and its value have in common. */

import { ContentProblem } from "../values/content_problem.ts";
import type { Cell, RowQuery } from "../values/csv.ts";
import { SELECTORS } from "./selector.ts";
import type { ClaimSource, Form, FoundValue } from "./source.ts";

/** The row that follows `?`. */
export function parseRow(text: string): RowQuery | { problem: string } {
  const [column = "", ...value] = text.split("=");
  return column === "" || value.length === 0
    ? {
      problem:
        `must name the row by a column and its value, e.g. "?epoch=10" or "?epoch=last" after the file`,
    }
    : { column, value: value.join("=") };
}

/** A column of a file, or the cell of one row in it. */
export interface CellSource extends ClaimSource {
  /** The row whose column has the value; without it the whole column. */
  row?: RowQuery;
  column: string;
}

export function formatCell({ path, row, column }: CellSource): string {
  return `${path}${row === undefined ? "" : `?${row.column}=${row.value}`}#${column}`;
}

/** @param rows what may follow the file to name one row, e.g. `?epoch=10` */
export function checkCell({ path, row, column }: CellSource, value: unknown, rows: string[]) {
  if (Array.isArray(value) || row !== undefined) return undefined;
  const one = rows.map((query) => `${path}${query}#${column}`).join(" or ");
  return {
    field: "from" as const,
    problem:
      `must name one row, e.g. ${one}, or one value of the column, e.g. ${path}#${column}[-1] or [max], or value must be a list for the whole column`,
  };
}

/** @throws {ContentProblem} where one value is expected, and there are more or none */
export function oneOrAll(cells: Cell[], form: Form, row: RowQuery | undefined): FoundValue[] {
  if (form === "value" && cells.length !== 1) {
    const where = row === undefined ? "" : ` with ${row.column} = ${row.value}`;
    const lines = cells.slice(0, 5).map(({ line }) => line).join(", ") + (cells.length > 5 ? ", …" : "");
    const place = cells.length === 0 ? "" : ` (lines ${lines})`;
    throw new ContentProblem(
      `has ${cells.length} values${where}${place}, where one was looked for: ${SELECTORS}`,
    );
  }
  return cells.map(({ cell }) => ({ value: cell, text: cell }));
}
