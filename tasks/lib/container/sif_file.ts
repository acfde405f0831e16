/** A SIF file as such: whether it is whole, and its hash. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { bytes } from "../cli/format.ts";
import type { KnownHash } from "./sif_schema.ts";
import { sha256, sha256File, writeJson } from "../system/files.ts";
import { openRegular } from "../system/regular_file.ts";
import { readRecordIfSound } from "../system/records.ts";

/** Where the global header has its magic number, and place and length of the data that end the file [SIF specification, version 1]. */
const MAGIC = { offset: 32, text: "SIF_MAGIC" };

const DATA_OFFSET = 112;

const DATA_LENGTH = 120;

/** So much of a file says whether it is a SIF file. */
export const HEADER_BYTES = 128;

/**
 * What is wrong with a file of that size that begins with these bytes, as a phrase after "it"; undefined if it is a
 * whole SIF file.
 */
export function sifProblem(header: Uint8Array, size: number): string | undefined {
  const magic = header.subarray(MAGIC.offset, MAGIC.offset + MAGIC.text.length);
  if (header.length < HEADER_BYTES || new TextDecoder().decode(magic) !== MAGIC.text) return "is no SIF file";
  const view = new DataView(header.buffer, header.byteOffset);
  const whole = Number(view.getBigInt64(DATA_OFFSET, true) + view.getBigInt64(DATA_LENGTH, true));
  return size < whole ? `is cut short: ${bytes(size)} of ${bytes(whole)} are there` : undefined;
}

/** The same for a file; @throws if it can't be read. */
export async function problemOf(path: string): Promise<string | undefined> {
  using file = await openRegular(path);
  const header = new Uint8Array(HEADER_BYTES);
  const count = await file.read(header);
  return sifProblem(header.subarray(0, count ?? 0), (await file.stat()).size);
}

/** @throws Failure(2) if it is no whole SIF file. */
export async function checkSif(path: string): Promise<void> {
  const problem = await problemOf(path).catch((error) => `can't be read (${error.message})`);
  if (problem === undefined) return;
  throw new Failure(2, `Cannot run in ${path}: it ${problem}`, {
    remedy: "Copy it again, or let it be made from the image: --image docker-archive:FILE.tar",
  });
}

/**
 * The hash of a file of gigabytes, which takes seconds, and is therefore kept until the file's size or time changes.
 *
 * @param folder that hashes are kept in; one that can't be written is no error.
 */
export async function hashOnce(path: string, folder: string): Promise<string> {
  const { known, size, modified } = await lookUp(path, folder);
  if (known?.size === size && known.modified === modified) return known.sha256;
  const hash = await sha256File(path);
  const record = recordPath(path, folder);
  await Deno.mkdir(folder, { recursive: true }).catch(() => {});
  await writeJson(record, { path, size, modified, sha256: hash } satisfies KnownHash).catch(() => {});
  return hash;
}

/** Whether the file has other bytes than when its hash was taken; unknown counts as no. */
export async function hasChanged(path: string, folder: string): Promise<boolean> {
  const { known, size, modified } = await lookUp(path, folder);
  if (known === undefined || (known.size === size && known.modified === modified)) return false;
  return known.size !== size || known.sha256 !== await sha256File(path);
}

async function lookUp(path: string, folder: string) {
  const { size, mtime } = await Deno.stat(path);
  const known = await readKnown(recordPath(path, folder));
  return { known: known?.path === path ? known : undefined, size, modified: mtime?.getTime() ?? 0 };
}

function recordPath(path: string, folder: string): string {
  return join(folder, `${sha256(path).slice(0, 16)}.json`);
}

/** Nothing where it is not there, or not whole. */
async function readKnown(path: string): Promise<KnownHash | undefined> {
  const { knownHashSchema } = await import("./sif_schema.ts");
  return await readRecordIfSound(path, knownHashSchema);
}
