/** What the kinds that are read by an RFC 6901 pointer have in common. */

import { ContentProblem } from "../values/content_problem.ts";
import { SELECTORS } from "./selector.ts";
import type { ClaimSource, Form, FoundValue, SourceKind } from "./source.ts";

/** A place in a document of lists and mappings. */
export interface PointerSource extends ClaimSource {
  /** Unescaped keys and indices; a negative index counts from the end of a list, `*` is every item (our extensions). */
  pointer: string[];
}

/** Files that are read as JSON: what their names end with, and how their text becomes JSON. */
export interface PointerFiles {
  name: string;
  example: string;
  isOne(file: string): boolean;
  toJson(text: string): string | Promise<string>;
  suggest?: SourceKind["suggest"];
}

/** A kind of source whose files become JSON, in which a pointer finds the value; the latest file is converted once. */
export function pointerKind(
  { name, example, isOne, toJson, suggest }: PointerFiles,
): SourceKind<PointerSource> {
  let latest: { text: string; json: Promise<string> } | undefined;
  return {
    name,
    examples: [example],
    isText: false,

    parse({ step, file, place }) {
      if (file === undefined || place === undefined || !isOne(file)) return undefined;
      const pointer = parsePointer(place);
      if (pointer === undefined || "problem" in pointer) return pointer;
      return { kind: name, step, path: `${step}/${file}`, pointer };
    },

    format({ path, pointer }) {
      return `${path}#${formatPointer(pointer)}`;
    },

    async read({ path, pointer, select }, files, form) {
      const text = await files.text(path);
      // Hundreds of claims may be about one file.
      if (latest?.text !== text) latest = { text, json: Promise.resolve(toJson(text)) };
      return await readPointer(await latest.json, pointer, form, select !== undefined);
    },

    quantity({ pointer }) {
      const last = pointer.at(-1);
      const isIndex = last !== undefined && /^-?\d+$/.test(last);
      const keys = (isIndex ? pointer.slice(0, -1) : pointer).filter((key) => key !== "*");
      return isIndex ? { keys, at: { index: Number(last) } } : { keys };
    },

    ...(suggest === undefined ? {} : { suggest }),
  };
}

/** Imported once: even what is there already takes its time to be asked for. */
let json: Promise<typeof import("../values/json.ts")> | undefined;

/** Its keys and indices, what is wrong with it, or undefined if the text is no pointer. */
export function parsePointer(place: string): string[] | { problem: string } | undefined {
  if (place !== "" && !place.startsWith("/")) return undefined;
  if (/~(?![01])/.test(place)) {
    return { problem: `must write "~" as "~0" (and "/" inside a key as "~1") in a JSON pointer` };
  }
  return place.split("/").slice(1).map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** The opposite of `parsePointer`. */
export function formatPointer(pointer: readonly string[]): string {
  return pointer.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/**
 * @param isChosen one is taken of them afterwards, so that gaps do no harm
 * @throws {ContentProblem} if the text is not JSON, or there is no such value
 */
export async function readPointer(
  text: string,
  pointer: readonly string[],
  form: Form,
  isChosen: boolean,
): Promise<FoundValue[]> {
  const { findAllInJson, findInJson, findListInJson } = await (json ??= import("../values/json.ts"));
  const isMany = pointer.includes("*");
  if (form === "list") {
    return isMany || isChosen ? findAllInJson(text, pointer) : findListInJson(text, pointer);
  }
  if (isMany) {
    const found = findAllInJson(text, pointer);
    if (found.length === 1) return found;
    const where = `at ${formatPointer(pointer)}`;
    throw new ContentProblem(`has ${found.length} values ${where}, where one was looked for: ${SELECTORS}`);
  }
  try {
    return [findInJson(text, pointer)];
  } catch (error) {
    if (!(error instanceof ContentProblem && error.message.startsWith("has a list "))) throw error;
    throw new ContentProblem(`${error.message}: ${SELECTORS}`);
  }
}
