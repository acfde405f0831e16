/**
 * The hash of a file in a browser, in the place of `system/sha256_file.ts`. WebCrypto is the fastest, and takes only what is
 * in memory as a whole: larger files are hashed by a WebAssembly module, piece by piece.
 */

import { blobOf } from "./dropped_files.ts";
import { makeSum, sha256, toHex } from "./sha256.ts";

/** Waiting for WebCrypto takes longer than hashing so much (bytes). */
const TINY = 32 << 10;

/** Two files up to this size (bytes) are in memory at once: one is read while the other is hashed. */
const SMALL = 8 << 20;

/** Bytes of the largest file that is held in memory, of which WebCrypto makes a copy. */
const LARGEST_WHOLE = 32 << 20;

/** Bytes that a larger file is asked for at once: a stream of a file of 2 GiB can stall. */
const SLICE = 64 << 20;

/** SHA-256 of a file's bytes, in hexadecimal. */
export async function sha256File(path: string): Promise<string> {
  const blob = await blobOf(path);
  if (blob.size <= TINY) return sha256(new Uint8Array(await blob.arrayBuffer()));
  return await (blob.size <= SMALL ? small[turn++ % small.length]! : large).hash(blob);
}

/** Room for one file at a time, used again and again: what is left to the garbage collector stays for seconds. */
class Room {
  #bytes = new ArrayBuffer(0);
  #last: Promise<unknown> = Promise.resolve();

  constructor(readonly size: number) {}

  /** One file after the other. */
  async hash(blob: Blob): Promise<string> {
    const hashed = this.#last.then(() => blob.size <= this.size ? this.#whole(blob) : this.#inPieces(blob));
    this.#last = hashed.catch(() => {});
    return await hashed;
  }

  async #whole(blob: Blob): Promise<string> {
    let filled = 0;
    await this.#read(blob, () => filled, (piece) => void (filled += piece.length));
    return toHex(await crypto.subtle.digest("SHA-256", new Uint8Array(this.#bytes, 0, filled)));
  }

  /** While a piece is hashed, the browser's own process reads the next one. */
  async #inPieces(blob: Blob): Promise<string> {
    const sum = await makeSum();
    for (let at = 0; at < blob.size; at += SLICE) {
      await this.#read(blob.slice(at, at + SLICE), () => 0, (piece) => void sum.update(piece));
    }
    return sum.digest();
  }

  /** Reads to the end, each piece to the place in the room that it is asked for. */
  async #read(blob: Blob, place: () => number, use: (piece: Uint8Array<ArrayBuffer>) => void) {
    // A file that could not be read has taken the memory along.
    if (this.#bytes.byteLength === 0) this.#bytes = new ArrayBuffer(this.size);
    const { next, end } = piecesOf(blob);
    for (let left = blob.size; left > 0;) {
      const piece = await next(new Uint8Array(this.#bytes, place(), Math.min(left, this.size - place())));
      this.#bytes = piece.buffer;
      left -= piece.length;
      use(piece);
    }
    await end();
  }
}

const small = [new Room(SMALL), new Room(SMALL)];
const large = new Room(LARGEST_WHOLE);
let turn = 0;

interface Pieces {
  /** Takes a place in memory, and gives it back with what was read. */
  next(room: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  end(): Promise<void>;
}

function piecesOf(blob: Blob): Pieces {
  const reader = byteReader(blob);
  return reader === undefined ? copies(blob) : {
    async next(room) {
      const { value, done } = await reader.read(room);
      if (done) throw new Error("a file has become shorter while it was read");
      return value;
    },
    end: () => reader.cancel(),
  };
}

/** Some browsers read files into no memory that is given to them. */
function byteReader(blob: Blob) {
  try {
    return (blob.stream() as ReadableStream<Uint8Array<ArrayBuffer>>).getReader({ mode: "byob" });
  } catch {
    return undefined;
  }
}

function copies(blob: Blob): Pieces {
  let at = 0;
  return {
    async next(room) {
      const piece = new Uint8Array(await blob.slice(at, at += room.length).arrayBuffer());
      room.set(piece);
      return room.subarray(0, piece.length);
    },
    end: () => Promise.resolve(),
  };
}
