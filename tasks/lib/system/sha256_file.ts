/** The hash of a file. The page that checks runs in a browser has another of these: `verifier/sha256_file.ts`. */

import { nodeCrypto } from "./node.ts";
import { eachPiece } from "./pieces.ts";
import { checkRegular } from "./regular_file.ts";

/**
 * SHA-256 of a file's bytes, in hexadecimal; a large one is read in pieces.
 *
 * @param size bytes, as `checkRegular` has just told
 * @throws IrregularFile for anything but a file
 */
export async function sha256File(path: string, size = checkRegular(path)): Promise<string> {
  return sha256Small(path, size) ?? await sha256Large(path);
}

/** Room for a small file: reading it at once, without waiting in between, is several times quicker than in pieces. */
const room = new Uint8Array(1 << 18);

/** Nothing for a file that is larger than that, or is being written to. */
function sha256Small(path: string, size: number): string | undefined {
  if (size >= room.length) return undefined;
  using file = Deno.openSync(path);
  const count = file.readSync(room) ?? 0;
  return count === size ? nodeCrypto().hash("sha256", room.subarray(0, count), "hex") : undefined;
}

async function sha256Large(path: string): Promise<string> {
  const sum = nodeCrypto().createHash("sha256");
  using file = await Deno.open(path);
  await eachPiece(file, (piece) => sum.update(piece));
  return sum.digest("hex");
}
