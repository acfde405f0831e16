/**
 * The hash of a file in a browser, in the place of `system/sha256_file.ts`. WebCrypto is three times as fast as a script,
 * and takes only what is in memory as a whole: larger files are hashed by a script, piece by piece.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { blobOf } from "./dropped_files.ts";

/** Bytes of a file that is held in memory; WebCrypto makes a copy, and files come at any number at once. */
const LARGEST_WHOLE = 32 << 20;

/** Waiting for WebCrypto takes longer than hashing so much (bytes). */
const SMALL = 32 << 10;

/** Bytes that are read at once of a larger file: each reading asks another process. */
const PIECE = 4 << 20;

/** SHA-256 of a file's bytes, in hexadecimal. */
export async function sha256File(path: string): Promise<string> {
  const blob = await blobOf(path);
  if (blob.size <= SMALL) return bytesToHex(sha256(new Uint8Array(await blob.arrayBuffer())));
  return await inTurn(async () =>
    blob.size <= LARGEST_WHOLE ? await hashWhole(blob) : await hashInPieces(blob)
  );
}

let last: Promise<unknown> = Promise.resolve();

/** One after the other, so that no more than one file is in memory. */
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const before = last;
  const own = before.then(work);
  last = own.catch(() => {});
  return await own;
}

async function hashWhole(blob: Blob): Promise<string> {
  return bytesToHex(new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer())));
}

/** One piece is read while the one before is hashed. */
async function hashInPieces(blob: Blob): Promise<string> {
  const sum = sha256.create();
  const read = (at: number) => at < blob.size ? blob.slice(at, at + PIECE).arrayBuffer() : undefined;
  let reading = read(0);
  for (let at = PIECE; reading !== undefined; at += PIECE) {
    const piece = await reading;
    reading = read(at);
    sum.update(new Uint8Array(piece));
  }
  return bytesToHex(sum.digest());
}
