/** Fetching data for a run: by the task of its own, which alone may open connections to other machines. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { runBeside } from "../system/command.ts";
import { ROOT } from "../system/product.ts";

/**
 * Fetches data in a process of its own, whose progress the user sees.
 *
 * @throws Failure with the exit code of that task
 */
export async function fetchInProcess(
  experiment: Experiment,
  names: string[],
  options: { offline: boolean; yes: boolean },
  terminal: Terminal,
): Promise<void> {
  const { code, signal, stdout } = await runBeside(await dataCommand(experiment, names, options));
  if (signal !== undefined || code === 130) throw new Failure(130, "Interrupted while data were fetched");
  if (code !== 0) throw explain(code, stdout, names, terminal.json);
}

/** The permissions are those that deno.json gives the task. */
async function dataCommand(
  { file }: Experiment,
  names: string[],
  { offline, yes }: { offline: boolean; yes: boolean },
): Promise<string[]> {
  const config = join(ROOT, "deno.json");
  const { tasks } = JSON.parse(await Deno.readTextFile(config));
  const words: string[] = tasks.data.command.split(" ");
  return [
    Deno.execPath(),
    ...words.slice(1, -1),
    // Which also names the set of permissions: the project may have a deno.json of its own.
    ...["--config", config],
    join(ROOT, words.at(-1)!),
    ...["fetch", file, "--json"],
    ...names.flatMap((name) => ["--only", name]),
    ...(offline ? ["--offline"] : []),
    ...(yes ? ["--yes"] : []),
  ];
}

/** The task has said on the terminal what is wrong; a program that reads JSON gets it here. */
function explain(code: number, stdout: string, names: string[], json: boolean): Failure {
  const exitCode = code === 2 || code === 3 ? code : 1;
  const message = `Cannot run without the data ${names.map((name) => `"${name}"`).join(", ")}`;
  if (!json) return new Failure(exitCode, message);
  const { error } = JSON.parse(stdout || "{}");
  return new Failure(exitCode, `${message}: ${error?.message ?? `exit code ${code}`}`, {
    remedy: error?.remedy,
  });
}
