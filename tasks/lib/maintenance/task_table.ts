/** The tasks as deno.json lists them. */

import { FEW_COLLECTIONS, type OptionTable, SMALL_MEMORY, type Task } from "../cli/options.ts";
import { FOR_MAINTAINERS } from "../cli/program.ts";
import { PERMISSION_SETS } from "../cli/permissions.ts";

export type ListedTask = Pick<
  Task<OptionTable>,
  "name" | "description" | "permissions" | "alias" | "maintainers"
>;

/**
 * deno.json with these tasks, the sets of permissions that they name, and the version.
 *
 * @param text deno.json as it is
 */
export function withTasks(text: string, tasks: ListedTask[], version: string): string {
  const { version: _, tasks: __, permissions: ___, ...rest } = JSON.parse(text);
  const own = tasks.filter(({ maintainers }) => maintainers);
  const listed = [...tasks.filter(({ maintainers }) => !maintainers), ...own].flatMap(entries);
  return `${
    JSON.stringify(
      { version, tasks: Object.fromEntries(listed), permissions: PERMISSION_SETS, ...rest },
      null,
      2,
    )
  }\n`;
}

interface Entry {
  description: string;
  command: string;
}

function entries(task: ListedTask): [name: string, entry: Entry][] {
  const { name, alias } = task;
  const description = task.maintainers
    ? `${FOR_MAINTAINERS}${lowerFirst(task.description)}`
    : task.description;
  const [set, ...flags] = task.permissions;
  // Deno says that sets are new, unless it is quiet.
  const start = ["deno run --no-prompt --quiet", `-P=${set}`];
  const memory = flags.includes(SMALL_MEMORY) ? [] : [FEW_COLLECTIONS];
  const command = [...start, ...memory, ...flags, `tasks/${fileName(name)}`].join(" ");
  const own: [string, Entry][] = [[name, { description, command }]];
  return alias === undefined ? own : [...own, [alias, { description: `The same as ${name}`, command }]];
}

function fileName(task: string): string {
  return `${task.replaceAll("-", "_")}.ts`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
