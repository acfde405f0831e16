/** Which experiment.yaml a user means. */

import { dirname, join, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { didYouMean } from "../cli/suggest.ts";
import { findProject, isFile } from "../system/project_root.ts";
import { NoExperiment } from "./no_experiment.ts";
import { LEAST } from "./yaml_document.ts";

/**
 * Path of the YAML file; `which` as in `readExperiment`.
 *
 * @throws {Failure} 2 if there is none, listing those there are
 */
export async function findExperiment(which: string | undefined, cwd: string): Promise<string> {
  const root = await findProject(cwd) ?? cwd;
  const candidates = which === undefined
    ? upwards(cwd, root).map((folder) => join(folder, "experiment.yaml"))
    : isPath(which)
    ? [resolve(cwd, which), resolve(cwd, which, "experiment.yaml")]
    : [join(root, "experiments", which, "experiment.yaml"), resolve(cwd, which, "experiment.yaml")];
  for (const candidate of candidates) if (await isFile(candidate)) return candidate;
  const main = join(root, "experiment.yaml");
  if (which !== undefined && await nameIn(main) === which) return main;
  throw await notFound(which, root);
}

/** The folders from one up to the root, both included. */
function upwards(folder: string, root: string): string[] {
  const folders = [resolve(folder)];
  while (folders.at(-1)!.startsWith(`${root}/`)) folders.push(dirname(folders.at(-1)!));
  return folders;
}

function isPath(which: string): boolean {
  return /[/\\]/.test(which) || /\.ya?ml$/.test(which) || which === "." || which === "..";
}

/** What a file gives as the experiment's name, without reading the rest of it. */
async function nameIn(file: string): Promise<string | undefined> {
  const text = await Deno.readTextFile(file).catch(() => "");
  return /^name:[ \t]*["']?([a-z0-9_-]+)/m.exec(text)?.[1];
}

async function notFound(which: string | undefined, root: string): Promise<Failure> {
  const names = await experimentNames(root);
  const main = await nameIn(join(root, "experiment.yaml"));
  const all = main === undefined ? names : [main, ...names];
  const expected = which === undefined ? "experiment.yaml" : `experiment ${JSON.stringify(which)}`;
  const hint = which === undefined ? "" : didYouMean(which, all);
  const remedy = all.length === 0
    ? `Write an experiment.yaml, e.g.\n${LEAST}`
    : `The experiments are ${all.join(", ")}; a path of a YAML file will do, too`;
  const Kind = which === undefined && all.length === 0 ? NoExperiment : Failure;
  return new Kind(2, `Cannot find ${expected}${hint}`, { remedy });
}

async function experimentNames(root: string): Promise<string[]> {
  const names = [];
  try {
    for await (const entry of Deno.readDir(join(root, "experiments"))) {
      if (await isFile(join(root, "experiments", entry.name, "experiment.yaml"))) names.push(entry.name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}
