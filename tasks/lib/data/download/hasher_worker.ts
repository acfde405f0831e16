/** Hashes a file as far as it is written, until no more comes. */

/// <reference lib="deno.worker" />

import { createHash } from "node:crypto";
import { type HashTask, WRITTEN } from "./hash_task.ts";

const CHUNK_BYTES = 1 << 20;

/** What is read was written a moment ago: it comes from memory. */
function hashAsWritten({ algorithm, path, progress }: HashTask): string {
  const hash = createHash(algorithm);
  const chunk = new Uint8Array(CHUNK_BYTES);
  using file = Deno.openSync(path);
  for (let done = 0;;) {
    const told = Atomics.load(progress, WRITTEN);
    const [written, isAll] = told < 0n ? [Number(~told), true] : [Number(told), false];
    if (done < written) {
      const count = file.readSync(chunk.subarray(0, Math.min(CHUNK_BYTES, written - done)));
      if (count === null) throw new Error(`${path} ends at ${done} of ${written} bytes`);
      hash.update(chunk.subarray(0, count));
      done += count;
    } else if (isAll) return hash.digest("hex");
    else Atomics.wait(progress, WRITTEN, told);
  }
}

self.onmessage = ({ data }: MessageEvent<HashTask>) => self.postMessage(hashAsWritten(data));
