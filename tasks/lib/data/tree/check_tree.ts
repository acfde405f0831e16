/** Whether a tree is still what was unpacked. */

import { ask, shares } from "../../system/workers.ts";
import { hashFiles, type Share } from "./hash_files.ts";
import { isSameStamp, stampOf, type TreeFile } from "./tree_file.ts";
import type { TreeManifest } from "./tree_manifest.ts";

/** How a tree differs from its manifest: paths, sorted. All empty if it does not. */
export interface TreeCheck {
  missing: string[];
  altered: string[];
  surplus: string[];
}

/** So many files take longer to hash than it takes to start workers. */
const MANY = 4000;

/**
 * Compares a tree with its manifest. Empty folders do not count.
 *
 * @param options.hash Hash every file; otherwise only those whose size, times or inode are others than recorded, which
 * leaves out those where somebody has set the times back, within the second in which the file was unpacked.
 */
export async function checkTree(
  { files }: TreeManifest,
  tree: string,
  { hash }: { hash: boolean },
): Promise<TreeCheck> {
  const missing = new Map(files.map((file) => [file.path, file]));
  const [doubtful, altered, surplus]: [TreeFile[], string[], string[]] = [[], [], []];
  for (const { path, isFile } of walk(tree, "")) {
    const recorded = missing.get(path);
    missing.delete(path);
    if (recorded === undefined) surplus.push(path);
    else if (!isFile) altered.push(path);
    else if (hash) doubtful.push(recorded);
    else {
      const found = stampOf(Deno.lstatSync(`${tree}/${path}`));
      if (found.bytes !== recorded.bytes) altered.push(path);
      else if (!isSameStamp(found, recorded)) doubtful.push(recorded);
    }
  }
  altered.push(...await findAltered(tree, doubtful));
  return { missing: [...missing.keys()].sort(), altered: altered.sort(), surplus: surplus.sort() };
}

/** All that is no folder. A link is not followed, wherever it leads. */
function* walk(tree: string, folder: string): Generator<{ path: string; isFile: boolean }> {
  for (const { name, isDirectory, isFile } of entriesOf(`${tree}/${folder}`)) {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (isDirectory) yield* walk(tree, path);
    else yield { path, isFile };
  }
}

function entriesOf(folder: string): Iterable<Deno.DirEntry> {
  try {
    return Deno.readDirSync(folder);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return []; // then all that was in it is missing
    throw error;
  }
}

async function findAltered(tree: string, files: TreeFile[]): Promise<string[]> {
  const found = files.length < MANY ? await hashFiles(tree, files) : await hashInWorkers(tree, files);
  return files.filter(({ sha256 }, index) => found[index] !== sha256).map(({ path }) => path);
}

async function hashInWorkers(tree: string, files: TreeFile[]): Promise<(string | undefined)[]> {
  const url = new URL("./hash_worker.ts", import.meta.url);
  const found = await Promise.all(
    shares(files).map(async (share) => {
      const worker = new Worker(url, { type: "module" });
      try {
        return await ask<(string | undefined)[]>(worker, { tree, files: share } satisfies Share);
      } finally {
        worker.terminate();
      }
    }),
  );
  return found.flat();
}
