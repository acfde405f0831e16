/** The hash of a file while it is written: taken on a processor of its own, of what has been written. */

import type { Algorithm } from "./checksums.ts";
import { type HashTask, WRITTEN } from "./hash_task.ts";

export class Hasher implements Disposable {
  #worker = new Worker(new URL("./hasher_worker.ts", import.meta.url), { type: "module" });
  #progress = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT));
  #digest: Promise<string>;

  constructor(readonly algorithm: Algorithm, path: string) {
    this.#digest = new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }) => resolve(data);
      this.#worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
    });
    this.#digest.catch(() => {}); // heard by who waits for it
    this.#worker.postMessage({ algorithm, path, progress: this.#progress } satisfies HashTask);
  }

  /** Tells that so many bytes are in the file. */
  advance(bytes: number) {
    this.#tell(BigInt(bytes));
  }

  /** The hash of so many bytes, which are all. */
  async digest(bytes: number): Promise<string> {
    this.#tell(~BigInt(bytes));
    return await this.#digest;
  }

  #tell(progress: bigint) {
    Atomics.store(this.#progress, WRITTEN, progress);
    Atomics.notify(this.#progress, WRITTEN);
  }

  [Symbol.dispose]() {
    this.#worker.terminate();
  }
}
