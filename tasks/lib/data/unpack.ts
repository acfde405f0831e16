/** Archives of data, unpacked whole or not at all. */

import type { TreeManifest } from "./tree_manifest.ts";

/** What an archive may become; more than that is taken for a bomb. */
export interface Limits {
  files: number;
  bytes: number;
  /** Bytes unpacked for each byte of the archive. */
  ratio: number;
}

export interface UnpackOptions {
  limits?: Partial<Limits>;
  /** `total` is known beforehand for a zip only. */
  onProgress?: (done: { files: number; bytes: number }, total?: { files: number; bytes: number }) => void;
  signal?: AbortSignal;
}

export interface Unpacked {
  files: number;
  bytes: number;
  /** Also in the file `manifestPath(target)`. */
  manifest: TreeManifest;
  /** What names this tree in evidence: see `treeSha256`. */
  sha256: string;
}

/**
 * Unpacks an archive into a new folder, which is there whole or not at all; its manifest lies beside it.
 *
 * @throws Failure(2) if the archive is damaged, unsafe or larger than the limits, or the target exists; Failure(3) if
 * the disk is full, a program for decompression is missing, or another process unpacks to the same place.
 */
export function unpack(
  _archive: string,
  _kind: "zip" | "tar",
  _target: string,
  _options: UnpackOptions = {},
): Promise<Unpacked> {
  return Promise.reject(new Error("not written yet"));
}
