/** Looks at a share of a run's files, on a processor of its own. */

/// <reference lib="deno.worker" />

import { Folder } from "../system/regular_file.ts";
import { findAlteration } from "./evidence.ts";
import type { RecordedFile } from "./receipt.ts";

/** The part of a run's files that one worker looks at; it answers with what it found altered, in words. */
export interface Share {
  directory: string;
  files: [path: string, recorded: RecordedFile][];
}

self.onmessage = async ({ data: { directory, files } }: MessageEvent<Share>) => {
  const altered: (string | undefined)[] = [];
  const within = new Folder(directory);
  for (const [path, recorded] of files) {
    altered.push(await findAlteration(`${directory}/${path}`, path, recorded, within));
  }
  self.postMessage(altered.filter((what) => what !== undefined));
};
