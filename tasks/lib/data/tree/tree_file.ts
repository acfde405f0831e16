/** Writing one file of a tree, and recording it. */

import { createHash } from "node:crypto";
import { sha256 } from "../../system/files.ts";

/** A file of a tree, as it was when it was written. */
export interface TreeFile extends Stamp {
  /** Relative to the tree, with `/`. */
  path: string;
  sha256: string;
}

/** What tells at a glance that a file was changed. Deno gives no finer times. */
export interface Stamp {
  bytes: number;
  /** Last change of the bytes, in milliseconds since 1970. */
  modified: number;
  /** Last change of the inode, in milliseconds since 1970, by whole seconds. */
  changed: number;
  /** Another one after a file was replaced. */
  inode: number;
}

/** Nobody writes to data that other experiments use, and no mode is taken from an archive. */
const MODE = 0o444;

/**
 * Writes a file that must not be there yet. All at once, and looked at by its name, this is much quicker than with an
 * open file, of which Deno looks up the path again for each thing that is done with it.
 */
export function writeTreeFile(tree: string, path: string, content: Uint8Array): TreeFile {
  Deno.writeFileSync(`${tree}/${path}`, content, { createNew: true, mode: MODE });
  return { path, sha256: sha256(content), ...stampOf(Deno.lstatSync(`${tree}/${path}`)) };
}

/** The same, for a file that is not held in memory. */
export async function streamTreeFile(
  tree: string,
  path: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<TreeFile> {
  const checksum = createHash("sha256");
  using file = Deno.openSync(`${tree}/${path}`, { write: true, createNew: true, mode: MODE });
  for await (const chunk of chunks) {
    checksum.update(chunk);
    for (let done = 0; done < chunk.length;) done += file.writeSync(chunk.subarray(done));
  }
  return { path, sha256: checksum.digest("hex"), ...stampOf(file.statSync()) };
}

export function stampOf({ size, mtime, ctime, ino }: Deno.FileInfo): Stamp {
  return {
    bytes: size,
    modified: mtime?.getTime() ?? 0,
    changed: ctime?.getTime() ?? 0,
    inode: ino ?? 0,
  };
}

/** Whether a file is the one that it was, as far as this tells without reading it. */
export function isSameStamp(a: Stamp, b: Stamp): boolean {
  return a.bytes === b.bytes && a.modified === b.modified && a.changed === b.changed && a.inode === b.inode;
}
