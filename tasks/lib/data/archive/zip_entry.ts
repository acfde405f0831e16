/** One entry of a zip's directory. @see APPNOTE.TXT 4.3.12 */

import type { Buffer } from "node:buffer";
import { ArchiveError, shown } from "./archive_error.ts";

export interface ZipEntry {
  name: string;
  kind: "file" | "folder" | "link" | "special";
  /** Whether anybody may start it; not so where the writer had no Unix modes. */
  isExecutable: boolean;
  isEncrypted: boolean;
  method: number;
  crc32: number;
  compressed: number;
  bytes: number;
  /** Where its local header stands. */
  offset: number;
}

const SIGNATURE = 0x02014b50;

const HEADER = 46;

/** Flags: encrypted, strongly encrypted, with a masked header. */
const ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13;

/** Stands where the number did not fit, and is in an extra field instead. */
const ELSEWHERE = 0xffffffff;

const ZIP64 = 0x0001;

/** @throws ArchiveError if what stands there is no entry. */
export function readEntry(directory: Buffer, at: number): { entry: ZipEntry; end: number } {
  if (at + HEADER > directory.length || directory.readUInt32LE(at) !== SIGNATURE) throw damaged();
  const nameEnd = at + HEADER + directory.readUInt16LE(at + 28);
  const extraEnd = nameEnd + directory.readUInt16LE(at + 30);
  const end = extraEnd + directory.readUInt16LE(at + 32);
  if (end > directory.length) throw damaged();
  const name = decode(directory.subarray(at + HEADER, nameEnd));
  const entry: ZipEntry = {
    name,
    kind: kindOf(name, directory.readUInt32LE(at + 38)),
    isExecutable: (directory.readUInt32LE(at + 38) >>> 16 & 0o111) !== 0,
    isEncrypted: (directory.readUInt16LE(at + 8) & ENCRYPTED) !== 0,
    method: directory.readUInt16LE(at + 10),
    crc32: directory.readUInt32LE(at + 16),
    compressed: directory.readUInt32LE(at + 20),
    bytes: directory.readUInt32LE(at + 24),
    offset: directory.readUInt32LE(at + 42),
  };
  takeLarge(entry, directory.subarray(nameEnd, extraEnd));
  return { entry, end };
}

function damaged(): ArchiveError {
  return new ArchiveError("its directory is damaged");
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What says to be in the IBM PC's character set (CP437) mostly is UTF-8, as its writer knew no better. */
function decode(name: Buffer): string {
  try {
    return decoder.decode(name);
  } catch {
    throw new ArchiveError(`it has a name that is not UTF-8: ${shown(name.toString("latin1"))}`);
  }
}

/** Of a Unix mode: what kind of file it is. */
const KIND = 0o170000;

const KINDS: Record<number, ZipEntry["kind"]> = {
  0: "file",
  0o100000: "file",
  0o040000: "folder",
  0o120000: "link",
};

const DOS_FOLDER = 0x10;

/** @param attributes a Unix mode in the upper half, zero where the writer had none; what MS-DOS has in the lower */
function kindOf(name: string, attributes: number): ZipEntry["kind"] {
  const kind = KINDS[attributes >>> 16 & KIND] ?? "special";
  const isFolder = name.endsWith("/") || (attributes & DOS_FOLDER) !== 0;
  return kind === "file" && isFolder ? "folder" : kind;
}

/** Reads the numbers that need 64 bits: those that are missing, in this order. @see APPNOTE.TXT 4.5.3 */
function takeLarge(entry: ZipEntry, extra: Buffer) {
  const large = (["bytes", "compressed", "offset"] as const).filter((key) => entry[key] === ELSEWHERE);
  if (large.length === 0) return;
  const field = findField(extra, ZIP64);
  if (field === undefined || field.length < 8 * large.length) throw damaged();
  for (const [index, key] of large.entries()) entry[key] = uint64(field, 8 * index);
}

function findField(extra: Buffer, id: number): Buffer | undefined {
  for (let at = 0; at + 4 <= extra.length;) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === id) return extra.subarray(at + 4, end);
    at = end;
  }
  return undefined;
}

/** @throws ArchiveError for a number that no file can have. */
export function uint64(data: Buffer, at: number): number {
  const value = Number(data.readBigUInt64LE(at));
  if (!Number.isSafeInteger(value)) throw new ArchiveError("it is damaged: a size in it can't be");
  return value;
}
