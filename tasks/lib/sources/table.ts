/** A cell of a table in Markdown, HTML or LaTeX: `eval/README.md?Model=ours#Top-1`. */

import { type CellSource, checkCell, formatCell, oneOrAll, parseRow } from "./row.ts";
import type { SourceKind } from "./source.ts";

interface TableSource extends CellSource {
  kind: "table";
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

  format: formatCell,

  async read({ path, row, column }, files, form) {
    const [text, { findInTables }] = await Promise.all([files.text(path), import("../values/tables.ts")]);
    return oneOrAll(findInTables(text, markupOf(path)!, column, row), form, row);
  },

  check: (source, value) => checkCell(source, value, ["?Model=ours"]),

  quantity({ row, column }) {
    return { keys: [column], at: row };
  },
};

function markupOf(file: string): "markdown" | "html" | "latex" | undefined {
  return MARKUPS.find(([pattern]) => pattern.test(file))?.[1];
}
