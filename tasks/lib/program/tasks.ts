/** The tasks of this program as its deno.json lists them: in its repository, or in a package without the maintainers'. */

import { join } from "node:path";
import { ROOT } from "../system/product.ts";

export interface ListedTask {
  name: string;
  description: string;
}

interface DenoJson {
  version: string;
  tasks: Record<string, { description: string }>;
}

/** The version of this program, and its tasks in the order of deno.json. */
export async function listTasks(): Promise<{ version: string; tasks: ListedTask[] }> {
  const { version, tasks }: DenoJson = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  return { version, tasks: Object.entries(tasks).map(([name, { description }]) => ({ name, description })) };
}
