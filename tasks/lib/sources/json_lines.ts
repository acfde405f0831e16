/** A value of the lines of a JSON lines file: `train/log.jsonl?step=100#/loss`, `train/log.jsonl#/loss[-1]`. */

import { parseRow } from "./row.ts";
import { formatPointer, parsePointer, type PointerSource, readPointer } from "./pointer_kind.ts";
import type { SourceKind } from "./source.ts";

interface JsonLinesSource extends PointerSource {
  kind: "json lines";
  /** The lines whose key has the value; all of them without it. */
  row?: { column: string; value: string };
}

export const JSON_LINES: SourceKind<JsonLinesSource> = {
  name: "json lines",
  examples: ["train/log.jsonl#/loss[-1]"],
  isText: false,

  parse({ step, file = "", place }) {
    const match = /^(.*?\.(?:jsonl|ndjson))(?:\?(.*))?$/is.exec(file);
    if (match === null || place === undefined) return undefined;
    const pointer = parsePointer(place);
    if (pointer === undefined || "problem" in pointer) return pointer;
    const [, name = "", query] = match;
    const row = query === undefined ? undefined : parseRow(query);
    if (row !== undefined && "problem" in row) return row;
    return {
      kind: "json lines",
      step,
      path: `${step}/${name}`,
      pointer,
      ...(row === undefined ? {} : { row }),
    };
  },

  format({ path, row, pointer }) {
    return `${path}${row === undefined ? "" : `?${row.column}=${row.value}`}#${formatPointer(pointer)}`;
  },

  async read({ path, row, pointer, select }, files, form) {
    const [text, { jsonLinesAsJson }] = await Promise.all([files.text(path), import("../values/as_json.ts")]);
    return await readPointer(jsonLinesAsJson(text, row), ["*", ...pointer], form, select !== undefined);
  },

  quantity({ row, pointer }) {
    return row === undefined || row.value === "last"
      ? { keys: pointer, ...(row && { at: { index: -1 } }) }
      : { keys: pointer, at: row };
  },
};
