/** The npm packages that the tasks themselves import: an image that has them starts its tasks without a network. */

import { join, relative } from "node:path";
import { run } from "../system/command.ts";

export interface DenoPackage {
  /** Where this machine's Deno keeps it, or would. */
  folder: string;
  /** Where a Deno without any mirror keeps it, as the image's is; relative to DENO_DIR. */
  place: string;
}

/** All packages that `deno.lock` names, fetched if they are missing and can be; none in a project without that file. */
export async function denoPackages(root: string): Promise<DenoPackage[]> {
  const lock = await Deno.readTextFile(join(root, "deno.lock")).catch(() => "{}");
  const [first] = Object.keys(JSON.parse(lock).npm ?? {});
  if (first === undefined) return [];
  // Asked about one package, Deno lists all that the lock names.
  const argv = [Deno.execPath(), "info", "--json", `npm:${first}`];
  const scratch = await Deno.makeTempDir();
  try {
    const [here, plain] = await Promise.all([
      run(argv, { cwd: root }),
      run(argv, { cwd: root, clearEnv: true, env: withoutMirror(scratch) }),
    ]);
    return here.code === 0 && plain.code === 0 ? parsePackages(here.stdout, plain.stdout, scratch) : [];
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** Asked in this environment Deno says where it would keep packages, and can't fetch them: no proxy is there. */
function withoutMirror(scratch: string): Record<string, string> {
  return { DENO_DIR: scratch, HOME: scratch, HTTPS_PROXY: "http://127.0.0.1:9" };
}

/**
 * Reads what `deno info --json` says of npm packages, here and without a mirror.
 *
 * @param plainDir DENO_DIR of the second
 */
export function parsePackages(here: string, plain: string, plainDir: string): DenoPackage[] {
  const places = packagesIn(plain);
  return Object.entries(packagesIn(here)).flatMap(([id, { localPath }]) => {
    const place = places[id]?.localPath;
    return place === undefined ? [] : [{ folder: localPath, place: relative(plainDir, place) }];
  });
}

function packagesIn(info: string): Record<string, { localPath: string }> {
  return JSON.parse(info).npmPackages ?? {};
}
