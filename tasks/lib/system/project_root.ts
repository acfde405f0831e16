/** Where the user stands, and the project that this is in; the quickest tasks need no more of a project. */

import { dirname, join, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";

/** The folder where the user typed the command; `deno task` itself changes to the project's. */
export function callerFolder(): string {
  return Deno.env.get("INIT_CWD") ?? Deno.cwd();
}

/**
 * The project that a folder is in. As for a run, the files in experiments/NAME belong to the one they are part of.
 *
 * @param purpose what is to be done with it, e.g. `clean`
 * @throws Failure(2) if there is none
 */
export async function projectRoot(folder: string, purpose: string): Promise<string> {
  const found = await nearestAncestor(folder, ["experiment.yaml", "deno.json"]);
  if (found !== undefined) return await nearestAncestor(found, ["deno.json"]) ?? found;
  throw new Failure(
    2,
    `Cannot ${purpose} ${folder}: no project is there, i.e. no experiment.yaml or deno.json`,
    { remedy: "cd into a project" },
  );
}

/** The nearest folder, from this one upwards, that holds a file of one of the names. */
export async function nearestAncestor(folder: string, names: string[]): Promise<string | undefined> {
  for (let at = resolve(folder);; at = dirname(at)) {
    for (const name of names) if (await isFile(join(at, name))) return at;
    if (at === dirname(at)) return undefined;
  }
}

export async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false);
}
