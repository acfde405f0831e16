/** A value in a JSON file by an RFC 6901 pointer: `train/metrics.json#/accuracy/-1`. */

import type { ClaimSource, SourceKind } from "./source.ts";

interface PointerSource extends ClaimSource {
  kind: "pointer";
  /** Unescaped keys and indices; a negative index counts from the end of a list (our extension). */
  pointer: string[];
}

export const POINTER: SourceKind<PointerSource> = {
  name: "pointer",
  examples: ["train/metrics.json#/accuracy/-1"],
  isText: false,

  parse({ step, file, place }) {
    if (file === undefined || place === undefined || place !== "" && !place.startsWith("/")) return undefined;
    if (/~(?![01])/.test(place)) {
      return { problem: `must write "~" as "~0" (and "/" inside a key as "~1") in a JSON pointer` };
    }
    const keys = place.split("/").slice(1);
    const pointer = keys.map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
    return { kind: "pointer", step, path: `${step}/${file}`, pointer };
  },

  format({ path, pointer }) {
    return `${path}#${pointer.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")}`;
  },

  async read({ path, pointer }, files, form) {
    const [text, { findInJson, findListInJson }] = await Promise.all([
      files.text(path),
      import("../values/json.ts"),
    ]);
    return form === "list" ? findListInJson(text, pointer) : [findInJson(text, pointer)];
  },

  quantity({ pointer }) {
    const last = pointer.at(-1);
    return last !== undefined && /^-?\d+$/.test(last)
      ? { keys: pointer.slice(0, -1), at: { index: Number(last) } }
      : { keys: pointer };
  },

  /** Numbers and lists of numbers at the top. */
  suggest(path, text) {
    return path.endsWith(".json") ? text().then(numbersAtTop) : undefined;
  },
};

function numbersAtTop(text: string): string[] {
  const isNumber = (value: unknown) => typeof value === "number";
  const data: unknown = JSON.parse(text.replace(/\bNaN\b|-?\bInfinity\b/g, "null"));
  return Object.entries(data ?? {}).flatMap(([key, value]) => {
    const place = `#/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (isNumber(value)) return [place];
    const isCurve = Array.isArray(value) && value.length > 0 && value.every(isNumber);
    return isCurve ? [place, `${place}/-1`] : [];
  });
}
