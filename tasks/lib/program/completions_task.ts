/** `deno task completions`: scripts by which shells complete this program's tasks and options. */

import { Failure } from "../cli/failure.ts";
import { COMMON } from "../cli/help.ts";
import type { OptionTable, Task } from "../cli/options.ts";
import { didYouMean } from "../cli/suggest.ts";
import type { Terminal } from "../cli/terminal.ts";
import { bash } from "./shells/bash.ts";
import type { CompletedTask } from "./shells/completed_task.ts";
import { fish } from "./shells/fish.ts";
import { zsh } from "./shells/zsh.ts";
import { type ListedTask, listTasks, loadTask } from "./tasks.ts";

const SHELLS: Record<string, (tasks: CompletedTask[]) => string> = { bash, zsh, fish };

/**
 * Prints the script for a shell.
 *
 * @throws Failure(2) for another shell
 */
export async function printCompletions(
  shell: string | undefined,
  terminal: Terminal,
): Promise<{ exitCode: 0; result: unknown }> {
  const names = Object.keys(SHELLS);
  if (shell === undefined || !names.includes(shell)) {
    const given = shell === undefined ? "" : `, current value is "${shell}"${didYouMean(shell, names)}`;
    throw new Failure(2, `The shell must be "bash", "zsh" or "fish"${given}`);
  }
  const { tasks } = await listTasks();
  const completed = await Promise.all(
    tasks.map(async (listed) => completedTask(listed, await loadTask(listed))),
  );
  const script = SHELLS[shell]!(completed.map((task) => task.name === "help" ? helpOf(task, tasks) : task));
  // As it is: a shell reads it.
  terminal.raw(new TextEncoder().encode(script));
  return { exitCode: 0, result: { shell, script } };
}

function completedTask({ name, description }: ListedTask, task: Task<OptionTable>): CompletedTask {
  const { json, help } = COMMON;
  const options: OptionTable = { ...task.options, ...(task.interactive ? {} : { json }), help };
  const usage = task.positionals?.usage ?? "";
  return {
    name,
    description,
    options: Object.entries(options).map(([long, { short, help, value, choices }]) => ({
      long,
      short,
      help,
      value,
      choices: choices ?? [],
    })),
    words: usage.match(/\b[a-z]+\b/g) ?? [],
    experiments: /\bEXPERIMENT\b/.test(usage),
  };
}

/** Its argument is a task. */
function helpOf(task: CompletedTask, tasks: ListedTask[]): CompletedTask {
  return { ...task, words: tasks.map(({ name }) => name) };
}
