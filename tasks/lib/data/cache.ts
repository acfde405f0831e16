/** The cache of fetched data, one for all projects of a user: where an entry is, and whether it is still as it was fetched. */

import { basename, join } from "node:path";
import type { DataHash } from "../experiment/experiment.ts";
import { exists, sha256File, writeJson } from "../system/files.ts";
import { readRecordIfSound } from "../system/records.ts";
import type { EntryRecord } from "./cache_schema.ts";
import { checkTree } from "./tree/check_tree.ts";
import { isSameStamp, type Stamp, stampOf } from "./tree/tree_file.ts";
import { manifestPath, readManifest } from "./tree/tree_manifest.ts";

export type { EntryRecord };

/** Fetched data as they lie in the cache. */
export interface Entry {
  /** Absolute, and without links. */
  folder: string;
  record: EntryRecord;
}

const RECORD = "entry.json";

/** The file or archive of an entry. */
export function filePath({ folder, record }: Entry): string {
  return join(folder, record.file);
}

/** What an entry's archive was unpacked to. */
export function treePath({ folder }: Entry): string {
  return join(folder, "tree");
}

/** The entry of a hash, whole or not; nothing is looked at but its record. */
export async function findEntry(cache: string, hash: DataHash): Promise<Entry | undefined> {
  if ("from" in hash) return undefined;
  if ("sha256" in hash && hash.sha256.length === 64) return await readEntry(join(cache, hash.sha256));
  for (const name of await entryNames(cache)) {
    if ("sha256" in hash && !name.startsWith(hash.sha256)) continue;
    const entry = await readEntry(join(cache, name));
    if (entry !== undefined && ("sha256" in hash || entry.record.md5 === hash.md5)) return entry;
  }
}

async function entryNames(cache: string): Promise<string[]> {
  if (!await exists(cache)) return [];
  const names = (await Array.fromAsync(Deno.readDir(cache))).map(({ name }) => name);
  return names.filter((name) => /^[0-9a-f]{64}$/.test(name)).sort();
}

/** Nothing if it is not there, or is no entry. */
async function readEntry(folder: string): Promise<Entry | undefined> {
  const { entrySchema } = await import("./cache_schema.ts");
  const record = await readRecordIfSound(join(folder, RECORD), entrySchema);
  return record?.sha256 === basename(folder) ? { folder, record } : undefined;
}

/** Records a file that was just put into a folder, and takes away the right to write to it. */
export async function sealEntry(
  folder: string,
  record: Omit<EntryRecord, "format" | keyof Stamp | "fetched">,
): Promise<void> {
  const path = join(folder, record.file);
  await Deno.chmod(path, 0o444);
  await writeJson(join(folder, RECORD), {
    format: 1,
    ...record,
    ...stampOf(await Deno.stat(path)),
    fetched: new Date().toISOString(),
  });
}

/** From now on the entry is found by its MD5, too. */
export async function addMd5({ folder, record }: Entry, md5: string | undefined): Promise<Entry> {
  if (md5 === undefined) return { folder, record };
  await writeJson(join(folder, RECORD), { ...record, md5 });
  return { folder, record: { ...record, md5 } };
}

/** Whether the file and the tree of an entry are as they were fetched. */
export interface Integrity {
  file: "sound" | "missing" | "damaged";
  /** "missing" also where it was never unpacked. */
  tree: "sound" | "missing" | "damaged";
  /** Which files are not, e.g. `tree/Forest/Forest_1.jpg: other bytes`. */
  problems: string[];
  /** What names the tree in evidence. */
  treeSha256?: string;
}

/**
 * Looks at an entry.
 *
 * @param unpacked what is used is the tree
 * @param hash Hash everything; otherwise only what has another size or other times than recorded.
 */
export async function inspectEntry(
  entry: Entry,
  { unpacked, hash }: { unpacked: boolean; hash: boolean },
): Promise<Integrity> {
  const [file, tree] = await Promise.all([
    inspectFile(entry, hash),
    unpacked ? inspectTree(entry, hash) : NO_TREE,
  ]);
  const { record } = entry;
  // An archive that was removed to save space is not missed as long as there is what it held.
  const isMissed = file === "missing" && tree.state !== "sound";
  return {
    file,
    tree: tree.state,
    treeSha256: tree.sha256,
    problems: [
      ...file === "damaged" ? [`${record.file}: other bytes than were fetched`] : [],
      ...isMissed ? [`${record.file}: not there any more`] : [],
      ...tree.problems,
    ],
  };
}

interface TreeIntegrity {
  state: Integrity["tree"];
  problems: string[];
  sha256?: string;
}

const NO_TREE: TreeIntegrity = { state: "missing", problems: [] };

async function inspectFile(entry: Entry, hash: boolean): Promise<Integrity["file"]> {
  const { record } = entry;
  const path = filePath(entry);
  const found = await Deno.stat(path).catch(() => undefined);
  if (found === undefined) return "missing";
  const stamp = stampOf(found);
  if (stamp.bytes !== record.bytes) return "damaged";
  const isSame = isSameStamp(stamp, record);
  if (isSame && !hash) return "sound";
  if (await sha256File(path).catch(() => undefined) !== record.sha256) return "damaged";
  // Moved or copied with its folder: from now on these are its times.
  if (!isSame) await writeJson(join(entry.folder, RECORD), { ...record, ...stamp }).catch(() => {});
  return "sound";
}

/** Problems that are listed of a tree; that all of it is gone need not be said file by file. */
const LISTED = 5;

async function inspectTree(entry: Entry, hash: boolean): Promise<TreeIntegrity> {
  const tree = treePath(entry);
  if (!await exists(tree)) return NO_TREE;
  const manifest = await readManifest(manifestPath(tree)).catch(() => undefined);
  if (manifest === undefined) return { state: "damaged", problems: ["tree: its list of files is not there"] };
  const { missing, altered, surplus } = await checkTree(manifest, tree, { hash });
  const problems = [
    ...altered.map((path) => `tree/${path}: other bytes than were unpacked`),
    ...missing.map((path) => `tree/${path}: not there any more`),
    ...surplus.map((path) => `tree/${path}: was not unpacked`),
  ];
  const more = problems.length - LISTED;
  return {
    state: problems.length === 0 ? "sound" : "damaged",
    problems: more <= 0 ? problems : [...problems.slice(0, LISTED), `tree: and ${more} more files`],
    sha256: manifest.sha256,
  };
}
