/** Scripts by which shells complete the tasks of the packages; `deno task generate` writes them. */

import { COMMON } from "../../cli/help.ts";
import type { OptionTable, Task } from "../../cli/options.ts";
import { bash } from "./bash.ts";
import type { CompletedTask } from "./completed_task.ts";
import { fish } from "./fish.ts";
import { zsh } from "./zsh.ts";

/** The script for each shell, by its path from the root. */
export function completionScripts(tasks: Task<OptionTable>[]): Record<string, string> {
  const completed = tasks.filter(({ maintainers }) => !maintainers).flatMap(completedTasks);
  const names = completed.map(({ name }) => name);
  const all = completed.map((task) => task.name === "help" ? { ...task, words: names } : task);
  const place = "tasks/lib/program/completions";
  return { [`${place}.bash`]: bash(all), [`${place}.zsh`]: zsh(all), [`${place}.fish`]: fish(all) };
}

/** A task by its name, and by its other one. */
function completedTasks(task: Task<OptionTable>): CompletedTask[] {
  const { json, help } = COMMON;
  const options: OptionTable = { ...task.options, ...(task.interactive ? {} : { json }), help };
  const usage = task.positionals?.usage ?? "";
  const completed = {
    description: task.description,
    options: Object.entries(options).map(([long, { choices = [], ...option }]) => ({
      long,
      ...option,
      choices,
    })),
    words: usage.match(/\b[a-z]+\b/g) ?? [],
    experiments: /\bEXPERIMENT\b/.test(usage),
  };
  const { name, alias } = task;
  const own = [{ name, ...completed }];
  return alias === undefined
    ? own
    : [...own, { ...completed, name: alias, description: `The same as ${name}` }];
}
