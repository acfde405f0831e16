/** One unpacking, as the readers of zip and tar see it. */

import { Failure } from "../../cli/failure.ts";
import { bytes as shownBytes } from "../../cli/format.ts";
import { freeSpace } from "../../system/files.ts";
import type { TreeFile } from "../tree/tree_file.ts";
import type { Amount, Limits } from "./limits.ts";

/** What a file takes on disk is a multiple of that on most file systems. */
const BLOCK = 4096;

export const ANOTHER_DISK = "name a folder on another disk: XDG_CACHE_HOME=/path/to/folder";

/** What was unpacked so far, and whether there is room for the rest. */
export class Job {
  readonly files: TreeFile[] = [];
  #bytes = 0;
  #total: Amount | undefined;

  constructor(
    readonly archive: string,
    /** An empty folder to unpack to. */
    readonly tree: string,
    readonly limits: Limits,
    readonly signal?: AbortSignal,
    readonly onProgress?: (done: Amount, total?: Amount) => void,
  ) {}

  get amount(): Amount {
    return { files: this.files.length, bytes: this.#bytes };
  }

  /**
   * Takes note of what is to come, before anything is written.
   *
   * @throws Failure(3) if the disk has too little space for it.
   */
  async expect(total: Amount) {
    this.#total = total;
    await this.requireSpace(total.bytes + total.files * (BLOCK / 2));
  }

  async requireSpace(needed: number) {
    const free = await freeSpace(this.tree);
    if (needed <= free) return;
    throw new Failure(
      3,
      `Cannot unpack ${this.archive}: it needs about ${shownBytes(needed)}, and the disk has ${
        shownBytes(free)
      } free`,
      { remedy: `Free ${shownBytes(needed - free)} there, or ${ANOTHER_DISK}` },
    );
  }

  /** @throws the signal's reason if there is no need to go on. */
  advance(files: TreeFile[]) {
    this.signal?.throwIfAborted();
    for (const file of files) {
      this.files.push(file);
      this.#bytes += file.bytes;
    }
    this.onProgress?.(this.amount, this.#total);
  }
}
