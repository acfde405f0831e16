/** Where a user keeps fetched data, for all projects. */

import { join, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";

const FOLDER = "experiment-data";

/** @throws Failure(3) for a user who has no home */
export async function dataCache(): Promise<string> {
  const home = Deno.env.get("HOME");
  const caches = Deno.env.get("XDG_CACHE_HOME") || (home && join(home, ".cache"));
  if (!caches) {
    throw new Failure(3, "Cannot keep data: neither HOME nor XDG_CACHE_HOME says where", {
      remedy: "Say where: XDG_CACHE_HOME=/path/to/a/large/disk deno task data",
    });
  }
  const folder = resolve(caches, FOLDER);
  return await Deno.realPath(folder).catch(() => folder);
}

/** Whether a link leads into a cache of data, this user's or another's. */
export function leadsToCache(target: string): boolean {
  return new RegExp(`/${FOLDER}/[0-9a-f]{64}/[^/]+$`).test(target);
}
