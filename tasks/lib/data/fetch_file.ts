/** Getting a file into the cache, by download or by copying a local one; an entry is there whole or not at all. */

import { basename, dirname, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Data, DataHash } from "../experiment/experiment.ts";
import { shellQuote } from "../system/command.ts";
import { acquire } from "../system/file_lock.ts";
import { exists, isDiskFull } from "../system/files.ts";
import { dataCache } from "./cache_folder.ts";
import { addMd5, type Entry, findEntry, inspectEntry, sealEntry } from "./cache.ts";
import { download } from "./download/download.ts";
import { describeProgress, type Progress } from "./download/progress.ts";
import { findMismatch, type Found } from "./download/checksums.ts";
import type { LocalFile } from "./local_file.ts";
import { expectedOf, hashFile, showHash } from "./checksum.ts";

type Hashes = Pick<Found, "sha256" | "md5">;

/** What is not whole yet stands there, in a folder for each hash. */
const INCOMING = ".incoming";

async function incoming(hash: DataHash): Promise<string> {
  return join(await dataCache(), INCOMING, showHash(hash).replace(":", "-"));
}

const MAKE_ROOM = "Free some space, or name a folder on another disk: XDG_CACHE_HOME=/path/to/folder";

/** The command that takes a file that came by other means than a download. */
export function fromCommand(experiment: string, file: string): string {
  return shellQuote(["deno", "task", "data", experiment, "--from", file]);
}

/** Waits until no other process fetches the same data; who has the lock is alone until it is disposed of. */
export async function acquireData(
  hash: DataHash,
  { name }: Data,
  { line, signal }: FetchFileOptions,
): Promise<Disposable> {
  const folder = await incoming(hash);
  const onWait = (holder: string) => line(`${name}: waiting for ${holder}`);
  try {
    await Deno.mkdir(dirname(folder), { recursive: true });
    return await acquire(`${folder}.lock`, { doing: `getting ${name}`, onWait, signal });
  } catch (error) {
    if (signal?.aborted || error instanceof Failure) throw error;
    throw new Failure(3, `Cannot keep the data "${name}" in ${folder}: ${(error as Error).message}`, {
      remedy: MAKE_ROOM,
    });
  }
}

/**
 * Fetches the file or archive of data, and makes it an entry; one of the same hash is replaced. Only with the lock.
 *
 * @param localFile is copied; without it, the file is downloaded
 */
export async function fetchFile(
  experiment: string,
  data: Data,
  hash: DataHash,
  localFile: LocalFile | undefined,
  options: FetchFileOptions,
): Promise<Entry> {
  const folder = await incoming(hash);
  await Deno.mkdir(folder, { recursive: true }); // whoever had the lock before has moved it away
  const file = fileName(data);
  const path = join(folder, file);
  const { source, ...hashes } = localFile === undefined
    ? await downloadFile(experiment, data, hash, path, options)
    : { source: localFile.path, ...await copyFile(localFile, hash, path) };
  await sealEntry(folder, { file, source, ...hashes });
  return await moveIn(folder, hashes);
}

/** A file as the project calls it, since a program may go by the ending of its name. */
function fileName({ name, to, unpack }: Data): string {
  return unpack === undefined ? basename(to) : `${name}.${unpack}`;
}

async function downloadFile(
  experiment: string,
  data: Data,
  hash: DataHash,
  path: string,
  { line, progress, signal }: FetchFileOptions,
): Promise<Hashes & { source?: string }> {
  const { name, urls, size } = data;
  const onProgress = (how: Progress) => progress(describeProgress(how));
  const otherwise = `bring the file along: ${fromCommand(experiment, "FILE")}`;
  try {
    const wanted = { name, urls, size, ...expectedOf(hash) };
    const { sha256, url } = await download(wanted, path, { signal, log: line, onProgress, otherwise });
    return { sha256, ...("md5" in hash && hash), source: url };
  } catch (error) {
    throw explainPin(error, data, hash);
  }
}

/** Where other bytes came than experiment.lock pins: nobody wrote the wanted hash, so it is said where it is from. */
function explainPin(error: unknown, { name, hash: declared }: Data, wanted: DataHash): unknown {
  if (!(error instanceof Failure) || !("sha256" in wanted) || showHash(declared) === showHash(wanted)) {
    return error;
  }
  const { problems = [] } = error.details;
  if (![error, ...problems].some(({ message }) => message.includes(wanted.sha256))) return error;
  const said = { message: `experiment.lock pins ${showHash(wanted)} for ${showHash(declared)}` };
  return new Failure(error.exitCode, error.message, {
    problems: [...problems, said],
    remedy: `If the bytes that are there now are to be taken, remove "${name}" from experiment.lock`,
  });
}

async function copyFile(localFile: LocalFile, hash: DataHash, path: string): Promise<Hashes> {
  await Deno.remove(path).catch(() => {}); // of a process that was killed
  try {
    await Deno.copyFile(localFile.path, path);
    const found = await hashFile(path, hash);
    if (findMismatch(expectedOf(hash), found) === undefined) return { sha256: found.sha256, md5: found.md5 };
  } catch (error) {
    await Deno.remove(path).catch(() => {});
    if (!isDiskFull(error)) throw error;
    throw new Failure(3, `Cannot copy ${localFile.path} to ${dirname(path)}: the disk is full`, {
      remedy: MAKE_ROOM,
    });
  }
  await Deno.remove(path);
  throw new Failure(2, `Cannot take ${localFile.path}: it was changed while it was copied`);
}

/** An entry that is there already, fetched under another hash, is kept: others may be reading what it holds. */
async function moveIn(folder: string, { sha256, md5 }: Hashes): Promise<Entry> {
  const cache = await dataCache();
  const home = join(cache, sha256);
  const before = await findEntry(cache, { sha256 });
  if (
    before !== undefined && (await inspectEntry(before, { unpacked: false, hash: true })).file === "sound"
  ) {
    await Deno.remove(folder, { recursive: true });
    return await addMd5(before, md5);
  }
  const replaced = join(cache, INCOMING, `replaced-${crypto.randomUUID().slice(0, 8)}`);
  const isReplaced = await exists(home);
  if (isReplaced) await Deno.rename(home, replaced);
  await Deno.rename(folder, home);
  if (isReplaced) await Deno.remove(replaced, { recursive: true });
  return (await findEntry(cache, { sha256 }))!;
}

export interface FetchFileOptions {
  /** Open no connection. */
  offline: boolean;
  /** Absolute path of a file, or of a folder with files, to take instead of downloading. */
  from?: string;
  line: (text: string) => void;
  progress: (text: string) => void;
  signal?: AbortSignal;
}
