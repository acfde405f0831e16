/** How two files of the same name differ: by what their format holds where it is known, else by their bytes. */

import { Buffer } from "node:buffer";
import { extname } from "node:path";
import { ContentProblem } from "../values/content_problem.ts";
import { type Column, csvColumns, jsonColumns } from "./columns.ts";
import { type ColumnsDifference, compareColumns, type Reading } from "./deviations.ts";
import { maskedBy, type Masks } from "./incidental.ts";
import { compareNotebooks, type NotebookDifference } from "./notebooks.ts";
import type { FoundOutput } from "./outputs.ts";
import { TensorProblem } from "./safetensors.ts";
import { compareTensorFiles, TENSORS_EXTENSION, type TensorsDifference } from "./tensors.ts";

/** Where two files differ, as precisely as their format allows. */
export type Detail =
  | { kind: "values" } & ColumnsDifference
  | { kind: "tensors" } & TensorsDifference
  | { kind: "notebook" } & NotebookDifference
  /** The first line that differs, 1-based. */
  | { kind: "text"; line: number; a: string; b: string }
  /** The first byte that differs, from 0 on. */
  | { kind: "bytes"; at: number }
  /** One of them is not there, so that only its recorded hash is known. */
  | { kind: "hash" }
  /** The machinery's own record of a step, whose content is compared as environment. */
  | { kind: "record" };

export interface Difference {
  detail: Detail;
  /** Why the difference says nothing of the result, e.g. `times and the run's own folder`. */
  incidental?: string;
}

/** Files of text beyond this many bytes are compared as bytes: two of them are held in memory, with all their values. */
const LARGEST_PARSED = 64 * 2 ** 20;

/** Formats that are known: add one here to teach the tool another. */
const FORMATS: Record<string, (a: string, b: string, reading: Reading) => Promise<Difference>> = {
  ".json": (a, b, reading) => compareValues(jsonColumns, a, b, reading),
  ".csv": (a, b, reading) => compareValues(csvColumns, a, b, reading),
  ".tsv": (a, b, reading) => compareValues(csvColumns, a, b, reading),
  ".ipynb": async (a, b, { masks }) => {
    const [textA, textB] = await readTexts(a, b);
    const difference = compareNotebooks(textA, textB, masks);
    const incidental = difference.cells.length === 0 ? difference.incidental.join("; ") : undefined;
    return { detail: { kind: "notebook", ...difference }, incidental };
  },
  [TENSORS_EXTENSION]: (a, b) => {
    const difference = compareTensorFiles(a, b);
    const same = difference.differing.length + difference.problems.length === 0;
    const incidental = same ? "the order or the description of the same tensors" : undefined;
    return Promise.resolve({ detail: { kind: "tensors", ...difference }, incidental });
  },
};

/** Says how two outputs differ whose hashes do. */
export async function compareFiles(a: FoundOutput, b: FoundOutput, reading: Reading): Promise<Difference> {
  if (a.file === undefined || b.file === undefined) return { detail: { kind: "hash" } };
  const isText = Math.max(a.bytes, b.bytes) <= LARGEST_PARSED;
  const extension = extname(a.path).toLowerCase();
  const format = isText || extension === TENSORS_EXTENSION ? FORMATS[extension] : undefined;
  try {
    if (format !== undefined) return await format(a.file, b.file, reading);
  } catch (error) {
    // What is not of the format that its name says still has bytes.
    const known = [SyntaxError, ContentProblem, TensorProblem];
    if (!known.some((kind) => error instanceof kind)) throw error;
  }
  return isText ? await compareTexts(a.file, b.file, reading) : await compareBytes(a.file, b.file);
}

async function compareValues(
  columns: (text: string) => Column[],
  a: string,
  b: string,
  reading: Reading,
): Promise<Difference> {
  const [textA, textB] = await readTexts(a, b);
  const difference = compareColumns(columns(textA), columns(textB), reading);
  return { detail: { kind: "values", ...difference }, incidental: explainValues(difference) };
}

function explainValues({ deviations, problems }: ColumnsDifference): string | undefined {
  if (problems.length > 0 || deviations.some(({ incidental }) => incidental === undefined)) return undefined;
  const reasons = new Set(deviations.map(({ incidental }) => incidental));
  return reasons.size === 0 ? "how the same values are written" : [...reasons].join(" and ");
}

/** @throws {SyntaxError} if one of them is not UTF-8. */
async function readTexts(a: string, b: string): Promise<[string, string]> {
  const bytes = await Promise.all([Deno.readFile(a), Deno.readFile(b)]);
  try {
    const [textA, textB] = bytes.map((one) => new TextDecoder("utf-8", { fatal: true }).decode(one));
    return [textA!, textB!];
  } catch {
    throw new SyntaxError("not UTF-8");
  }
}

async function compareTexts(a: string, b: string, { masks }: Reading): Promise<Difference> {
  const texts = await readTexts(a, b).catch((error) => {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  });
  if (texts === undefined || texts.some((text) => text.includes("\0"))) return await compareBytes(a, b);
  return textDifference(...texts, masks);
}

/** The first line that differs. */
export function textDifference(a: string, b: string, masks: Masks): Difference {
  const [linesA, linesB] = [a.split("\n"), b.split("\n")];
  const line = linesA.findIndex((text, index) => text !== linesB[index]);
  const index = line < 0 ? linesA.length : line;
  return {
    detail: { kind: "text", line: index + 1, a: linesA[index] ?? "", b: linesB[index] ?? "" },
    incidental: maskedBy(a, b, masks),
  };
}

async function compareBytes(a: string, b: string): Promise<Difference> {
  return { detail: { kind: "bytes", at: await findFirstByte(a, b) } };
}

/** Bytes that are compared at a time. */
const PIECE = 1 << 20;

/** Position of the first byte that differs; of a file that goes on where the other ends, the other's length. */
export async function findFirstByte(pathA: string, pathB: string): Promise<number> {
  using a = await Deno.open(pathA);
  using b = await Deno.open(pathB);
  const [pieceA, pieceB] = [new Uint8Array(PIECE), new Uint8Array(PIECE)];
  for (let position = 0;; position += PIECE) {
    const [filledA, filledB] = await Promise.all([fill(a, pieceA), fill(b, pieceB)]);
    if (Buffer.compare(filledA, filledB) !== 0) {
      const at = filledA.findIndex((byte, index) => byte !== filledB[index]);
      return position + (at < 0 ? filledA.length : at);
    }
    if (filledA.length < PIECE) return position + filledA.length;
  }
}

/** As much of the file as there is, up to the whole piece. */
async function fill(file: Deno.FsFile, piece: Uint8Array): Promise<Uint8Array> {
  let done = 0;
  while (done < piece.length) {
    const count = await file.read(piece.subarray(done));
    if (count === null) break;
    done += count;
  }
  return piece.subarray(0, done);
}
