/** Where the user stands, and the project that this is in; the quickest tasks need no more of a project. */

import { basename, dirname, join, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { exists } from "./files.ts";
import { ROOT } from "./product.ts";

/** The folder where the user typed the command; `deno task` itself changes to the project's. */
export function callerFolder(): string {
  return Deno.env.get("INIT_CWD") ?? Deno.cwd();
}

/**
 * The project that a folder is in: the nearest folder, from this one upwards, with an experiment.yaml, with
 * experiments in `experiments/`, or with a `.git`. The files in experiments/NAME belong to the project above them.
 *
 * @returns an absolute path; undefined if there is none
 */
export async function findProject(folder: string): Promise<string | undefined> {
  for (let at = resolve(folder);; at = dirname(at)) {
    if (await isFile(join(at, "experiment.yaml"))) return isOneOfSeveral(at) ? dirname(dirname(at)) : at;
    if (await holdsExperiments(at) || await exists(join(at, ".git"))) return at;
    if (at === dirname(at)) return undefined;
  }
}

/**
 * The project that a folder is in, as `findProject` finds it.
 *
 * @param purpose what is to be done with it, e.g. `clean`
 * @throws Failure(2) if there is none
 */
export async function projectRoot(folder: string, purpose: string): Promise<string> {
  const found = await findProject(folder);
  if (found !== undefined) return found;
  throw new Failure(
    2,
    `Cannot ${purpose} ${folder}: no project is there, i.e. no experiment.yaml, experiments/ or .git`,
    { remedy: "cd into a project" },
  );
}

/** Whether the user stands in the task runner's own repository: a package has no tests. */
export async function isOwnRepository(): Promise<boolean> {
  if (!await isFile(join(ROOT, "test/house_test.ts"))) return false;
  const project = await findProject(callerFolder()) ?? ROOT;
  return await Deno.realPath(project) === ROOT;
}

function isOneOfSeveral(folder: string): boolean {
  return basename(dirname(folder)) === "experiments";
}

/** A folder of that name alone proves nothing: many repositories have one for other things. */
async function holdsExperiments(folder: string): Promise<boolean> {
  try {
    for await (const { name } of Deno.readDir(join(folder, "experiments"))) {
      if (await isFile(join(folder, "experiments", name, "experiment.yaml"))) return true;
    }
  } catch {
    // It is not there, or is no folder, or not for this user.
  }
  return false;
}

export async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false);
}
