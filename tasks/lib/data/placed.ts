/** A file or folder that lies in the project itself: its hash, kept with sizes and times, so that it is read once. */

import { basename, dirname, join } from "node:path";
import { sha256 } from "../system/files.ts";
import { dataCache } from "./cache_folder.ts";
import { hashFiles } from "./tree/hash_files.ts";
import { stampOf, type TreeFile } from "./tree/tree_file.ts";
import { makeManifest, readManifest, writeManifest } from "./tree/tree_manifest.ts";

export interface Placed {
  /** Of a file, of its bytes; of a folder, over its paths and bytes, as of an unpacked archive. */
  sha256: string;
  bytes: number;
  isFolder: boolean;
}

/**
 * Hashes what lies at a path, but for files that were hashed before and have the same size and times.
 *
 * @param hash read everything
 * @returns undefined if there is neither a file nor a folder; links in a folder are followed to files
 */
export async function inspectPlaced(path: string, { hash }: { hash: boolean }): Promise<Placed | undefined> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (info === undefined || (!info.isDirectory && !info.isFile)) return undefined;
  const isFolder = info.isDirectory;
  const [folder, paths] = isFolder ? [path, [...walk(path, "")]] : [dirname(path), [basename(path)]];
  const kept = join(await dataCache(), PLACES, `${sha256(await Deno.realPath(path))}.json`);
  const known = hash ? undefined : await readManifest(kept).catch(() => undefined);
  const before = new Map(known?.files.map((file) => [keyOf(file), file.sha256]));
  const files = paths.map((path): TreeFile => {
    const found = { path, ...stampOf(Deno.statSync(join(folder, path))) };
    return { ...found, sha256: before.get(keyOf(found)) ?? "" };
  });
  const open = files.filter(({ sha256 }) => sha256 === "");
  const read = await hashFiles(folder, open);
  open.forEach((file, index) => file.sha256 = read[index] ?? "");
  const manifest = makeManifest(files);
  // Where it can't be kept, all is read again the next time.
  if (open.length > 0) await keep(kept, manifest).catch(() => {});
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return { sha256: isFolder ? manifest.sha256 : files[0]!.sha256, bytes, isFolder };
}

/** In the cache: what was hashed of places outside it. */
const PLACES = ".places";

async function keep(path: string, manifest: ReturnType<typeof makeManifest>): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await writeManifest(path, manifest);
}

function keyOf({ path, bytes, modified, changed, inode }: Omit<TreeFile, "sha256">): string {
  return JSON.stringify([path, bytes, modified, changed, inode]);
}

/** Files, and links to files; a link to a folder is not followed. */
function* walk(tree: string, folder: string): Generator<string> {
  for (const { name, isDirectory, isSymlink } of Deno.readDirSync(join(tree, folder))) {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (isDirectory) yield* walk(tree, path);
    else if (!isSymlink || isFile(join(tree, path))) yield path;
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
