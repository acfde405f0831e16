/** Where a claimed value is found in a run folder: reading `train/metrics.json#/accuracy/-1` and what it points at. */

import type { ClaimSource } from "./experiment.ts";
import { findInJson, JsonProblem } from "./json_pointer.ts";
import { insideProblem } from "./safe_path.ts";

/** What was found at a claim's source. */
export type Observation =
  | {
    found: true;
    value: number | string | boolean;
    /** Source text of a number in its file (99.40 keeps both decimals); otherwise the value as text. */
    text: string;
  }
  | {
    found: false;
    /** The source that was looked at, e.g. `train/metrics.json#/accuracy`. */
    looked: string;
    /** What was found instead, e.g. `train has no metrics.json, it holds history.csv`. */
    reason: string;
  };

/** A file larger than this (bytes) is not read for a value in it; a hash has no limit. */
export const LARGEST_JSON = 256 * 2 ** 20;

/** The forms a claim's `from` can take: add one here to teach the tool another. */
const FORMS: {
  example: string;
  parse(step: string, path: string, fragment: string): ClaimSource | { problem: string } | undefined;
}[] = [
  { example: "train/metrics.json#/accuracy/-1", parse: parsePointer },
  { example: "train/model.safetensors#sha256", parse: parseSha256 },
];

/** Examples of all forms, for messages. */
export const SOURCE_EXAMPLES: readonly string[] = FORMS.map((form) => form.example);

/**
 * Reads `<step>/<file>#/json/pointer` (RFC 6901; a negative index counts from the end of a list) or
 * `<step>/<file>#sha256`; `problem` says what it must be instead.
 */
export function parseSource(text: string): ClaimSource | { problem: string } {
  const match = /^([^/#]+)\/([^#]+)#(.*)$/s.exec(text);
  if (!match) return { problem: `must be ${wanted()}` };
  const [, step = "", path = "", fragment = ""] = match;
  const outside = insideProblem(path);
  if (outside) {
    return { problem: `must name a file inside the folder of step "${step}": the path ${outside}` };
  }
  for (const form of FORMS) {
    const source = form.parse(step, `${step}/${path}`, fragment);
    if (source) return source;
  }
  return { problem: `must be ${wanted()}` };
}

function wanted(): string {
  return `a step, a file and a place in it, e.g. ${SOURCE_EXAMPLES.map((form) => `"${form}"`).join(" or ")}`;
}

function parsePointer(
  step: string,
  path: string,
  fragment: string,
): ClaimSource | { problem: string } | undefined {
  if (fragment !== "" && !fragment.startsWith("/")) return undefined;
  if (/~(?![01])/.test(fragment)) {
    return { problem: `must write "~" as "~0" (and "/" inside a key as "~1") in a JSON pointer` };
  }
  const keys = fragment.split("/").slice(1);
  const pointer = keys.map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  return { kind: "pointer", step, path, pointer };
}

function parseSha256(step: string, path: string, fragment: string): ClaimSource | undefined {
  return fragment === "sha256" ? { kind: "sha256", step, path } : undefined;
}

/** The source as it is written in experiment.yaml. */
export function formatSource(source: ClaimSource): string {
  switch (source.kind) {
    case "pointer":
      return `${source.path}#${formatPointer(source.pointer)}`;
    case "sha256":
      return `${source.path}#sha256`;
    default:
      return source satisfies never;
  }
}

function formatPointer(pointer: string[]): string {
  return pointer.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** A reason why a value can't be read, for an {@link Observation}. */
class NotFound extends Error {}

/**
 * Reads the value that a claim is about.
 *
 * @param runDir path of the run folder; nothing outside it is read, not even through a link
 * @throws nothing for what a run can leave behind: a missing, broken or odd file is an observation too
 */
export async function readSource(source: ClaimSource, runDir: string): Promise<Observation> {
  try {
    const file = await realFile(source.path, runDir);
    return source.kind === "sha256" ? await hashOf(file) : await valueAt(source, file);
  } catch (error) {
    const looked = formatSource(source);
    if (error instanceof NotFound) return { found: false, looked, reason: error.message };
    const message = error instanceof Error ? error.message : String(error);
    return { found: false, looked, reason: `${source.path} can't be read: ${message}` };
  }
}

/** Path of a regular file inside the run folder, with all links resolved. */
async function realFile(path: string, runDir: string): Promise<string> {
  const root = await Deno.realPath(runDir).catch(() => {
    throw new NotFound("the run folder is not there");
  });
  const real = await Deno.realPath(`${root}/${path}`).catch((error) => missing(path, root, error));
  if (!real.startsWith(`${root}/`)) {
    throw new NotFound(`${path} is a link that leaves the run folder, so it is no result of this run`);
  }
  const { isFile } = await Deno.stat(real);
  if (!isFile) throw new NotFound(`${path} is no regular file`);
  return real;
}

/** Says which part of the path is there, and what stands beside the missing one. */
async function missing(path: string, root: string, error: Error): Promise<never> {
  const parts = path.split("/");
  for (let depth = parts.length - 1; depth >= 0; depth--) {
    const folder = parts.slice(0, depth).join("/");
    const real = await Deno.realPath(`${root}/${folder}`).catch(() => undefined);
    if (real === undefined) continue;
    if (real !== root && !real.startsWith(`${root}/`)) break;
    if (!(await Deno.stat(real)).isDirectory) throw new NotFound(`${folder} is a file, not a folder`);
    const part = parts.slice(0, depth + 1).join("/");
    const there = await Deno.lstat(`${root}/${part}`).then(() => true, () => false);
    if (there) throw new NotFound(`${part} is a link that leads nowhere`);
    const name = folder || "the run folder";
    throw new NotFound(`${name} has no ${parts[depth]}, it holds ${await contents(real)}`);
  }
  throw new NotFound(`${path} can't be opened: ${error.message}`);
}

async function contents(folder: string): Promise<string> {
  const names = [];
  for await (const entry of Deno.readDir(folder)) {
    names.push(entry.isDirectory ? `${entry.name}/` : entry.name);
  }
  return list(names.sort(), "nothing");
}

function list(names: string[], none: string): string {
  const shown = names.slice(0, 10).join(", ");
  return names.length > 10 ? `${shown} and ${names.length - 10} more` : shown || none;
}

async function hashOf(file: string): Promise<Observation> {
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256");
  using opened = await Deno.open(file);
  for await (const chunk of opened.readable) hash.update(chunk);
  const hex = hash.digest("hex");
  return { found: true, value: hex, text: hex };
}

async function valueAt(source: ClaimSource & { kind: "pointer" }, file: string): Promise<Observation> {
  const { size } = await Deno.stat(file);
  if (size > LARGEST_JSON) {
    const megabytes = (bytes: number) => Math.round(bytes / 2 ** 20);
    throw new NotFound(
      `${source.path} has ${megabytes(size)} MiB, more than the ${
        megabytes(LARGEST_JSON)
      } MiB that are read for a value`,
    );
  }
  const text = decode(await Deno.readFile(file), source.path);
  try {
    return { found: true, ...findInJson(text, source.pointer) };
  } catch (error) {
    if (error instanceof JsonProblem) throw new NotFound(`${source.path} ${error.message}`);
    throw error;
  }
}

function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new NotFound(`${path} is no JSON: it is not UTF-8 text`);
  }
}
