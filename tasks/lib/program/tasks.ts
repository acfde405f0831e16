/** The tasks of this program as its deno.json lists them: in its repository, or in a package without the maintainers'. */

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { OptionTable, Task } from "../cli/options.ts";
import { ROOT } from "../system/product.ts";

export interface ListedTask {
  name: string;
  description: string;
  /** Absolute path of its file. */
  file: string;
}

interface DenoJson {
  version: string;
  tasks: Record<string, { description: string; command: string }>;
}

/** The version of this program, and its tasks in the order of deno.json. */
export async function listTasks(): Promise<{ version: string; tasks: ListedTask[] }> {
  const { version, tasks }: DenoJson = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const listed = Object.entries(tasks).map(([name, { description, command }]) => ({
    name,
    description,
    file: join(ROOT, command.split(" ").at(-1)!),
  }));
  return { version, tasks: listed };
}

/** Loads a task: what it takes, and its help. */
export async function loadTask({ file }: ListedTask): Promise<Task<OptionTable>> {
  return (await import(pathToFileURL(file).href)).task;
}
