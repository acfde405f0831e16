/** Recorded files that are not as they were, many of them on all processors. The page has another of these: `verifier/altered_files.ts`. */

import { inParallel } from "../system/files.ts";
import { Folder } from "../system/regular_file.ts";
import { ask, shares } from "../system/workers.ts";
import type { Share } from "./alteration_worker.ts";
import { findAlteration } from "./evidence.ts";
import type { RecordedFile } from "./receipt.ts";

/** So many files take longer to hash than it takes to start a worker. */
const MANY = 4000;

/** What was altered of files of a run folder, each told once. */
export async function findAlteredFiles(
  directory: string,
  files: [path: string, RecordedFile][],
): Promise<string[]> {
  const within = new Folder(directory);
  const altered = files.length < MANY
    ? await inParallel(
      files,
      ([path, recorded]) => findAlteration(`${directory}/${path}`, path, recorded, within),
    )
    : (await Promise.all(shares(files).map((share) => lookInWorker({ directory, files: share })))).flat();
  return [...new Set(altered)].filter((what) => what !== undefined);
}

async function lookInWorker(share: Share): Promise<string[]> {
  const worker = new Worker(new URL("./alteration_worker.ts", import.meta.url), { type: "module" });
  try {
    return await ask(worker, share);
  } finally {
    worker.terminate();
  }
}
