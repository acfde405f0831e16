/** A cell of a table in Markdown, HTML or LaTeX: `eval/README.md?Model=ours#Top-1`. */

import { oneOrAll, parseRow } from "./row.ts";
import type { ClaimSource, SourceKind } from "./source.ts";

interface TableSource extends ClaimSource {
  kind: "table";
  /** The row whose column has the value; without it the whole column. */
  row?: { column: string; value: string };
  column: string;
}

const MARKUPS = [
  [/\.(?:md|markdown)$/i, "markdown"],
  [/\.html?$/i, "html"],
  [/\.tex$/i, "latex"],
] as const;

export const TABLE: SourceKind<TableSource> = {
  name: "table",
  examples: ["eval/results.md?Model=ours#Top-1"],
  isText: true,
  isCell: true,

  parse({ step, file = "", place: column = "" }) {
    const [, name = "", query] = /^([^?]*)(?:\?(.*))?$/s.exec(file)!;
    if (column === "" || column === "sha256" || markupOf(name) === undefined) return undefined;
    const row = query === undefined ? undefined : parseRow(query);
    if (row !== undefined && "problem" in row) return row;
    return { kind: "table", step, path: `${step}/${name}`, ...(row === undefined ? {} : { row }), column };
  },

  format({ path, row, column }) {
    return `${path}${row === undefined ? "" : `?${row.column}=${row.value}`}#${column}`;
  },

  async read({ path, row, column }, files, form) {
    const [text, { findInTables }] = await Promise.all([files.text(path), import("../values/tables.ts")]);
    return oneOrAll(findInTables(text, markupOf(path)!, column, row), form, row);
  },

  check({ path, row, column }, value) {
    return Array.isArray(value) || row !== undefined ? undefined : {
      field: "from",
      problem:
        `must name one row, e.g. ${path}?Model=ours#${column}, or one value of the column, e.g. ${path}#${column}[-1] or [max], or value must be a list for the whole column`,
    };
  },

  quantity({ row, column }) {
    return { keys: [column], at: row };
  },
};

function markupOf(file: string): "markdown" | "html" | "latex" | undefined {
  return MARKUPS.find(([pattern]) => pattern.test(file))?.[1];
}
