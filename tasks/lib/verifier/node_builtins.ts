/** What the program takes from Node's built-in modules, for a browser. */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

/** Of node:crypto: SHA-256 is all that is asked for. */
export function hash(_algorithm: "sha256", data: string | Uint8Array): string {
  return bytesToHex(sha256(typeof data === "string" ? utf8ToBytes(data) : data));
}

export function createHash(_algorithm: "sha256") {
  const sum = sha256.create();
  return { update: (piece: Uint8Array) => void sum.update(piece), digest: () => bytesToHex(sum.digest()) };
}

/** Of node:vm: the page ends a worker that takes too long, so the search needs no limit of its own. */
export function runInNewContext(_code: string, { text, pattern }: { text: string; pattern: string }): string {
  return JSON.stringify(
    Array.from(text.matchAll(new RegExp(pattern, "gmu")), (match) => [match[1], match.index]),
  );
}

/** Of node:sqlite, which no browser has. */
export class DatabaseSync {
  constructor() {
    throw new Error("a tracker's database is not read in a browser: deno task verify reads it");
  }
}

function notHere(): never {
  throw new Error("a tracker's database is not read in a browser: deno task verify reads it");
}

export const [readFileSync, rmSync, statSync, writeFileSync] = [notHere, notHere, notHere, notHere];
