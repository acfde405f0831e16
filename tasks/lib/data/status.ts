/** The status of an experiment's data: in the cache or not, whole or not, linked or not. */

import { join } from "node:path";
import type { Data, DataHash, Experiment } from "../experiment/experiment.ts";
import { dataCache } from "./cache_folder.ts";
import type { Placed } from "./placed.ts";
import { type Entry, filePath, findEntry, inspectEntry, type Integrity, treePath } from "./cache.ts";
import { pinned } from "./checksum.ts";

/** `corrupted`: not as it was fetched. `packed`: the archive is here, and not yet unpacked. `unlinked`: all but the link. */
export type DataState = "here" | "unlinked" | "packed" | "corrupted" | "absent";

export interface DataStatus {
  data: Data;
  /** What the data are known by: what experiment.lock pins, else what the YAML says. */
  hash: DataHash;
  state: DataState;
  entry?: Entry;
  integrity?: Integrity;
  /** A folder of the user's that lies at the place instead of a link; it is used where it is if it has the hash. */
  folder?: Placed;
}

/** @param hash Hash everything instead of trusting sizes and times. */
export async function statusOf(
  experiment: Experiment,
  declared: Data,
  { hash: hashing }: { hash: boolean },
): Promise<DataStatus> {
  const { data, hash } = await pinned(experiment, declared);
  const entry = await findEntry(await dataCache(), hash);
  const folder = await folderAt(experiment, data, hashing);
  if (folder !== undefined) {
    return { data, hash, folder, state: isExpected(hash, folder) ? "here" : "corrupted" };
  }
  if (entry === undefined) return { data, hash, state: "absent" };
  const integrity = await inspectEntry(entry, { unpacked: data.unpack !== undefined, hash: hashing });
  const isLinked = await Deno.readLink(join(experiment.root, data.to)).then(
    (target) => target === targetOf(data, entry),
    () => false,
  );
  return { data, hash, entry, integrity, state: stateOf(data, integrity, isLinked) };
}

/** What an archive was unpacked to is a link; a hash of the archive says nothing of another folder. */
async function folderAt(
  { root }: Experiment,
  { to, unpack }: Data,
  hash: boolean,
): Promise<Placed | undefined> {
  const info = await Deno.lstat(join(root, to)).catch(() => undefined);
  if (unpack !== undefined || !info?.isDirectory) return undefined;
  const { inspectPlaced } = await import("./placed.ts");
  return await inspectPlaced(join(root, to), { hash });
}

function isExpected(hash: DataHash, { sha256 }: Placed): boolean {
  return "sha256" in hash && sha256.startsWith(hash.sha256);
}

/** By sizes and times. */
export async function statusOfAll(experiment: Experiment, all: Data[]): Promise<DataStatus[]> {
  return await Promise.all(all.map((data) => statusOf(experiment, data, { hash: false })));
}

/** The bytes are there and right, linked or not. */
export function isSound(state: DataState): boolean {
  return state === "here" || state === "unlinked";
}

function stateOf({ unpack }: Data, { tree, problems }: Integrity, isLinked: boolean): DataState {
  if (problems.length > 0) return "corrupted";
  if (unpack !== undefined && tree === "missing") return "packed";
  return isLinked ? "here" : "unlinked";
}

/** What the link in the project leads to. */
export function targetOf({ unpack }: Data, entry: Entry): string {
  return unpack === undefined ? filePath(entry) : treePath(entry);
}
