/** Tables on a terminal. */

import truncate from "fast-string-truncated-width";
import { visibleLine } from "./visible.ts";

/** Terminal columns between two table columns. */
const GAP = 2;

/**
 * Rows as aligned columns, the last one not padded; each row stays one line. Widths are of the plain text, so give
 * cells without colours and let `paint` colour them.
 */
export function columns(
  rows: string[][],
  paint = (cell: string, _row: number, _column: number) => cell,
): string[] {
  const cells = rows.map((row) => row.map(visibleLine));
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => width(row[column] ?? "")))
  );
  return cells.map((row, index) =>
    row.map((cell, column) => {
      const padding = column === row.length - 1
        ? ""
        : " ".repeat(Math.max(0, (widths[column] ?? 0) - width(cell)) + GAP);
      return paint(cell, index, column) + padding;
    }).join("")
  );
}

const PLAIN = /^[\x20-\x7e]*$/;

/** Terminal columns that a text takes: East Asian characters and emoji take two, combining marks none. */
export function width(text: string): number {
  return PLAIN.test(text) ? text.length : truncate(text).width;
}

/** A text of at most so many columns; one that is longer ends in an ellipsis, and in no half of a character. */
export function cutToWidth(text: string, limit: number): string {
  const { truncated, index } = truncate(text, { limit, ellipsis: "…", ellipsisWidth: 1 });
  return truncated ? `${text.slice(0, index)}…` : text;
}
