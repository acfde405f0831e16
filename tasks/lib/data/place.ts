/** Where steps find data in the project: a link into the cache. What the user put there stays. */

import { dirname, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Data, DataHash } from "../experiment/experiment.ts";
import { run } from "../system/command.ts";
import { isReadOnly } from "../system/files.ts";
import { leadsToCache } from "./cache_folder.ts";
import type { Found } from "./download/checksums.ts";
import { showFound, showHash } from "./checksum.ts";
import { standInAt } from "./stand_in.ts";

/** What stands at a place now: nothing or a link of ours, which may be replaced, or a file of the user's. */
export type Standing = { kind: "nothing" } | { kind: "link"; target: string } | {
  kind: "file";
  bytes: number;
};

/**
 * Looks at the place of data.
 *
 * @throws Failure(2) if a folder or link of the user's is there, or the place is outside the project.
 */
export async function inspectPlace(root: string, data: Data): Promise<Standing> {
  const path = join(root, data.to);
  await refuseOutside(root, data);
  const standIn = standInAt(path, data.to);
  if (standIn !== undefined) {
    throw new Failure(
      3,
      `Cannot use the data "${data.name}": ${data.to} is ${standIn.kind}, not the file itself`,
      {
        remedy: standIn.remedy,
      },
    );
  }
  const info = await Deno.lstat(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.NotADirectory) {
      throw occupied(data, `a file is there instead of a folder`);
    }
    throw error;
  });
  if (info === undefined) return { kind: "nothing" };
  if (info.isFile) return { kind: "file", bytes: info.size };
  if (!info.isSymlink) throw occupied(data, "a folder is there that no task made");
  const target = await Deno.readLink(path);
  if (!leadsToCache(target)) throw occupied(data, `a link is there that no task made, to ${target}`);
  return { kind: "link", target };
}

/** Folders on the way may be links that lead anywhere. */
async function refuseOutside(root: string, data: Data) {
  const real = await Deno.realPath(root);
  for (let folder = dirname(join(root, data.to));; folder = dirname(folder)) {
    const found = await Deno.realPath(folder).catch(() => undefined);
    if (found === undefined) continue;
    if (found === real || found.startsWith(`${real}/`)) return;
    throw occupied(data, `${folder} is a link that leaves the project`);
  }
}

function occupied({ name, to }: Data, because: string): Failure {
  return new Failure(2, `Cannot put the data "${name}" at ${to}: ${because}`, {
    remedy: `Move it away, or write another path to data.${name}.to`,
  });
}

/** @throws Failure(2): a file of the user's is at the place, and it is not these data. */
export function refuseFile(data: Data, wanted: DataHash, found: Found): never {
  const because = data.unpack === undefined
    ? `a file is there that is not these data: it has ${showFound(wanted, found)}, wanted is ${
      showHash(wanted)
    }`
    : "a file is there, and the unpacked data are a folder";
  throw occupied(data, because);
}

/** @throws Failure(2): a folder of the user's is at the place, and it is not these data. */
export function refuseFolder(data: Data, wanted: DataHash, sha256: string): never {
  throw occupied(
    data,
    `a folder is there that is not these data: its files have sha256:${sha256}, expected is ${
      showHash(wanted)
    }`,
  );
}

/**
 * Makes the link, in one move where there is another.
 *
 * @param target absolute path in the cache
 * @returns why there is none, in a project that can't be written; steps are then told the target
 * @throws Failure(2) if git tracks the file that the link would replace
 */
export async function placeLink(
  root: string,
  data: Data,
  found: Standing,
  target: string,
): Promise<string | undefined> {
  const path = join(root, data.to);
  if (found.kind === "link" && found.target === target) return undefined;
  if (found.kind === "file" && await isTracked(root, data.to)) {
    throw occupied(data, "a file is there that git tracks");
  }
  const temporary = join(dirname(path), `.${crypto.randomUUID().slice(0, 8)}.tmp`);
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.symlink(target, temporary);
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    if (isReadOnly(error)) return `no link at ${data.to}, which can't be written; it is read in ${target}`;
    throw new Failure(3, `Cannot link the data "${data.name}" to ${data.to}: ${(error as Error).message}`);
  }
}

async function isTracked(root: string, path: string): Promise<boolean> {
  const asked = await run(["git", "-C", root, "ls-files", "--error-unmatch", "--", path]).catch(() =>
    undefined
  );
  return asked?.code === 0;
}
