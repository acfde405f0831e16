/** Hashes a share of a tree's files, on a processor of its own. */

/// <reference lib="deno.worker" />

import { hashFiles, type Share } from "./hash_files.ts";

self.onmessage = async ({ data: { tree, files } }: MessageEvent<Share>) => {
  self.postMessage(await hashFiles(tree, files));
};
