/** `deno task help`: the tasks, or one. */

import { Failure } from "../cli/failure.ts";
import { didYouMean } from "../cli/suggest.ts";
import { columns } from "../cli/table.ts";
import type { Terminal } from "../cli/terminal.ts";
import { listTasks } from "./tasks.ts";

/**
 * Prints the tasks, one of them, or the version.
 *
 * @throws Failure(2) if there is no task of that name
 */
export async function showHelp(
  wanted: string | undefined,
  options: { version: boolean },
  terminal: Terminal,
): Promise<{ exitCode: 0; result: unknown }> {
  const { version, tasks: all } = await listTasks();
  const tasks = all.filter(({ name }) => wanted === undefined || name === wanted);
  if (tasks.length === 0) throw noSuchTask(wanted!, all.map(({ name }) => name));
  if (options.version) {
    terminal.line(version);
  } else {
    const rows = tasks.map(({ name, description }) => [`  deno task ${name}`, description]);
    for (const line of columns(rows)) terminal.line(line);
    terminal.line();
    terminal.line(
      wanted === undefined
        ? "Each has --help, which begins with examples"
        : `deno task ${wanted} --help says more, and begins with examples`,
    );
  }
  return { exitCode: 0, result: { version, tasks } };
}

function noSuchTask(wanted: string, names: string[]): Failure {
  return new Failure(2, `There is no task "${wanted}"${didYouMean(wanted, names)}`, {
    remedy: "deno task help lists the tasks",
  });
}
