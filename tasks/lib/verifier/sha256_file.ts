/**
 * The hash of a file in a browser, in the place of `system/sha256_file.ts`. WebCrypto is three times as fast as a script,
 * and takes only what is in memory as a whole: larger files are hashed by a script, piece by piece.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { blobOf } from "./dropped_files.ts";

/** Bytes of a file that is held in memory, of which WebCrypto makes a copy. */
const LARGEST_WHOLE = 32 << 20;

/** Bytes that are read at once of a larger file: each reading asks another process. */
const PIECE = 4 << 20;

/** Waiting for WebCrypto takes longer than hashing so much (bytes). */
const SMALL = 32 << 10;

/** SHA-256 of a file's bytes, in hexadecimal. */
export async function sha256File(path: string): Promise<string> {
  const blob = await blobOf(path);
  if (blob.size <= SMALL) return bytesToHex(sha256(new Uint8Array(await blob.arrayBuffer())));
  return await inTurn(() => blob.size <= LARGEST_WHOLE ? hashWhole(blob) : hashInPieces(blob));
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
  let digest = new ArrayBuffer();
  await eachFill(blob, async (content) => {
    digest = await crypto.subtle.digest("SHA-256", content);
  });
  return bytesToHex(new Uint8Array(digest));
}

/** Slices, since a stream of a file of 2 GiB can stall. One is read while the one before is hashed. */
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

/** Read into again and again: memory that is left to the garbage collector stays for seconds, while files are read. */
let room = new ArrayBuffer(LARGEST_WHOLE);

/** Fills the room from the file, as often as it takes; each piece is a stream of its own, since long ones can stall. */
async function eachFill(blob: Blob, use: (filled: Uint8Array<ArrayBuffer>) => void | Promise<void>) {
  for (let at = 0; at < blob.size; at += LARGEST_WHOLE) {
    await use(await fill(blob.slice(at, at + LARGEST_WHOLE)));
  }
}

async function fill(piece: Blob): Promise<Uint8Array<ArrayBuffer>> {
  const reader = byteReader(piece);
  if (reader === undefined) return new Uint8Array(await piece.arrayBuffer());
  if (room.detached) room = new ArrayBuffer(LARGEST_WHOLE); // a file that could not be read has taken it along
  let filled = 0;
  while (filled < piece.size) {
    const { value, done } = await reader.read(new Uint8Array(room, filled, piece.size - filled));
    if (value !== undefined) room = value.buffer;
    if (done) throw new Error("a file has become shorter while it was read");
    filled += value!.length;
  }
  await reader.cancel();
  return new Uint8Array(room, 0, filled);
}

/** Some browsers read files into no memory that is given to them. */
function byteReader(blob: Blob) {
  try {
    return (blob.stream() as ReadableStream<Uint8Array<ArrayBuffer>>).getReader({ mode: "byob" });
  } catch {
    return undefined;
  }
}
