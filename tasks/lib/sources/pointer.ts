/** A value in a JSON file by an RFC 6901 pointer: `train/metrics.json#/accuracy/-1`. */

import { formatPointer, pointerKind } from "./pointer_kind.ts";

const OTHERS = /\.(?:jsonl|ndjson|ya?ml|toml)$/i;

export const POINTER = pointerKind({
  name: "pointer",
  example: "train/metrics.json#/accuracy/-1",
  isOne: (file) => !OTHERS.test(file.replace(/\?.*$/s, "")),
  toJson: (text) => text,
  /** Numbers and lists of numbers at the top. */
  suggest: (path, text) => path.endsWith(".json") ? text().then(numbersAtTop) : undefined,
});

function numbersAtTop(text: string): string[] {
  const isNumber = (value: unknown) => typeof value === "number";
  const data: unknown = JSON.parse(text.replace(/\bNaN\b|-?\bInfinity\b/g, "null"));
  return Object.entries(data ?? {}).flatMap(([key, value]) => {
    const place = `#${formatPointer([key])}`;
    if (isNumber(value)) return [place];
    const isCurve = Array.isArray(value) && value.length > 0 && value.every(isNumber);
    return isCurve ? [place, `${place}/-1`] : [];
  });
}
