/** What can be set in notebooks, without executing them. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Terminal } from "../cli/terminal.ts";
import { readExperiment } from "../experiment/read.ts";
import { INSIDE } from "../system/product.ts";
import { run } from "../system/command.ts";
import { exists } from "../system/files.ts";
import { callerFolder } from "../system/project_root.ts";

/** Defaults as source text, by notebook and name. */
type Listed = Record<string, Record<string, string>>;

/**
 * Shows the parameters of the notebooks, or of the experiment's own without any. Any Python will do.
 *
 * @throws Failure(2) for a notebook that can't be read, Failure(3) without a Python.
 */
export async function listParameters(
  experiment: string | undefined,
  notebooks: string[] | undefined,
  terminal: Terminal,
): Promise<Listed> {
  const { root, steps } = await readExperiment(experiment, callerFolder());
  const own = Object.values(steps).flatMap(({ notebook }) =>
    notebook === undefined ? [] : [join(root, notebook)]
  );
  const made = join(root, ".venv/bin/python");
  const python = await exists(made) ? made : "python3";
  const driver = [python, join(INSIDE, "execute_notebook.py"), "--list-parameters"];
  const { code, stdout, stderr } = await run([...driver, ...notebooks ?? own], { keep: "all" });
  if (code !== 0) throw new Failure(2, stderr.trim());
  const listed: Listed = JSON.parse(stdout);
  for (const [notebook, parameters] of Object.entries(listed)) {
    terminal.line(notebook);
    const lines = Object.entries(parameters).map(([name, value]) => `  ${name} = ${value}`);
    (lines.length > 0 ? lines : ["  no cell is tagged parameters"]).forEach((line) => terminal.line(line));
  }
  return listed;
}
