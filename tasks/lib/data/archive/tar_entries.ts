/** What a tar archive holds, one after the other, long names and pax records applied. */

import { ArchiveError, located, shown } from "./archive_error.ts";
import type { Chunks } from "./chunks.ts";
import { BLOCK, isZero, parseHeader, parsePax, type PaxRecords, type TarHeader, text } from "./tar_header.ts";

/** The records of one entry are small; more of them are made to fill the memory. */
const MAX_RECORDS = 1 << 20;

export interface TarEntry {
  name: string;
  isFolder: boolean;
  isExecutable: boolean;
  /** To be taken from the chunks, then `skipPadding`, before the next entry is asked for. */
  bytes: number;
}

/** What refused entries are. */
const REFUSED: Record<string, string> = {
  "1": "a hard link, and links may lead out of the folder",
  "2": "a symbolic link, and links may lead out of the folder",
  "3": "a device",
  "4": "a device",
  "6": "a pipe",
  "S": "a sparse file, which is not supported",
};

/** @throws ArchiveError for what is damaged, or neither a file nor a folder. */
export async function* tarEntries(chunks: Chunks): AsyncGenerator<TarEntry> {
  let where = "at its beginning";
  try {
    for (let entry = await nextEntry(chunks); entry; entry = await nextEntry(chunks)) {
      where = `behind ${shown(entry.name)}`;
      yield entry;
    }
  } catch (error) {
    throw located(error, where);
  }
}

/** Nothing at the end of the archive. */
async function nextEntry(chunks: Chunks): Promise<TarEntry | undefined> {
  let records: PaxRecords = {};
  for (let header = await nextHeader(chunks); header; header = await nextHeader(chunks)) {
    const found = await readRecords(chunks, header);
    if (found === undefined) return entryOf(header, records);
    records = { ...records, ...found };
  }
  return undefined;
}

/** Nothing at the end, which is two blocks of zeros. */
async function nextHeader(chunks: Chunks): Promise<TarHeader | undefined> {
  const block = await takeWhole(chunks, BLOCK);
  if (!isZero(block)) return parseHeader(block);
  if (!isZero(await takeWhole(chunks, BLOCK))) {
    throw new ArchiveError("it is damaged, or there is more behind its end");
  }
  return undefined;
}

/** Records that stand before the entry they belong to; nothing if this is an entry. */
async function readRecords(chunks: Chunks, header: TarHeader): Promise<PaxRecords | undefined> {
  if (!"xgLK".includes(header.type)) return undefined;
  if (header.bytes > MAX_RECORDS) {
    throw new ArchiveError(`it has a header of ${header.bytes} bytes, at most ${MAX_RECORDS} are read`);
  }
  const content = (await takeWhole(chunks, header.bytes)).slice();
  await skipPadding(chunks, header.bytes);
  if (header.type === "K") return {}; // the target of a link, which is refused anyway
  if (header.type === "L") return { path: text(content) };
  const records = parsePax(content);
  if (header.type === "x") return records;
  if (Object.keys(records).length > 0) {
    throw new ArchiveError("it gives one name or size to all that it holds");
  }
  return {};
}

function entryOf(header: TarHeader, records: PaxRecords): TarEntry {
  const name = records.path ?? header.name;
  const bytes = records.bytes ?? header.bytes;
  // Before there were types, a folder was told by its name.
  const isFolder = header.type === "5" || header.type === "0" && name.endsWith("/");
  if (!isFolder && header.type !== "0" && header.type !== "7") {
    const what = REFUSED[header.type] ?? `of the unknown type ${shown(header.type)}`;
    throw new ArchiveError(`is ${what}`, { entry: name });
  }
  if (isFolder && bytes > 0) throw new ArchiveError("is a folder and yet has bytes", { entry: name });
  return { name, isFolder, isExecutable: header.isExecutable, bytes };
}

/** @throws ArchiveError if the archive ends before. */
export async function takeWhole(chunks: Chunks, count: number): Promise<Uint8Array> {
  const taken = await chunks.take(count);
  if (taken.length < count) throw new ArchiveError("it is cut off: its end is missing");
  return taken;
}

/** The content of an entry is filled up to whole blocks. */
export async function skipPadding(chunks: Chunks, bytes: number) {
  const rest = bytes % BLOCK;
  if (rest > 0) await takeWhole(chunks, BLOCK - rest);
}
