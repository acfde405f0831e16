/** Room for a download, before and while it comes. */

import { dirname } from "node:path";
import { Failure } from "../../cli/failure.ts";
import { bytes } from "../../cli/format.ts";
import { freeSpace } from "../../system/files.ts";

/** @throws Failure(3) if the target's disk has no room for so many more bytes */
export async function checkSpace(name: string, target: string, needed: number): Promise<void> {
  const free = await freeSpace(dirname(target));
  if (free < needed) {
    throw tooFull(name, target, `${bytes(needed)} more are needed and ${bytes(free)} are free`);
  }
}

/** The disk ran full, and what was fetched was removed from it. */
export async function ranFull(name: string, target: string, { got, total }: { got: number; total?: number }) {
  const free = bytes(await freeSpace(dirname(target)));
  const needed = total === undefined ? `more than ${bytes(got)}` : bytes(total);
  return tooFull(name, target, `it ran full, ${needed} are needed and ${free} are free now`);
}

function tooFull(name: string, target: string, what: string): Failure {
  return new Failure(3, `Cannot download ${name} to ${dirname(target)}: ${what}`, {
    remedy: "Free some space, or name a folder on another disk: XDG_CACHE_HOME=/path/to/folder",
  });
}
