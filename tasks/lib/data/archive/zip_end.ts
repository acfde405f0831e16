/** Where the directory of a zip stands: its end says so, for archives over 4 GB with a second record before it. */

import { Buffer } from "node:buffer";
import { ArchiveError } from "./archive_error.ts";
import { readAt } from "./read_at.ts";

export interface DirectoryPlace {
  entries: number;
  offset: number;
  bytes: number;
}

/** Signatures and lengths of the three records. @see APPNOTE.TXT 4.3.14 to 4.3.16 */
const END = { signature: 0x06054b50, bytes: 22 };

const LOCATOR64 = { signature: 0x07064b50, bytes: 20 };

const END64 = { signature: 0x06064b50, bytes: 56 };

const MAX_COMMENT = 0xffff;

/** @throws ArchiveError if the archive is no zip, was cut off, or is only a part of one. */
export function findDirectory(archive: Deno.FsFile, size: number): DirectoryPlace {
  const begin = Math.max(0, size - END.bytes - MAX_COMMENT - LOCATOR64.bytes);
  const tail = Buffer.from(readAt(archive, begin, size - begin).buffer);
  const at = findEnd(tail);
  const { place, end } = readEnd64(archive, tail, at) ?? { place: readEnd(tail, at), end: begin + at };
  if (place.offset + place.bytes > end) {
    throw new ArchiveError(
      "it is damaged, or bytes in it are missing: its directory is not where its end says",
    );
  }
  return place;
}

/** The last record whose comment reaches just to the end of the file. */
function findEnd(tail: Buffer): number {
  for (let at = tail.length - END.bytes; at >= 0; at--) {
    if (
      tail.readUInt32LE(at) === END.signature && at + END.bytes + tail.readUInt16LE(at + 20) === tail.length
    ) {
      return at;
    }
  }
  throw new ArchiveError("it is no zip, or its end is missing");
}

function readEnd(tail: Buffer, at: number): DirectoryPlace {
  requireWhole(tail.readUInt16LE(at + 4), tail.readUInt16LE(at + 6));
  return {
    entries: tail.readUInt16LE(at + 10),
    bytes: tail.readUInt32LE(at + 12),
    offset: tail.readUInt32LE(at + 16),
  };
}

function readEnd64(archive: Deno.FsFile, tail: Buffer, at: number) {
  const locator = at - LOCATOR64.bytes;
  if (locator < 0 || tail.readUInt32LE(locator) !== LOCATOR64.signature) return undefined;
  const end = uint64(tail, locator + 8);
  const record = Buffer.from(readAt(archive, end, END64.bytes).buffer);
  if (record.length < END64.bytes || record.readUInt32LE(0) !== END64.signature) {
    throw new ArchiveError("it is damaged: the record of its end for large archives is missing");
  }
  requireWhole(record.readUInt32LE(16), record.readUInt32LE(20));
  return {
    place: { entries: uint64(record, 32), bytes: uint64(record, 40), offset: uint64(record, 48) },
    end,
  };
}

function requireWhole(...disks: number[]) {
  if (disks.some((disk) => disk !== 0)) throw new ArchiveError("it is one part of a zip that was split");
}

/** @throws ArchiveError for a number that no file can have. */
export function uint64(data: Buffer, at: number): number {
  const value = Number(data.readBigUInt64LE(at));
  if (!Number.isSafeInteger(value)) throw new ArchiveError("it is damaged: a size in it can't be");
  return value;
}
