/** Claim sources of all kinds: parsed, formatted, read and checked by what `kinds.ts` lists. */

import { insideProblem } from "../values/relative_path.ts";
import { SOURCE_KINDS } from "./kinds.ts";
import type { ClaimSource, SourceKind, Written } from "./source.ts";

/** Examples of all kinds, for messages. */
export const SOURCE_EXAMPLES: readonly string[] = SOURCE_KINDS.flatMap(({ examples }) => examples);

/**
 * Reads `from` of a claim: a step, a file and a place in it.
 *
 * @returns the source, or in `problem` what it must be instead
 * @example
 * ```ts
 * parseSource("train/metrics.json#/accuracy/-1");
 * // { kind: "pointer", step: "train", path: "train/metrics.json", pointer: ["accuracy", "-1"] }
 * parseSource("train/metrics.json"); // { problem: "must be a step, a file and a place in it, e.g. …" }
 * ```
 */
export function parseSource(text: string): ClaimSource | { problem: string } {
  const written = split(text);
  if (written === undefined) return { problem: `must be ${expected()}` };
  const { step, file } = written;
  const outside = file === undefined ? undefined : insideProblem(file);
  if (outside !== undefined) {
    return { problem: `must name a file inside the folder of step "${step}": the path ${outside}` };
  }
  for (const kind of SOURCE_KINDS) {
    const source = kind.parse(written);
    if (source !== undefined) return source;
  }
  return { problem: `must be ${expected()}` };
}

function split(text: string): Written | undefined {
  const [, one, other, pattern] = /^([^/#]+?)(?:\/([^#]+?))?~\/(.+)\/$/s.exec(text) ?? [];
  if (one !== undefined) return { step: one, file: other, pattern };
  const [, step, file, place] = /^([^/#]+)\/([^#]+)#(.*)$/s.exec(text) ?? [];
  return step === undefined ? undefined : { step, file, place };
}

function expected(): string {
  const quoted = SOURCE_EXAMPLES.map((form) => form.includes("\\") ? `'${form}'` : `"${form}"`);
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
  return kindOf(source).format(source);
}
