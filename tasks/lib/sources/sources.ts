/** Claim sources of all kinds: parsed, formatted, read and checked by what `kinds.ts` lists. */

import { insideProblem } from "../values/relative_path.ts";
import { SOURCE_KINDS } from "./kinds.ts";
import { withPoint } from "../values/written_number.ts";
import { NothingFound, selectValue, splitSelector, withSelector } from "./selector.ts";
import type {
  ClaimSource,
  Form,
  Format,
  FoundValue,
  Quantity,
  RunFiles,
  SourceKind,
  Written,
} from "./source.ts";

/** Examples of all kinds, for messages. */
export const SOURCE_EXAMPLES: readonly string[] = SOURCE_KINDS.flatMap(({ examples }) => examples);

/**
 * Reads `from` of a claim: a step, a file and a place in it.
 *
 * @returns the source, or in `problem` what it must be instead
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const { kind, step, path } = parseSource("train/metrics.json#/accuracy/-1") as ClaimSource;
 * assert.deepEqual([kind, step, path], ["pointer", "train", "train/metrics.json"]);
 * assert.ok("problem" in parseSource("train/metrics.json")); // a place in the file is missing
 * ```
 */
export function parseSource(text: string, format?: Format): ClaimSource | { problem: string } {
  const { rest, select } = splitSelector(text);
  const written = split(rest);
  if (written === undefined) return { problem: `must be ${expected()}` };
  const { step, file } = written;
  const outside = file === undefined ? undefined : insideProblem(file);
  if (outside !== undefined) {
    return { problem: `must name a file inside the folder of step "${step}": the path ${outside}` };
  }
  for (const kind of SOURCE_KINDS) {
    const source = kind.parse(format === undefined ? written : { ...written, format });
    if (source === undefined || "problem" in source) {
      if (source !== undefined) return source;
      continue;
    }
    if (kind.isHash && select !== undefined) {
      return { problem: `must have no [${select}]: a hash is one value` };
    }
    return {
      ...source,
      ...(select === undefined ? {} : { select }),
      ...(format === undefined ? {} : { format }),
    };
  }
  return { problem: `must be ${expected()}` };
}

function split(text: string): Written | undefined {
  const [, one, other, pattern] = /^([^/#]+?)(?:\/([^#]+?))?~\/(.+)\/$/s.exec(text) ?? [];
  if (one !== undefined) return { step: one, file: other, pattern };
  const [, step, file, place] = /^([^/#]+)\/([^#]+)#(.*)$/s.exec(text) ?? [];
  return step === undefined ? undefined : { step, file, place };
}

/** In a message; docs/experiment.md has all of them. */
const MOST_EXAMPLES = 5;

function expected(): string {
  const quoted = SOURCE_EXAMPLES.slice(0, MOST_EXAMPLES).map((form) =>
    form.includes("\\") ? `'${form}'` : `"${form}"`
  );
  return `a step, a file and a place in it, e.g. ${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
}

/** The kind of a source that was parsed. */
export function kindOf(source: ClaimSource): SourceKind {
  const kind = SOURCE_KINDS.find(({ name }) => name === source.kind);
  if (kind === undefined) throw new Error(`There is no kind of claim source called "${source.kind}"`);
  return kind;
}

/** The source as it is written in experiment.yaml. */
export function formatSource(source: ClaimSource): string {
  return withSelector(kindOf(source).format(source), source.select);
}

/** What is wrong with a claim of this value from this source ("must …"), and with which of its fields. */
export function checkSource(
  source: ClaimSource,
  value: unknown,
): ReturnType<NonNullable<SourceKind["check"]>> {
  const { select } = source;
  if (select !== undefined && Array.isArray(value)) {
    return { field: "value", problem: `must be one value: [${select}] at the end of from takes one of many` };
  }
  return kindOf(source).check?.(source, select === undefined ? value : [value]);
}

/**
 * What stands at a source.
 *
 * @returns the values, one of the form `value`; and the path of the file that it is in, which a pattern is not
 * @throws {ContentProblem} if it is not there
 */
export async function readFrom(
  source: ClaimSource,
  files: RunFiles,
  form: Form,
): Promise<{ values: FoundValue[]; path: string }> {
  const path = source.path.includes("*") ? await files.only(source.path) : source.path;
  try {
    return { values: await valuesAt({ ...source, path }, files, form), path };
  } catch (error) {
    throw new AtPath(path, error);
  }
}

/** Why a source can't be read, with the file that the reason is about. */
export class AtPath extends Error {
  constructor(readonly path: string, override readonly cause: unknown) {
    super(String(cause));
  }
}

async function valuesAt(source: ClaimSource, files: RunFiles, form: Form): Promise<FoundValue[]> {
  const { select, format } = source;
  const read = async (form: Form) => {
    const found = await kindOf(source).read(source, files, form);
    return format?.decimal === "," || format?.thousands !== undefined
      ? found.map((one) => inFormat(one, format))
      : found;
  };
  if (select === undefined) return await read(form);
  const found = await read("list").catch((error) => {
    if (select === "count" && error instanceof NothingFound) return [];
    throw error;
  });
  return [selectValue(found, select, kindOf(source).isCell)];
}

/** A number of JSON, say, has a point in any case. */
function inFormat(found: FoundValue, format: Format): FoundValue {
  if (typeof found.value !== "string") return found;
  const text = withPoint(found.text, format);
  return { value: text, text };
}

/** What is measured at a source; undefined if nobody can tell. */
export function quantityOf(source: ClaimSource): Quantity | undefined {
  const quantity = kindOf(source).quantity?.(source);
  if (quantity === undefined || source.select === undefined) return quantity;
  return typeof source.select === "number" && quantity.at === undefined
    ? { ...quantity, at: { index: source.select } }
    : { ...quantity, isPart: true };
}
