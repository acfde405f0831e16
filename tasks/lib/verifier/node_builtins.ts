/** What the program takes from Node's built-in modules, for a browser. */

import { sha256, Sum } from "./sha256.ts";
import type { Answer } from "./worker.ts";

/** Of node:crypto: SHA-256 is all that is asked for. */
export function hash(_algorithm: "sha256", data: string | Uint8Array): string {
  return sha256(data);
}

export function createHash(_algorithm: "sha256"): Sum {
  return new Sum();
}

/** Of node:vm: the page is told of each search, and ends a worker that is at it for too long. */
export function runInNewContext(_code: string, { text, pattern }: { text: string; pattern: string }): string {
  const tell = postMessage as (message: Answer) => void;
  tell({ kind: "searching", pattern });
  try {
    const found = Array.from(text.matchAll(new RegExp(pattern, "gmu")), (match) => [match[1], match.index]);
    return JSON.stringify(found);
  } finally {
    tell({ kind: "searched" });
  }
}
