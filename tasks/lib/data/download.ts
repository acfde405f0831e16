/** Downloads: from several mirrors, resumed where they broke off, and kept only if the bytes are the wanted ones. */

import { Failure } from "../failure.ts";

/** A file as experiment.yaml declares it. */
export interface Wanted {
  /** What the user calls it. */
  name: string;
  /** Mirrors, tried in this order; http or https. */
  urls: string[];
  /** In hexadecimal, whole (64 digits) or its first digits (at least 8). */
  sha256?: string;
  /** In hexadecimal. */
  md5?: string;
  /** In bytes. */
  size?: number;
}

export interface Downloaded {
  sha256: string;
  bytes: number;
  /** The mirror that sent its last byte, without credentials; left out if the file was there already. */
  url?: string;
}

/** How far a download is. */
export interface Progress {
  name: string;
  bytes: number;
  /** In bytes, where it is known. */
  total?: number;
  bytesPerSecond: number;
}

export interface DownloadOptions {
  signal?: AbortSignal;
  /** Called a few times in a second; `describeProgress` makes a line of it for `Terminal.progress`. */
  onProgress?: (progress: Progress) => void;
  /** Hears what is worth a line: a mirror that failed, a download that is resumed, waiting for another process. */
  log?: (line: string) => void;
}

/**
 * Leaves the wanted file at `target`, in a folder that is there; nothing is at `target` before it is whole and right.
 *
 * @throws Failure(2) if no mirror has the wanted bytes, Failure(3) if none can be reached now or the disk is full,
 * Failure(130) if it was stopped
 */
export function download(
  wanted: Wanted,
  target: string,
  _options: DownloadOptions = {},
): Promise<Downloaded> {
  throw new Failure(3, `Cannot download ${wanted.name} to ${target}: not written yet`);
}
