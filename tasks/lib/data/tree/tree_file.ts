/** Writing one file of a tree, and recording it. */

import { createHash } from "node:crypto";
import { sha256 } from "../../system/files.ts";
import type { Stamp, TreeFile } from "../cache_schema.ts";

export type { Stamp, TreeFile };

/** Nobody writes to data that other experiments use. Of an archive's modes no more is taken than that a file can be started. */
function modeOf(isExecutable: boolean): number {
  return isExecutable ? 0o555 : 0o444;
}

/**
 * Writes a file that must not be there yet. All at once, and looked at by its name, this is much quicker than with an
 * open file, of which Deno looks up the path again for each thing that is done with it.
 */
export function writeTreeFile(
  tree: string,
  path: string,
  content: Uint8Array,
  isExecutable: boolean,
): TreeFile {
  Deno.writeFileSync(`${tree}/${path}`, content, { createNew: true, mode: modeOf(isExecutable) });
  return { path, sha256: sha256(content), ...stampOf(Deno.lstatSync(`${tree}/${path}`)) };
}

/** The same, for a file that is not held in memory. */
export async function streamTreeFile(
  tree: string,
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  isExecutable: boolean,
): Promise<TreeFile> {
  const checksum = createHash("sha256");
  using file = Deno.openSync(`${tree}/${path}`, { write: true, createNew: true, mode: modeOf(isExecutable) });
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
