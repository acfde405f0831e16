/** A cell of a table, or a whole column: `train/history.csv?epoch=10#validation_accuracy`. */

import { oneOrAll, parseRow } from "./row.ts";
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
  isCell: true,

  parse({ step, file = "", place: column = "", format = {} }) {
    const match = /^(.*?\.[ct]sv)(?:\?(.*))?$/is.exec(file) ??
      ((format.separator !== undefined || format.header !== undefined) && column !== "" &&
          !column.startsWith("/")
        ? /^([^?]+)(?:\?(.*))?$/s.exec(file)
        : null);
    if (!match || column === "" || column === "sha256" && match[2] === undefined) return undefined;
    const [, name = "", row] = match;
    const path = `${step}/${name}`;
    if (row === undefined) return { kind: "csv", step, path, column };
    const query = parseRow(row);
    return "problem" in query ? query : { kind: "csv", step, path, row: query, column };
  },

  format({ path, row, column }) {
    return `${path}${row === undefined ? "" : `?${row.column}=${row.value}`}#${column}`;
  },

  async read({ path, row, column, format }, files, form) {
    const [text, { findInCsv }] = await Promise.all([files.text(path), import("../values/csv.ts")]);
    return oneOrAll(findInCsv(text, column, row, format), form, row);
  },

  check({ path, row, column }, value) {
    return Array.isArray(value) || row !== undefined ? undefined : {
      field: "from",
      problem:
        `must name one row, e.g. ${path}?epoch=10#${column} or ${path}?epoch=last#${column}, or one value of the column, e.g. ${path}#${column}[-1] or [max], or value must be a list for the whole column`,
    };
  },

  quantity({ row, column }) {
    return row?.value === "last" ? { keys: [column], at: { index: -1 } } : { keys: [column], at: row };
  },

  suggest(path, text) {
    return /\.[ct]sv$/i.test(path) ? text().then(columns) : undefined;
  },
};

async function columns(text: string): Promise<string[]> {
  const { parseCsv } = await import("../values/csv.ts");
  return (parseCsv(text)[0]?.cells ?? []).map((column) => `#${column}`);
}
