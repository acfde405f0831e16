/** What goes into a published image: one commit, whole, and not too much of it. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { bytes } from "../cli/format.ts";
import { contextFiles, readProvenance } from "../image/build_context.ts";
import type { Provenance } from "../image/build_plan.ts";
import { readCode } from "../record/code.ts";
import { runsRoot } from "../record/run_folder.ts";
import { inParallel } from "../system/files.ts";

/** Files that a message names; more would only scroll by. */
const SHOWN = 8;

export interface PublishedCommit extends Provenance {
  revision: string;
  /** Bytes of the tracked files. */
  bytes: number;
  /** Files and folders that git neither tracks nor ignores: they are not in the image. */
  untracked: string[];
}

/**
 * Reads which commit would be published.
 *
 * @param limit most bytes that the tracked files may take
 * @throws Failure(2) if there is no commit, files differ from it, or some would be missing or are too large
 */
export async function readPublishedCommit(root: string, limit: number): Promise<PublishedCommit> {
  const [{ commit, dirty }, provenance] = await Promise.all([
    readCode(root, runsRoot(root)),
    readProvenance(root),
  ]);
  if (commit === undefined) {
    throw new Failure(2, "Cannot publish: without a git commit nothing says which code the image holds", {
      remedy: "git init && git add --all && git commit --message 'The experiment as published'",
    });
  }
  const untracked = dirty.filter((line) => line.startsWith("??")).map((line) => line.slice(3));
  checkCommitted(dirty.filter((line) => !line.startsWith("??")));
  return { ...provenance, revision: commit, untracked, bytes: await measure(root, limit) };
}

function checkCommitted(changed: string[]) {
  if (changed.length === 0) return;
  const files = changed.length === 1 ? "1 file differs" : `${changed.length} files differ`;
  throw new Failure(2, `Cannot publish: ${files} from the commit, so the commit would not name the code`, {
    problems: shown(changed).map((message) => ({ message })),
    remedy: "Commit first; for an image of unfinished work there is deno task build",
  });
}

async function measure(root: string, limit: number): Promise<number> {
  const files = await inParallel(await contextFiles(root), async (path) => {
    const { isDirectory, size } = await Deno.lstat(join(root, path));
    if (isDirectory) {
      throw new Failure(2, `Cannot publish: ${path} is a git submodule, whose files are not in the image`, {
        remedy: "Take its files into this repository, or install it as a package",
      });
    }
    return { path, size };
  });
  const total = files.reduce((sum, { size }) => sum + size, 0);
  if (total <= limit) return total;
  const largest = files.sort((a, b) => b.size - a.size).slice(0, 3);
  throw new Failure(
    2,
    `Cannot publish: the tracked files take ${bytes(total)}, and the limit is ${bytes(limit)}`,
    {
      problems: largest.map(({ path, size }) => ({ message: `${path}: ${bytes(size)}` })),
      remedy: "Keep large data out of git and let the experiment fetch it, or raise the limit: --limit SIZE",
    },
  );
}

/** The first few of many, and how many are left out. */
export function shown(items: string[]): string[] {
  if (items.length <= SHOWN) return items;
  return [...items.slice(0, SHOWN), `and ${items.length - SHOWN} more`];
}
