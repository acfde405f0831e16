/** Hashes a share of a tree's files, on a processor of its own. */

/// <reference lib="deno.worker" />
import { hashFiles } from "./check_tree.ts";
import type { TreeFile } from "./tree_file.ts";

export interface Share {
  tree: string;
  files: TreeFile[];
}

self.onmessage = async ({ data: { tree, files } }: MessageEvent<Share>) => {
  self.postMessage(await hashFiles(tree, files));
};
