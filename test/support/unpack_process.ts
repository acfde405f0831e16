/**
 * Unpacks in a process of its own, for tests that end it or take programs from it.
 *
 * Arguments: ARCHIVE KIND TARGET. Stops for a minute when the first files are there.
 */

import { unpack } from "../../tasks/lib/data/archive/unpack.ts";

const [archive, kind, target] = Deno.args;

let waited = false;

function wait() {
  if (waited) return;
  waited = true;
  console.log("files are there");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
}

try {
  await unpack(archive!, kind as "zip" | "tar", target!, { onProgress: wait });
} catch (error) {
  console.log((error as Error).message);
  Deno.exit(1);
}
