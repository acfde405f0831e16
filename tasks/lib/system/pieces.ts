/** A file that is read piece by piece. */

const PIECE = 1 << 20;

/** Uses what is left of a file in pieces: one is read while the one before is used. */
export async function eachPiece(file: Deno.FsFile, use: (piece: Uint8Array) => void): Promise<void> {
  let [piece, next] = [new Uint8Array(PIECE), new Uint8Array(PIECE)];
  for (let count = await file.read(piece); count !== null;) {
    const reading = file.read(next);
    use(piece.subarray(0, count));
    count = await reading;
    [piece, next] = [next, piece];
  }
}
