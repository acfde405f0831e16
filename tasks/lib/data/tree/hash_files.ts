/** Hashes of the files of a tree. */

import { inParallel, sha256File } from "../../system/files.ts";
import type { TreeFile } from "./tree_file.ts";

/** SHA-256 of each file; nothing for one that can't be read. */
export async function hashFiles(tree: string, files: TreeFile[]): Promise<(string | undefined)[]> {
  return await inParallel(files, ({ path }) => sha256File(`${tree}/${path}`).catch(() => undefined));
}

export interface Share {
  tree: string;
  files: TreeFile[];
}
