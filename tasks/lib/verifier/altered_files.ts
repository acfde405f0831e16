/** In the place of `record/altered_files.ts`: the page is in its only worker, and what takes long is not the hashing. */

import { findAlteration } from "../record/evidence.ts";
import type { RecordedFile } from "../record/receipt.ts";
import { inParallel } from "../system/files.ts";
import { Folder } from "../system/regular_file.ts";

export class Look implements Disposable {
  constructor(readonly directory: string) {}

  async findAltered(files: [path: string, RecordedFile][]): Promise<string[]> {
    const { directory } = this;
    const within = new Folder(directory);
    const altered = await inParallel(
      files,
      ([path, recorded]) => findAlteration(`${directory}/${path}`, path, recorded, within),
    );
    return [...new Set(altered)].filter((what) => what !== undefined);
  }

  [Symbol.dispose]() {
    // nothing was started
  }
}
