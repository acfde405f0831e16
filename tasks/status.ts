/**
 * Overview: tells whether this project's JupyterLab runs, and where.
 * Arguments: --json.
 * Example: deno task status
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { statusTask } from "./lib/jupyter/control.ts";

export const task = defineTask({
  name: "status",
  description: "Tell whether this project's JupyterLab runs, and where",
  permissions: ["serve"],
  summary: "Tells whether the JupyterLab of the project you stand in runs and answers; exit code 1 if not.",
  examples: [["deno task status", "its address, with the token"]],
  options: {},
  run: (_, terminal) => statusTask(terminal),
});

if (import.meta.main) await main(task);
