/** Whether notebooks can be given their parameters, looked at before anything runs. */

import { join, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Plan, PlannedStep } from "../plan/plan.ts";
import { run } from "../system/command.ts";
import { exists } from "../system/files.ts";

/**
 * Refuses a value that a notebook would replace or can't hold, before an environment is made or a step runs: by any
 * Python, since only the notebook's text is read. Without one, the step itself refuses it.
 *
 * @throws Failure(2) with the cell and the remedy
 */
export async function checkNotebookParameters({ steps, experiment }: Plan): Promise<void> {
  const checked = steps.filter(({ argv, optional }) =>
    !optional &&
    argv[1]?.endsWith("/execute_notebook.py") && argv.includes("--parameters")
  );
  for (const step of checked) {
    const problem = await problemOf(step, experiment.root);
    if (problem !== undefined) throw new Failure(2, problem, { remedy: REMEDY });
  }
}

const REMEDY = "Correct the notebook as it says, or the parameters in experiment.yaml";

async function problemOf({ argv: [, driver, ...args], cwd }: PlannedStep, root: string) {
  // An earlier step may make it.
  const notebooks = args.slice(0, args.findIndex((arg) => arg.startsWith("--")));
  if (!(await Promise.all(notebooks.map((path) => exists(resolve(cwd, path))))).every(Boolean)) {
    return undefined;
  }
  const made = join(root, ".venv/bin/python");
  const python = await exists(made) ? made : "python3";
  // Only the standard library is needed, and looking for more takes as long as all the rest.
  const argv = [python, "-E", "-S", driver!, "--check", ...args];
  const ended = await run(argv, { cwd, keep: "all", timeoutMs: 20_000 }).catch(() => undefined);
  return ended?.code === 2 && /^Cannot set parameter/m.test(ended.stderr) ? ended.stderr.trim() : undefined;
}
