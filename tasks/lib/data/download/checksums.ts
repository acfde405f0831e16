/** The hashes of a file while it comes, and what a wanted file must have. */

import { createHash, type Hash } from "node:crypto";
import { eachPiece } from "../../system/files.ts";

/** What is known about a file before it is there. */
export interface Expected {
  /** In hexadecimal, whole (64 digits) or its first digits (at least 8). */
  sha256?: string;
  /** In hexadecimal. */
  md5?: string;
  /** In bytes. */
  size?: number;
}

/** What a file is found to have. */
export interface Found {
  sha256: string;
  md5?: string;
  bytes: number;
}

const SHA256_DIGITS = 64;

export type Algorithm = "sha256" | "md5";

/** SHA-256 always; MD5, which takes twice as long, only where the whole SHA-256 is not known. */
export function algorithmsFor({ sha256, md5 }: Expected): Algorithm[] {
  return md5 === undefined || sha256?.length === SHA256_DIGITS ? ["sha256"] : ["sha256", "md5"];
}

/** All hashes of what goes through here. */
export class Checksums {
  #hashes: [Algorithm, Hash][];
  #bytes = 0;

  constructor(expected: Expected) {
    this.#hashes = algorithmsFor(expected).map((algorithm) => [algorithm, createHash(algorithm)]);
  }

  update(data: Uint8Array) {
    for (const [, hash] of this.#hashes) hash.update(data);
    this.#bytes += data.length;
  }

  digest(): Found {
    return foundOf(this.#hashes.map(([algorithm, hash]) => [algorithm, hash.digest("hex")]), this.#bytes);
  }
}

/** Without a SHA-256 among the digests it is empty, and equal to none. */
export function foundOf(digests: [Algorithm, string][], bytes: number): Found {
  const { sha256 = "", md5 } = Object.fromEntries(digests) as Partial<Record<Algorithm, string>>;
  return { sha256, md5, bytes };
}

/** Whether the bytes are checked against a hash. */
export function isHashed({ sha256, md5 }: Expected): boolean {
  return sha256 !== undefined || md5 !== undefined;
}

/** What is not as it should be, as a phrase after "sent"; undefined if all is right. */
export function findMismatch(expected: Expected, found: Found): string | undefined {
  const { sha256, md5, size } = expected;
  if (size !== undefined && found.bytes !== size) return `${found.bytes} bytes, expected are ${size}`;
  if (sha256 !== undefined && !found.sha256.startsWith(sha256.toLowerCase())) {
    const beginning = sha256.length < SHA256_DIGITS ? "one that begins with " : "";
    return `other bytes: their SHA-256 is ${found.sha256}, expected is ${beginning}${sha256}`;
  }
  if (found.md5 !== undefined && md5 !== undefined && found.md5 !== md5.toLowerCase()) {
    return `other bytes: their MD5 is ${found.md5}, expected is ${md5}`;
  }
}

/** The hashes of what is left of a file. */
export async function readChecksums(file: Deno.FsFile, expected: Expected): Promise<Checksums> {
  const checksums = new Checksums(expected);
  await eachPiece(file, (chunk) => checksums.update(chunk));
  return checksums;
}
