/** What an archive may become; more than that is taken for a bomb, which would fill the disk. */

import { bytes as shownBytes } from "../../cli/format.ts";
import { ArchiveError } from "./archive_error.ts";

export interface Limits {
  /** Files and folders. */
  files: number;
  bytes: number;
  /** Bytes unpacked for each byte of the archive, once it is more than `FREE_BYTES`. */
  ratio: number;
}

/** ImageNet has 1.4 million files and 160 GB; deflate reaches 1032 on nothing but zeros. */
export const LIMITS: Limits = { files: 2_000_000, bytes: 1e12, ratio: 200 };

/** So little does no harm, however small the archive is. */
const FREE_BYTES = 100e6;

/** Of what is unpacked; files are files and folders together. */
export interface Amount {
  files: number;
  bytes: number;
}

/** @throws ArchiveError that says how much it is, and what to do if the archive is right. */
export function checkLimits({ files, bytes }: Amount, archiveBytes: number, limits: Limits) {
  if (files > limits.files) {
    throw overLimit(`more than ${limits.files} files and folders`);
  }
  if (bytes > limits.bytes) {
    throw overLimit(`more than ${shownBytes(limits.bytes)}`);
  }
  if (bytes > FREE_BYTES && bytes > limits.ratio * archiveBytes) {
    throw overLimit(`more than ${limits.ratio} times its own ${shownBytes(archiveBytes)}`);
  }
}

function overLimit(holds: string): ArchiveError {
  return new ArchiveError(
    `it holds ${holds}, as archives do that are made to fill a disk`,
    { remedy: 'If it is right all the same, declare it without "unpack", and let a step unpack it' },
  );
}
