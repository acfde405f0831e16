/** The tasks of this program as its deno.json lists them: in its repository, or in a package without the maintainers'. */

import { join } from "node:path";
import { FOR_MAINTAINERS } from "../cli/program.ts";
import { ROOT } from "../system/product.ts";
import { isOwnRepository } from "../system/project_root.ts";

export interface ListedTask {
  name: string;
  description: string;
}

interface DenoJson {
  version: string;
  tasks: Record<string, { description: string }>;
}

/** The version of this program, and its tasks in the order of deno.json; the maintainers' only in their repository. */
export async function listTasks(): Promise<{ version: string; tasks: ListedTask[] }> {
  const { version, tasks }: DenoJson = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const all = Object.entries(tasks).map(([name, { description }]) => ({ name, description }));
  const isOwn = await isOwnRepository();
  return {
    version,
    tasks: all.filter(({ description }) => isOwn || !description.startsWith(FOR_MAINTAINERS)),
  };
}
