/** A cell of a table, or a whole column: `train/history.csv?epoch=10#validation_accuracy`. */

import { type CellSource, checkCell, formatCell, oneOrAll, parseRow } from "./row.ts";
import type { SourceKind } from "./source.ts";

interface CsvSource extends CellSource {
  kind: "csv";
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

  format: formatCell,

  async read({ path, row, column, format }, files, form) {
    const [text, { findInCsv }] = await Promise.all([files.text(path), import("../values/csv.ts")]);
    return oneOrAll(findInCsv(text, column, row, format), form, row);
  },

  check: (source, value) => checkCell(source, value, ["?epoch=10", "?epoch=last"]),

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
