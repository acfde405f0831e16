/** Headers of a tar archive: POSIX ustar and pax, and what GNU tar makes of them. */

import { ArchiveError } from "./archive_error.ts";

/** Bytes in which tar counts. */
export const BLOCK = 512;

export interface TarHeader {
  name: string;
  /** `0` a file, `5` a folder, `x` and `g` pax records, `L` a long name, and so on. */
  type: string;
  bytes: number;
  /** Whether anybody may start it. */
  isExecutable: boolean;
}

/** Where a field stands in the block: begin and end. */
const NAME = [0, 100] as const;

const MODE = [100, 108] as const;

const SIZE = [124, 136] as const;

const CHECKSUM = [148, 156] as const;

const MAGIC = [257, 263] as const;

const PREFIX = [345, 500] as const;

const TYPE = 156;

/** Two such blocks end an archive. */
export function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** @throws ArchiveError if the block is no header. */
export function parseHeader(block: Uint8Array): TarHeader {
  const field = ([begin, end]: readonly [number, number]) => block.subarray(begin, end);
  if (number(field(CHECKSUM)) !== checksum(block)) {
    throw new ArchiveError("it is damaged: a header is no header");
  }
  const prefix = text(field(MAGIC)) === "ustar" ? text(field(PREFIX)) : "";
  const name = text(field(NAME));
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    type: block[TYPE] === 0 ? "0" : String.fromCharCode(block[TYPE]!),
    bytes: number(field(SIZE)),
    isExecutable: (number(field(MODE)) & 0o111) !== 0,
  };
}

/** Whether this may be the beginning of a tar archive. */
export function isHeader(block: Uint8Array): boolean {
  try {
    return block.length === BLOCK && parseHeader(block) !== undefined;
  } catch {
    return false;
  }
}

/** The checksum of all bytes, those of the checksum itself taken as spaces. */
function checksum(block: Uint8Array): number {
  let checksum = 0;
  for (const byte of block) checksum += byte;
  for (const byte of block.subarray(...CHECKSUM)) checksum += 32 - byte;
  return checksum;
}

/** Octal digits; or, as GNU tar writes what is too large for them, a number to the base of 256. */
function number(field: Uint8Array): number {
  const value = field[0] === 0x80 ? base256(field) : octal(field);
  if (!Number.isSafeInteger(value)) {
    throw new ArchiveError("it is damaged: a number in a header can't be read");
  }
  return value;
}

function base256(field: Uint8Array): number {
  return field.subarray(1).reduce((value, byte) => value * 256 + byte, 0);
}

function octal(field: Uint8Array): number {
  const digits = String.fromCharCode(...field).replaceAll("\0", " ").trim();
  if (digits === "") return 0;
  return /^[0-7]+$/.test(digits) ? parseInt(digits, 8) : NaN;
}

/** Up to the first NUL. */
export function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return decode(end === -1 ? field : field.subarray(0, end));
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new ArchiveError("it has a name that is not UTF-8");
  }
}

/** What pax records say of the entry that follows. */
export interface PaxRecords {
  path?: string;
  bytes?: number;
}

/**
 * Reads records such as `27 path=some/long/name\n`, the length counting the whole record.
 *
 * @throws ArchiveError if they are damaged, or describe what is not unpacked here.
 */
export function parsePax(content: Uint8Array): PaxRecords {
  const found: PaxRecords = {};
  for (let begin = 0; begin < content.length;) {
    const space = content.indexOf(SPACE, begin);
    const length = Number(decode(content.subarray(begin, space)));
    const end = begin + length;
    if (!Number.isInteger(length) || end <= space || content[end - 1] !== LINE_BREAK) {
      throw new ArchiveError("it is damaged: a pax header can't be read");
    }
    const [, key, value] = /^([^=]*)=(.*)$/s.exec(decode(content.subarray(space + 1, end - 1))) ?? [];
    take(found, key, value);
    begin = end;
  }
  return found;
}

const SPACE = 32;

const LINE_BREAK = 10;

function take(found: PaxRecords, key?: string, value?: string) {
  if (key === undefined || value === undefined) {
    throw new ArchiveError("it is damaged: a pax header can't be read");
  }
  if (key.startsWith("GNU.sparse.")) throw new ArchiveError("it has sparse files, which are not supported");
  if (key === "path" && value !== "") found.path = value;
  if (key === "size") {
    if (!/^\d{1,15}$/.test(value)) throw new ArchiveError("it is damaged: a pax header can't be read");
    found.bytes = Number(value);
  }
}
