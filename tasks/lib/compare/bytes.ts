/** Where two files of any size differ. */

import { Buffer } from "node:buffer";

/** Bytes that are compared at a time. */
const PIECE = 1 << 20;

/** Position of the first byte that differs; of a file that goes on where the other ends, the other's length. */
export async function findFirstByte(pathA: string, pathB: string): Promise<number> {
  using a = await Deno.open(pathA);
  using b = await Deno.open(pathB);
  const [pieceA, pieceB] = [new Uint8Array(PIECE), new Uint8Array(PIECE)];
  for (let position = 0;; position += PIECE) {
    const [filledA, filledB] = await Promise.all([fill(a, pieceA), fill(b, pieceB)]);
    if (Buffer.compare(filledA, filledB) !== 0) {
      const at = filledA.findIndex((byte, index) => byte !== filledB[index]);
      return position + (at < 0 ? filledA.length : at);
    }
    if (filledA.length < PIECE) return position + filledA.length;
  }
}

/** As much of the file as there is, up to the whole piece. */
async function fill(file: Deno.FsFile, piece: Uint8Array): Promise<Uint8Array> {
  let done = 0;
  while (done < piece.length) {
    const count = await file.read(piece.subarray(done));
    if (count === null) break;
    done += count;
  }
  return piece.subarray(0, done);
}
