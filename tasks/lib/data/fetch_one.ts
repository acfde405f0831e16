/** From what experiment.yaml says of data to a sound entry of the cache, and a link to it in the project. */

import { basename, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Data, DataHash, Experiment } from "../experiment/experiment.ts";
import { unpack } from "./archive/unpack.ts";
import { acquireData, fetchFile, type FetchFileOptions, fromCommand } from "./fetch_file.ts";
import { type Entry, filePath, inspectEntry, treePath } from "./cache.ts";
import { findMismatch } from "./download/checksums.ts";
import { findLocalFile, type LocalFile } from "./local_file.ts";
import { expectedOf, hashFile, pinData, showHash } from "./checksum.ts";
import { type DataStatus, statusOf, targetOf } from "./status.ts";
import { inspectPlace, placeLink, refuseFile, refuseFolder } from "./place.ts";
import { manifestPath } from "./tree/tree_manifest.ts";

/**
 * Makes data be there, whole and right, and linked into the project; does nothing where they are.
 *
 * @throws Failure(2) if what is there, or can be had, is not what is declared; Failure(3) if it can't be had now.
 */
export async function fetchOne(
  experiment: Experiment,
  data: Data,
  options: FetchFileOptions,
): Promise<DataStatus> {
  const before = await statusOf(experiment, data, { hash: false });
  if (before.state === "here") return before;
  if (before.folder !== undefined) refuseFolder(data, before.hash, before.folder.sha256);
  const place = await inspectPlace(experiment.root, data);
  const own = place.kind === "file" ? await takeOver(experiment.root, before) : undefined;
  using _lock = await acquireData(before.hash, data, options);
  // Whoever had the lock before may have fetched them.
  const entry = await ensureEntry(
    experiment,
    await statusOf(experiment, data, { hash: false }),
    own,
    options,
  );
  const notes = [
    await placeLink(experiment.root, data, place, targetOf(data, entry)),
    await pinData(experiment, data, entry.record.sha256),
  ];
  notes.filter((note) => note !== undefined).forEach((note) => options.line(`${data.name}: ${note}`));
  return await statusOf(experiment, data, { hash: false });
}

/** A file of the user's at the place is taken as it is if it has the right bytes. */
async function takeOver(root: string, { data, hash }: DataStatus): Promise<LocalFile> {
  const path = join(root, data.to);
  const hashes = await hashFile(path, hash);
  if (data.unpack !== undefined || findMismatch(expectedOf(hash), hashes) !== undefined) {
    refuseFile(data, hash, hashes);
  }
  return { path, hashes };
}

async function ensureEntry(
  { name }: Experiment,
  found: DataStatus,
  own: LocalFile | undefined,
  options: FetchFileOptions,
): Promise<Entry> {
  const { data, entry: before, integrity, state } = found;
  if (before !== undefined && (state === "here" || state === "unlinked")) return before;
  integrity?.problems.forEach((problem) => options.line(`${data.name}: ${problem}`));
  const entry = before !== undefined && await isFileSound(before)
    ? before
    : await fetchInto(name, found, own, options);
  if (data.unpack !== undefined) await unpackEntry(data, data.unpack, entry, options);
  return entry;
}

/** Before an archive is unpacked again, all of it is looked at. */
async function isFileSound(entry: Entry): Promise<boolean> {
  return (await inspectEntry(entry, { unpacked: false, hash: true })).file === "sound";
}

async function fetchInto(
  experiment: string,
  found: DataStatus,
  own: LocalFile | undefined,
  options: FetchFileOptions,
) {
  const { data, hash, entry } = found;
  const { offline, from } = options;
  const localFile = own ?? (from === undefined ? undefined : await findLocalFile(from, data, hash));
  if (localFile === undefined && data.how !== undefined) throw missingByHand(experiment, data, hash);
  if (localFile === undefined && offline) throw missingOffline(experiment, data, entry);
  return await fetchFile(experiment, data, hash, localFile, options);
}

function missingOffline(experiment: string, { name, urls, from, to }: Data, damaged?: Entry): Failure {
  const why = damaged === undefined ? "it is not in the cache" : `what is in ${damaged.folder} is damaged`;
  const file = basename(urls[0] === undefined ? to : new URL(urls[0]).pathname) || "FILE";
  return new Failure(3, `Cannot get the data "${name}" offline: ${why}`, {
    remedy: `Get ${urls[0] ?? from} on a machine with a network, then: ${fromCommand(experiment, file)}`,
  });
}

/** Nobody but the user can get these. */
function missingByHand(experiment: string, { name, to, unpack, how }: Data, hash: DataHash): Failure {
  const command = fromCommand(experiment, "FILE");
  const then = unpack === undefined
    ? `It belongs at ${to}; or, for a file: ${command}`
    : `Then give the archive as it is: ${command}`;
  const expected = `${showHash(hash)} is expected`;
  return new Failure(3, `Cannot fetch the data "${name}", which are not here (${expected}): ${how}`, {
    remedy: then,
  });
}

async function unpackEntry(data: Data, kind: "zip" | "tar", entry: Entry, options: FetchFileOptions) {
  const tree = treePath(entry);
  for (const path of [tree, manifestPath(tree)]) {
    await Deno.remove(path, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
  const { files } = await unpack(filePath(entry), kind, tree, {
    signal: options.signal,
    onProgress: (done, total) => options.progress(describeUnpacking(data.name, done.files, total?.files)),
  });
  options.line(`${data.name}: unpacked, ${files} files`);
}

function describeUnpacking(name: string, done: number, total?: number): string {
  return `${name}: unpacking, ${done}${total === undefined ? "" : ` of ${total}`} files`;
}
