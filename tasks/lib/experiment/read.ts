/** The experiment that a user means, read from its file. */

import { dirname, relative } from "node:path";
import { Failure } from "../cli/failure.ts";
import { findProject } from "../system/project_root.ts";
import { readRegular } from "../system/regular_file.ts";
import type { Experiment } from "./experiment.ts";
import { findExperiment } from "./find.ts";

/**
 * Reads the experiment that a user means.
 *
 * @param which nothing for `experiment.yaml` of the project; a name for `experiments/<name>/experiment.yaml`;
 * or a path of a YAML file, or of a folder that holds an `experiment.yaml`
 * @param cwd absolute path of the folder the user stands in
 * @throws {Failure} 2 if there is none (listing those there are), or with all its problems
 */
export async function readExperiment(which: string | undefined, cwd: string): Promise<Experiment> {
  const file = await findExperiment(which, cwd);
  const root = await findProject(dirname(file)) ?? dirname(file);
  const { parseExperiment } = await import("./parse.ts"); // zod is not needed for a task's help
  const experiment = parseExperiment(await readText(file, root), file, root);
  if (Object.keys(experiment.params).length === 0) return experiment;
  const { withParameterFiles } = await import("./parameter_files.ts");
  return await withParameterFiles(experiment);
}

async function readText(file: string, root: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readRegular(file));
  } catch (error) {
    const reason = error instanceof TypeError ? "it must be UTF-8 text" : (error as Error).message;
    throw new Failure(2, `Cannot read ${relative(root, file)}: ${reason}`);
  }
}
