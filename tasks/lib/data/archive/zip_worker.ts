/** Unpacks batches of a zip, on a processor of its own. */

/// <reference lib="deno.worker" />

import type { TreeFile } from "../tree/tree_file.ts";
import { ArchiveError } from "./archive_error.ts";
import { unpackBatch } from "./zip_batch.ts";
import type { ZipFile } from "./zip_directory.ts";

/** What a worker is asked for. */
export interface Share {
  archive: string;
  tree: string;
  files: ZipFile[];
  /** Not zero when there is no need to go on. */
  stop: Int32Array;
}

export type Answer = { done: TreeFile[] } | { problem: string; isArchives: boolean };

self.onmessage = async ({ data: { archive, tree, files, stop } }: MessageEvent<Share>) => {
  self.postMessage(await answer(archive, tree, files, () => Atomics.load(stop, 0) !== 0));
};

async function answer(
  archive: string,
  tree: string,
  files: ZipFile[],
  stop: () => boolean,
): Promise<Answer> {
  try {
    using file = Deno.openSync(archive);
    return { done: await unpackBatch(file, tree, files, stop) };
  } catch (error) {
    return { problem: (error as Error).message, isArchives: error instanceof ArchiveError };
  }
}
