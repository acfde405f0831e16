/** Reading the directory of a zip: what would be unpacked, all of it checked before anything is written. */

import type { Entry } from "@zip.js/zip.js";
import { ArchiveError, shown } from "./archive_error.ts";
import { ArchivePaths } from "./archive_path.ts";
import { checkLimits, type Limits } from "./limits.ts";
import { DEFLATED, STORED, type ZipFile, type ZipPlan } from "./zip_file.ts";

/** Of a Unix mode: the kind of file. Zero where the zip was made by a system that has none. */
const KIND = 0o170000;
const REGULAR = 0o100000;
const FOLDER = 0o040000;

/** Bytes of a local header without name and extra field, and the most that each of the two can have. */
export const LOCAL_HEADER = 30;
const MAX_FIELD = 0xffff;

/** @throws ArchiveError for the first entry that must not be unpacked. */
export async function readZipPlan(archive: Deno.FsFile, limits: Limits): Promise<ZipPlan> {
  const paths = new ArchivePaths();
  const files: ZipFile[] = [];
  const size = (await archive.stat()).size;
  let bytes = 0;
  for await (const entry of entriesOf(archive, size)) {
    checkKind(entry);
    if (entry.directory) paths.addFolder(`${entry.filename}/`);
    else files.push(zipFile(entry, paths.addFile(entry.filename)));
    bytes += entry.uncompressedSize;
    checkLimits({ files: paths.count, bytes }, size, limits);
  }
  return { files: inOrder(files, size), folders: paths.folders, bytes };
}

async function* entriesOf(archive: Deno.FsFile, size: number): AsyncGenerator<Entry> {
  const { Reader, ZipReader } = await import("@zip.js/zip.js");
  class FileReader extends Reader<Deno.FsFile> {
    override size = size;
    override readUint8Array(offset: number, length: number): Promise<Uint8Array> {
      return Promise.resolve(readAt(archive, offset, length));
    }
  }
  try {
    // Names are judged here, with all that is wrong with them.
    yield* new ZipReader(new FileReader(archive)).getEntriesGenerator({ filenameValidation: "tolerant" });
  } catch (error) {
    throw error instanceof ArchiveError ? error : new ArchiveError(directoryProblem(error as Error));
  }
}

/** As much as there is, at most `length` bytes. */
export function readAt(archive: Deno.FsFile, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(length);
  archive.seekSync(offset, Deno.SeekMode.Start);
  let done = 0;
  while (done < length) {
    const count = archive.readSync(data.subarray(done));
    if (count === null) break;
    done += count;
  }
  return data.subarray(0, done);
}

function directoryProblem({ message }: Error): string {
  return /End of central directory not found|format is not recognized/.test(message)
    ? "it is no zip, or its end is missing"
    : `its directory can't be read: ${message}`;
}

function checkKind(entry: Entry) {
  const name = shown(entry.filename);
  const kind = (entry.unixExternalUpper ?? 0) & KIND;
  if (entry.symlink) throw new ArchiveError(`${name} is a link, and links may lead out of the folder`);
  if (kind !== 0 && kind !== REGULAR && kind !== FOLDER) {
    throw new ArchiveError(`${name} is a device or another special file`);
  }
  if (entry.encrypted) throw new ArchiveError(`${name} is encrypted`);
  if (entry.directory && entry.uncompressedSize > 0) {
    throw new ArchiveError(`${name} is a folder and yet has bytes`);
  }
}

function zipFile(entry: Entry, path: string): ZipFile {
  const { compressionMethod: method, compressedSize, uncompressedSize, crc32 = 0, offset } = entry;
  if (method !== STORED && method !== DEFLATED) {
    throw new ArchiveError(
      `${shown(path)} is compressed by method ${method}, supported are 0 (stored) and 8 (deflate)`,
    );
  }
  if (method === STORED && compressedSize !== uncompressedSize) {
    throw new ArchiveError(`${shown(path)} is stored, and yet has two sizes`);
  }
  return { path, offset, end: 0, compressed: compressedSize, bytes: uncompressedSize, crc32, method };
}

/** Gives each file the bytes up to the next one, so that no two can share any. */
function inOrder(files: ZipFile[], size: number): ZipFile[] {
  files.sort((a, b) => a.offset - b.offset);
  for (const [index, file] of files.entries()) {
    const most = file.offset + LOCAL_HEADER + 2 * MAX_FIELD + file.compressed;
    file.end = Math.min(files[index + 1]?.offset ?? size, most, size);
  }
  return files;
}
