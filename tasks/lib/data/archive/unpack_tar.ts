/** Unpacking a tar archive, compressed or not, from its beginning to its end. */

import { streamTreeFile, type TreeFile, writeTreeFile } from "../tree/tree_file.ts";
import { ArchiveError, located, shown } from "./archive_error.ts";
import { ArchivePaths } from "./archive_path.ts";
import { compressionOf, decompressed } from "./decompress.ts";
import type { Job } from "./job.ts";
import { checkLimits } from "./limits.ts";
import { Chunks } from "./chunks.ts";
import { skipPadding, takeWhole, tarEntries, type TarEntry } from "./tar_entries.ts";
import { BLOCK, isHeader, isZero } from "./tar_header.ts";

/** A file with more bytes is written in chunks. */
const LARGE = 4 << 20;

const CHUNK = 1 << 20;

/** Progress is told, and a signal seen, after so many files. */
const BATCH = 256;

/** @throws ArchiveError if the archive is damaged, unsafe or over the limits. */
export async function unpackTar(job: Job) {
  const archiveBytes = (await Deno.stat(job.archive)).size;
  await job.requireSpace(archiveBytes);
  const chunks = new Chunks(await openTar(job, archiveBytes));
  try {
    await unpackEntries(job, chunks, archiveBytes);
    await requireEnd(chunks);
  } finally {
    await chunks.close();
  }
}

async function openTar(
  { archive, limits, signal }: Job,
  archiveBytes: number,
): Promise<AsyncIterable<Uint8Array>> {
  const beginning = await readBeginning(archive);
  const compression = compressionOf(beginning);
  if (compression === "none" && !isHeader(beginning) && !isZero(beginning)) {
    throw new ArchiveError("it is no tar archive, and not compressed by gzip, zstd, xz or bzip2");
  }
  return metered(decompressed(archive, compression), (bytes) => {
    signal?.throwIfAborted();
    checkLimits({ files: 0, bytes }, archiveBytes, limits);
  });
}

async function readBeginning(archive: string): Promise<Uint8Array> {
  using file = await Deno.open(archive);
  const block = new Uint8Array(BLOCK);
  return block.subarray(0, await file.read(block) ?? 0);
}

/** Also what belongs to no file counts: a bomb may be made of headers, or of what comes behind the end. */
async function* metered(source: AsyncIterable<Uint8Array>, check: (bytes: number) => void) {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    check(bytes);
    yield chunk;
  }
}

async function unpackEntries(job: Job, chunks: Chunks, archiveBytes: number) {
  const paths = new ArchivePaths();
  let made = 0;
  let batch: TreeFile[] = [];
  for await (const entry of tarEntries(chunks)) {
    const path = entry.isFolder ? paths.addFolder(entry.name) : paths.addFile(entry.name);
    checkLimits({ files: paths.count, bytes: entry.bytes }, archiveBytes, job.limits);
    for (; made < paths.folders.length; made++) Deno.mkdirSync(`${job.tree}/${paths.folders[made]}`);
    if (entry.isFolder) continue;
    batch.push(await unpackFile(job, chunks, path, entry));
    if (batch.length < BATCH) continue;
    job.advance(batch);
    batch = [];
  }
  job.advance(batch);
}

async function unpackFile(
  { tree }: Job,
  chunks: Chunks,
  path: string,
  { bytes, isExecutable }: TarEntry,
): Promise<TreeFile> {
  try {
    const file = bytes > LARGE
      ? await streamTreeFile(tree, path, partOf(chunks, bytes), isExecutable)
      : writeTreeFile(tree, path, await takeWhole(chunks, bytes), isExecutable);
    await skipPadding(chunks, bytes);
    return file;
  } catch (error) {
    throw located(error, `within ${shown(path)}`);
  }
}

async function* partOf(chunks: Chunks, bytes: number): AsyncGenerator<Uint8Array> {
  for (let left = bytes; left > 0;) {
    const chunk = await takeWhole(chunks, Math.min(CHUNK, left));
    left -= chunk.length;
    yield chunk;
  }
}

/** Reads to the end, where the checksum of a compressed archive stands; only zeros fill up its last record. */
async function requireEnd(chunks: Chunks) {
  for (let chunk = await chunks.some(CHUNK); chunk !== undefined; chunk = await chunks.some(CHUNK)) {
    if (!isZero(chunk)) throw new ArchiveError("there is more behind its end");
  }
}
