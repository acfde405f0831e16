/** Unpacking neighbouring files of a zip. */

import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import { crc32, createInflateRaw, inflateRawSync } from "node:zlib";
import { streamTreeFile, type TreeFile, writeTreeFile } from "../tree/tree_file.ts";
import { ArchiveError } from "./archive_error.ts";
import { cutOff, LOCAL_HEADER, MAX_FIELD, readAt, STORED, type ZipFile } from "./zip_directory.ts";

/** A file with more bytes, compressed or not, is unpacked in chunks. */
const LARGE = 4 << 20;

const CHUNK = 1 << 20;

/** Bytes of the archive in one batch, and files. */
const BATCH_BYTES = 1 << 20;

const BATCH_FILES = 400;

/** Neighbours in batches that are quickly read at once. */
export function batchesOf(files: ZipFile[]): ZipFile[][] {
  const batches: ZipFile[][] = [];
  let batch: ZipFile[] = [];
  for (const file of files) {
    const begin = batch[0]?.offset ?? 0;
    if (batch.length === BATCH_FILES || batch.length > 0 && file.end - begin > BATCH_BYTES) {
      batches.push(batch);
      batch = [];
    }
    batch.push(file);
  }
  return batch.length > 0 ? [...batches, batch] : batches;
}

/**
 * Writes the files of a batch into the tree, whose folders are there already.
 *
 * @param stop asked now and then: there is no need to go on
 * @throws ArchiveError if the bytes are not what the directory states
 */
export async function unpackBatch(
  archive: Deno.FsFile,
  tree: string,
  files: ZipFile[],
  stop: () => boolean,
): Promise<TreeFile[]> {
  const done: TreeFile[] = [];
  const begin = files[0]!.offset;
  const data = isLarge(files[0]!) ? undefined : readAt(archive, begin, files.at(-1)!.end - begin);
  for (const file of files) {
    if (stop()) break;
    if (data === undefined || isLarge(file)) done.push(await unpackLarge(archive, tree, file, stop));
    else done.push(unpackSmall(data.subarray(file.offset - begin, file.end - begin), tree, file));
  }
  return done;
}

function isLarge({ compressed, bytes }: ZipFile): boolean {
  return compressed > LARGE || bytes > LARGE;
}

function unpackSmall(data: Uint8Array, tree: string, file: ZipFile): TreeFile {
  const start = contentStart(data, file);
  const compressed = data.subarray(start, start + file.compressed);
  const content = file.method === STORED ? compressed : inflate(compressed, file);
  if (content.length !== file.bytes) throw otherSize(file);
  if (crc32(content) !== file.crc32) throw otherBytes(file);
  return writeTreeFile(tree, file.path, content, file.isExecutable);
}

/** Where the content begins behind the local header, which is not trusted for more than that. */
function contentStart(data: Uint8Array, { path, compressed, method }: ZipFile): number {
  const header = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (header.length < LOCAL_HEADER) throw cutOff(path);
  if (header.readUInt32LE(0) !== SIGNATURE) {
    throw new ArchiveError("is not where the directory says", { entry: path });
  }
  if (header.readUInt16LE(8) !== method) {
    throw new ArchiveError("is compressed by another method than the directory says", { entry: path });
  }
  const start = LOCAL_HEADER + header.readUInt16LE(26) + header.readUInt16LE(28);
  if (start + compressed > data.length) throw cutOff(path);
  return start;
}

const SIGNATURE = 0x04034b50;

/** The least that Node takes. */
const MIN_CHUNK = 64;

function inflate(compressed: Uint8Array, file: ZipFile): Uint8Array {
  const room = Math.max(MIN_CHUNK, file.bytes + 1); // one more, so that it ends without another round
  try {
    return inflateRawSync(compressed, { maxOutputLength: room, chunkSize: room });
  } catch (error) {
    throw inflateProblem(error, file);
  }
}

function inflateProblem(error: unknown, file: ZipFile): Error {
  const { code, message } = error as { code?: string; message: string };
  if (code === "ERR_BUFFER_TOO_LARGE") return otherSize(file);
  return code?.startsWith("Z_")
    ? new ArchiveError(`is damaged: ${message}`, { entry: file.path })
    : error as Error;
}

function otherSize({ path, bytes }: ZipFile): ArchiveError {
  return new ArchiveError(`has not the ${bytes} bytes that the directory states`, { entry: path });
}

function otherBytes({ path }: ZipFile): ArchiveError {
  return new ArchiveError("is damaged: its checksum (CRC-32) is another than the directory states", {
    entry: path,
  });
}

async function unpackLarge(
  archive: Deno.FsFile,
  tree: string,
  file: ZipFile,
  stop: () => boolean,
): Promise<TreeFile> {
  const head = readAt(archive, file.offset, Math.min(file.end - file.offset, HEAD));
  const begin = file.offset + contentStart(head, { ...file, compressed: 0 });
  if (begin + file.compressed > file.end) throw cutOff(file.path);
  const chunks = chunksOf(archive, begin, file.compressed, stop);
  const content = file.method === STORED ? chunks : Readable.from(chunks).compose(createInflateRaw());
  return await streamTreeFile(tree, file.path, checked(content, file), file.isExecutable);
}

const HEAD = LOCAL_HEADER + 2 * MAX_FIELD;

async function* chunksOf(archive: Deno.FsFile, begin: number, count: number, stop: () => boolean) {
  for (let done = 0; done < count && !stop(); done += CHUNK) {
    yield readAt(archive, begin + done, Math.min(CHUNK, count - done));
  }
}

async function* checked(chunks: AsyncIterable<Uint8Array>, file: ZipFile): AsyncGenerator<Uint8Array> {
  let [bytes, checksum] = [0, 0];
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      checksum = crc32(chunk, checksum);
      if (bytes > file.bytes) throw otherSize(file);
      yield chunk;
    }
  } catch (error) {
    throw inflateProblem(error, file);
  }
  if (bytes !== file.bytes) throw otherSize(file);
  if (checksum !== file.crc32) throw otherBytes(file);
}
