/** The npm packages that the tasks themselves import: an image that has them starts its tasks without a network. */

import { join } from "node:path";
import { run } from "./command.ts";

export interface DenoPackage {
  /** Where this machine's Deno keeps it, or would. */
  folder: string;
  /** Its place in the cache of a Deno that asks npm's own registry, whatever mirror this one asks; relative to DENO_DIR. */
  place: string;
}

/** All packages that `deno.lock` names, fetched if they are missing and can be; none in a project without that file. */
export async function denoPackages(root: string): Promise<DenoPackage[]> {
  const lock = await Deno.readTextFile(join(root, "deno.lock")).catch(() => "{}");
  const [first] = Object.keys(JSON.parse(lock).npm ?? {});
  if (first === undefined) return [];
  // Asked about one package, Deno lists all that the lock names.
  const { code, stdout } = await run([Deno.execPath(), "info", "--json", `npm:${first}`], { cwd: root });
  return code === 0 ? parsePackages(stdout) : [];
}

/** Reads what `deno info --json` says of an npm package. */
export function parsePackages(info: string): DenoPackage[] {
  const { npmPackages = {} } = JSON.parse(info) as {
    npmPackages?: Record<string, { name: string; version: string; localPath: string }>;
  };
  return Object.values(npmPackages).map(({ name, version, localPath }) => ({
    folder: localPath,
    place: join("npm/usual.example", name, version),
  }));
}
