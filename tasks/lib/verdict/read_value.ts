/** Reads the value that a claim is about from a run folder, or says what was there instead. */

import { dirname, join } from "node:path";
import { formatSource } from "../experiment/claim_source.ts";
import type { ClaimSource } from "../experiment/experiment.ts";
import { sha256File } from "../system/files.ts";
import { CsvProblem, findInCsv } from "../values/csv.ts";
import { findInJson, findListInJson, JsonProblem } from "../values/json.ts";
import { notebookOutputs, printedBy, search, TextProblem } from "../values/text.ts";

/** One value and its source text. */
export interface FoundValue {
  /** A cell or a match is a text, also where it reads as a number. */
  value: number | string | boolean;
  /** Source text of a number in its file (99.40 keeps both decimals); otherwise the value as text. */
  text: string;
}

/** What was found at a claim's source. */
export type Observation =
  | { found: true } & FoundValue
  | {
    found: true;
    /** The points of a curve. */
    list: FoundValue[];
  }
  | {
    found: false;
    /** The source that was looked at, e.g. `train/metrics.json#/accuracy`. */
    looked: string;
    /** What was found instead, e.g. `train has no metrics.json, it holds history.csv`. */
    reason: string;
  };

/** A file larger than this (bytes) is not read for a value in it; a hash has no limit. */
export const LARGEST_TEXT = 256 * 2 ** 20;

/** Texts of the files that were read, by path: hundreds of claims may be about one file. */
export type Texts = Map<string, Promise<string>>;

/** A reason why a value can't be read, for an {@link Observation}. */
class NotFound extends Error {}

/**
 * Reads the value that a claim is about.
 *
 * @param runDir path of the run folder; nothing outside it is read, not even through a link
 * @param form whether one value is wanted, or the points of a curve
 * @param texts of files that were read already
 * @throws nothing for what a run can leave behind: a missing, broken or odd file is an observation too
 */
export async function readSource(
  source: ClaimSource,
  runDir: string,
  form: "value" | "list" = "value",
  texts: Texts = new Map(),
): Promise<Observation> {
  try {
    const file = await realFile(source.path, runDir);
    if (source.kind === "sha256") return { found: true, ...await hashOf(file) };
    const found = await find(source, file, form, texts);
    return form === "list" ? { found: true, list: found } : { found: true, ...found[0]! };
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

async function hashOf(file: string): Promise<FoundValue> {
  const hex = await sha256File(file);
  return { value: hex, text: hex };
}

/** The values at the source; exactly one where one is wanted. */
async function find(
  source: Exclude<ClaimSource, { kind: "sha256" }>,
  file: string,
  form: "value" | "list",
  texts: Texts,
): Promise<FoundValue[]> {
  const text = await (texts.get(file) ?? remember(texts, file, readText(file, source.path)));
  try {
    switch (source.kind) {
      case "pointer":
        return form === "list" ? findListInJson(text, source.pointer) : [findInJson(text, source.pointer)];
      case "csv":
        return findInCsv(text, source.column, source.row).map(asText);
      case "text":
        return await searched(/\.ipynb$/i.test(file) ? notebookOutputs(text) : text, source.pattern, form);
      case "printed":
        return await searched(await printed(source, text, file), source.pattern, form);
      default:
        return source satisfies never;
    }
  } catch (error) {
    const isAboutContent = [JsonProblem, CsvProblem, TextProblem].some((kind) => error instanceof kind);
    if (isAboutContent) throw new NotFound(`${source.path} ${(error as Error).message}`);
    throw error;
  }
}

function remember(texts: Texts, file: string, text: Promise<string>): Promise<string> {
  texts.set(file, text);
  return text;
}

function asText(text: string): FoundValue {
  return { value: text, text };
}

/** @throws {TextProblem} where one value is wanted, and the pattern matches never or more than once */
async function searched(text: string, pattern: string, form: "value" | "list"): Promise<FoundValue[]> {
  const found = await search(text, pattern);
  const lines = found.slice(0, 5).map(({ line }) => line).join(", ");
  if (found.length === 0) throw new TextProblem(`holds nothing that matches /${pattern}/`);
  if (form === "value" && found.length > 1) {
    const shown = found.length > 5 ? `${lines}, …` : lines;
    throw new TextProblem(
      `matches /${pattern}/ ${found.length} times (lines ${shown}), where one value was looked for`,
    );
  }
  return found.map((match) => asText(match.text));
}

/** What the step printed: its part of the log, or the file beside it where that is too long for the log. */
async function printed(source: ClaimSource, log: string, file: string): Promise<string> {
  const part = printedBy(source.step, log);
  return typeof part === "string" ? part : await readText(join(dirname(file), part.file), part.file);
}

async function readText(file: string, path: string): Promise<string> {
  const { size } = await Deno.stat(file);
  if (size > LARGEST_TEXT) {
    const megabytes = (bytes: number) => Math.round(bytes / 2 ** 20);
    throw new NotFound(
      `${path} has ${megabytes(size)} MiB, more than the ${
        megabytes(LARGEST_TEXT)
      } MiB that are read for a value`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await Deno.readFile(file));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new NotFound(`${path} is not UTF-8 text`);
  }
}
