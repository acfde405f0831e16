/** Fetching data for a run: by the task of its own, which alone may open connections to other machines. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { runBeside } from "../system/command.ts";
import { ROOT } from "../system/product.ts";
import type { GetOptions, Got } from "./identifier/get.ts";

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
  const { offline, yes } = options;
  const { code, signal, stdout } = await runBeside(
    await dataCommand([
      ...["fetch", experiment.file, "--json"],
      ...names.flatMap((name) => ["--only", name]),
      ...(offline ? ["--offline"] : []),
      ...(yes ? ["--yes"] : []),
    ]),
  );
  if (signal !== undefined || code === 130) throw new Failure(130, "Interrupted while data were fetched");
  const wanted = names.map((name) => `"${name}"`).join(", ");
  if (code !== 0) throw explain(code, stdout, `Cannot run without the data ${wanted}`, terminal.json);
}

/**
 * Fetches what an identifier stands for, in a process of its own; what is wrong with it is said on the terminal.
 *
 * @throws Failure with the exit code of that task
 */
export async function getInProcess(
  identifier: string,
  { into, plan, yes }: GetOptions,
  terminal: Terminal,
): Promise<Got> {
  const { code, signal, stdout } = await runBeside(
    await dataCommand([
      ...["get", "--json"],
      ...(into === undefined ? [] : ["--into", into]),
      ...(plan ? ["--plan"] : []),
      ...(yes ? ["--yes"] : []),
      identifier,
    ]),
  );
  if (signal !== undefined || code === 130) throw new Failure(130, "Interrupted; nothing of it is left");
  if (code === 0) return JSON.parse(stdout) as Got;
  throw explain(code, stdout, `Cannot reproduce ${identifier}: it was not fetched`, terminal.json);
}

/** The permissions are those that deno.json gives the task. */
async function dataCommand(args: string[]): Promise<string[]> {
  const config = join(ROOT, "deno.json");
  const { tasks } = JSON.parse(await Deno.readTextFile(config));
  const words: string[] = tasks.data.command.split(" ");
  return [
    Deno.execPath(),
    ...words.slice(1, -1),
    // Which also names the set of permissions: the project may have a deno.json of its own.
    ...["--config", config],
    join(ROOT, words.at(-1)!),
    ...args,
  ];
}

/** The task has said on the terminal what is wrong; a program that reads JSON gets it here. */
function explain(code: number, stdout: string, message: string, json: boolean): Failure {
  const exitCode = code === 2 || code === 3 ? code : 1;
  if (!json) return new Failure(exitCode, message);
  const { error } = JSON.parse(stdout || "{}");
  return new Failure(exitCode, `${message}: ${error?.message ?? `exit code ${code}`}`, {
    remedy: error?.remedy,
  });
}
