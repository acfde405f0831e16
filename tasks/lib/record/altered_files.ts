/** Recorded files that are not as they were, many of them on all processors. The page has another of these: `verifier/altered_files.ts`. */

import { inParallel } from "../system/files.ts";
import { Folder } from "../system/regular_file.ts";
import { ask, shares, WIDTH } from "../system/workers.ts";
import type { Share } from "./alteration_worker.ts";
import { findAlteration } from "./evidence.ts";
import type { RecordedFile } from "./receipt.ts";

/** So many files take longer to hash than it takes to start a worker. */
const MANY = 4000;

/** Looks at the files of a run folder; workers that it takes are started with it, while its caller reads the records. */
export class Look implements Disposable {
  readonly #workers: Worker[];

  /** @param expected how many files there will be, about */
  constructor(readonly directory: string, expected = 0) {
    const url = new URL("./alteration_worker.ts", import.meta.url);
    this.#workers = expected < MANY
      ? []
      : Array.from({ length: WIDTH }, () => new Worker(url, { type: "module" }));
  }

  /** What was altered, each told once. */
  async findAltered(files: [path: string, RecordedFile][]): Promise<string[]> {
    const { directory } = this;
    const within = new Folder(directory);
    const altered = this.#workers.length === 0
      ? await inParallel(
        files,
        ([path, recorded]) => findAlteration(`${directory}/${path}`, path, recorded, within),
      )
      : (await Promise.all(
        shares(files).map((files, index) =>
          ask<string[]>(this.#workers[index]!, { directory, files } satisfies Share)
        ),
      )).flat();
    return [...new Set(altered)].filter((what) => what !== undefined);
  }

  [Symbol.dispose]() {
    this.#workers.forEach((worker) => worker.terminate());
  }
}
