/** Local files that came by other means than the network: `--from`, or what lies at the data's place already. */

import { basename, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Data, DataHash } from "../experiment/experiment.ts";
import { findMismatch, type Found } from "./download/checksums.ts";
import { expectedOf, hashFile, showFound, showHash } from "./checksum.ts";

/** A file with the expected bytes. */
export interface LocalFile {
  path: string;
  hashes: Found;
}

/** There is no file with the expected bytes; there may be one with other data's. */
export class LocalFileMissing extends Failure {
  constructor(readonly isFolder: boolean, message: string, remedy: string) {
    super(2, message, { remedy });
  }
}

/**
 * The local file: the one that is named, or one in the folder that is named, by name, size or hash.
 *
 * @throws Failure(2) if nothing is there, LocalFileMissing if no file there has the bytes
 */
export async function findLocalFile(from: string, data: Data, hash: DataHash): Promise<LocalFile> {
  const info = await Deno.stat(from).catch(() => undefined);
  if (info === undefined) throw new Failure(2, `Cannot take "${data.name}" from ${from}: nothing is there`);
  const candidates = info.isDirectory ? await candidatesIn(from, data) : [from];
  const seen: string[] = [];
  for (const path of candidates) {
    const hashes = await hashFile(path, hash);
    if (findMismatch(expectedOf(hash), hashes) === undefined) return { path, hashes };
    seen.push(`${basename(path)} has ${showFound(hash, hashes)}`);
  }
  throw notThere(from, data, hash, seen, info.isDirectory);
}

/** Files called as the data are, else those of the right size; where no size is known, all. */
async function candidatesIn(folder: string, data: Data): Promise<string[]> {
  const names = [...data.urls.map((url) => basename(new URL(url).pathname)), basename(data.to)];
  const files: { name: string; size: number }[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const info = await Deno.stat(join(folder, name)).catch(() => undefined);
    if (info?.isFile) files.push({ name, size: info.size });
  }
  const isCalledSo = ({ name }: { name: string }) => names.includes(name);
  const others = files.filter((file) => !isCalledSo(file) && (data.size ?? file.size) === file.size);
  return [...files.filter(isCalledSo), ...others].map(({ name }) => join(folder, name));
}

/** An unpacked folder can't be checked against the hash of an archive. */
function notThere(
  from: string,
  data: Data,
  hash: DataHash,
  seen: string[],
  isFolder: boolean,
): LocalFileMissing {
  const { name, urls, how, from: deposit, unpack } = data;
  const found = seen.length === 0 ? "" : `: ${seen.slice(0, 3).join(", ")}`;
  const where = isFolder ? `no file in ${from} has` : `${from} does not have`;
  const form = unpack === undefined
    ? "give that file"
    : "give the archive as it is: unpacked, it can't be checked";
  return new LocalFileMissing(
    isFolder,
    `Cannot take "${name}" from there: ${where} the expected ${showHash(hash)}${found}`,
    how === undefined
      ? `Get ${urls[0] ?? deposit} on a machine with a network, and ${form}`
      : `${how}; ${form}`,
  );
}
