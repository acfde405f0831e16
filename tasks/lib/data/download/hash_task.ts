/** What the hasher tells its worker. */

import type { Algorithm } from "./checksums.ts";

/** Where the progress stands. */
export const WRITTEN = 0;

export interface HashTask {
  algorithm: Algorithm;
  path: string;
  /** One number, so many bytes are there; `~` of it once no more will come. */
  progress: BigInt64Array<SharedArrayBuffer>;
}
