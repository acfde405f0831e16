/** A cell of a table, or a whole column: `train/history.csv?epoch=10#validation_accuracy`. */

import type { ClaimSource, SourceKind } from "./source.ts";

interface CsvSource extends ClaimSource {
  kind: "csv";
  /** The row whose column has the value; without it the whole column. */
  row?: { column: string; value: string };
  column: string;
}

export const CSV: SourceKind<CsvSource> = {
  name: "csv",
  examples: ["train/history.csv?epoch=10#validation_accuracy"],
  isText: true,

  parse({ step, file = "", place: column = "" }) {
    const match = /^(.*\.[ct]sv)(?:\?(.*))?$/is.exec(file);
    if (!match || column === "" || column === "sha256" && match[2] === undefined) return undefined;
    const [, name = "", row] = match;
    const path = `${step}/${name}`;
    if (row === undefined) return { kind: "csv", step, path, column };
    const [key = "", ...value] = row.split("=");
    if (key === "" || value.length === 0) {
      return { problem: `must name the row by a column and its value, e.g. "?epoch=10" after the file` };
    }
    return { kind: "csv", step, path, row: { column: key, value: value.join("=") }, column };
  },

  format({ path, row, column }) {
    return `${path}${row === undefined ? "" : `?${row.column}=${row.value}`}#${column}`;
  },

  async read({ path, row, column }, files) {
    const [text, { findInCsv }] = await Promise.all([files.text(path), import("../values/csv.ts")]);
    return findInCsv(text, column, row).map((cell) => ({ value: cell, text: cell }));
  },

  check({ path, row, column }, value) {
    const isCurve = Array.isArray(value);
    if (isCurve && row !== undefined) {
      return {
        field: "from",
        problem: `must be a whole column where value is a list: leave out "?" and the row`,
      };
    }
    if (isCurve || row !== undefined) return undefined;
    const example = `e.g. ${path}?epoch=10#${column}`;
    return {
      field: "from",
      problem: `must name one row, ${example}, or value must be a list for the whole column`,
    };
  },

  quantity({ row, column }) {
    return { keys: [column], at: row };
  },

  suggest(path, text) {
    return /\.[ct]sv$/i.test(path) ? text().then(columns) : undefined;
  },
};

async function columns(text: string): Promise<string[]> {
  const { parseCsv } = await import("../values/csv.ts");
  return (parseCsv(text)[0]?.cells ?? []).map((column) => `#${column}`);
}
