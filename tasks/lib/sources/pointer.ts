/** A value in a JSON file by an RFC 6901 pointer: `train/metrics.json#/accuracy/-1`. */

import { ContentProblem } from "../values/content_problem.ts";
import { SELECTORS } from "./selector.ts";
import type { ClaimSource, Form, FoundValue, SourceKind } from "./source.ts";

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

  async read({ path, pointer, select }, files, form) {
    const [text, json] = await Promise.all([files.text(path), import("../values/json.ts")]);
    return inJson(json, text, pointer, form, select !== undefined);
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

/** @param isChosen one is taken of them afterwards, so that gaps do no harm */
export function inJson(
  json: typeof import("../values/json.ts"),
  text: string,
  pointer: readonly string[],
  form: Form,
  isChosen: boolean,
): FoundValue[] {
  const isMany = pointer.includes("*");
  if (form === "list") {
    return isMany || isChosen ? json.findAllInJson(text, pointer) : json.findListInJson(text, pointer);
  }
  try {
    if (!isMany) return [json.findInJson(text, pointer)];
  } catch (error) {
    if (!(error instanceof ContentProblem && error.message.startsWith("has a list "))) throw error;
    throw new ContentProblem(`${error.message}: ${SELECTORS}`);
  }
  const found = json.findAllInJson(text, pointer);
  if (found.length === 1) return found;
  throw new ContentProblem(`has ${found.length} values there, where one was looked for: ${SELECTORS}`);
}

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
