/** `deno task help`: the tasks, or the help of one. */

import { Failure } from "../cli/failure.ts";
import { help } from "../cli/help.ts";
import { didYouMean } from "../cli/suggest.ts";
import { columns } from "../cli/table.ts";
import type { Terminal } from "../cli/terminal.ts";
import { listTasks, loadTask } from "./tasks.ts";

/**
 * Prints the tasks, the help of one, or the version.
 *
 * @throws Failure(2) if there is no task of that name
 */
export async function showHelp(
  wanted: string | undefined,
  options: { version: boolean },
  terminal: Terminal,
): Promise<{ exitCode: 0; result: unknown }> {
  const { version, tasks } = await listTasks();
  if (options.version) {
    terminal.line(version);
  } else if (wanted === undefined) {
    const rows = tasks.map(({ name, description }) => [`  deno task ${name}`, description]);
    for (const line of columns(rows)) terminal.line(line);
    terminal.line();
    terminal.line("Each has --help, which begins with examples");
  } else {
    const task = tasks.find(({ name }) => name === wanted);
    if (task === undefined) throw noSuchTask(wanted, tasks.map(({ name }) => name));
    terminal.line(help(await loadTask(task)));
  }
  const listed = tasks.map(({ name, description }) => ({ name, description }));
  return { exitCode: 0, result: { version, tasks: listed } };
}

function noSuchTask(wanted: string, names: string[]): Failure {
  return new Failure(2, `There is no task "${wanted}"${didYouMean(wanted, names)}`, {
    remedy: "deno task help lists the tasks",
  });
}
