/** Files that a user brought by other means than the network: `--from`, or what lies at the data's place already. */

import { basename, join } from "node:path";
import type { Data, DataHash } from "../experiment.ts";
import { Failure } from "../failure.ts";
import { hashFile, showFound, showHash } from "./known_by.ts";
import { findMismatch, type Found } from "./sums.ts";

/** A file with the wanted bytes. */
export interface Given {
  path: string;
  hashes: Found;
}

/**
 * The wanted file: the given one, or the one in the given folder, by name, size or hash.
 *
 * @throws Failure(2) if it is not there
 */
export async function findGiven(from: string, data: Data, hash: DataHash): Promise<Given> {
  const info = await Deno.stat(from).catch(() => undefined);
  if (info === undefined) throw new Failure(2, `Cannot take "${data.name}" from ${from}: nothing is there`);
  const candidates = info.isDirectory ? await candidatesIn(from, data) : [from];
  const seen: string[] = [];
  for (const path of candidates) {
    const hashes = await hashFile(path, hash);
    if (findMismatch(hash, hashes) === undefined) return { path, hashes };
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

/** An unpacked folder can't be held against the hash of an archive. */
function notThere(from: string, data: Data, hash: DataHash, seen: string[], isFolder: boolean): Failure {
  const found = seen.length === 0 ? "" : `: ${seen.slice(0, 3).join(", ")}`;
  const where = isFolder ? `no file in ${from}` : from;
  const what = isFolder ? "has" : "does not have";
  return new Failure(
    2,
    `Cannot take "${data.name}" from there: ${where} ${what} the wanted ${showHash(hash)}${found}`,
    {
      remedy: data.unpack === undefined
        ? `Get ${data.urls[0]} on a machine with a network, and give that file`
        : `Get ${
          data.urls[0]
        } on a machine with a network, and give the archive as it is: unpacked, it can't be checked`,
    },
  );
}
