/**
 * Overview: stops the JupyterLab that `deno task jupyter` started for this project.
 * Arguments: none.
 * Example: deno task stop
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { stopTask } from "./lib/jupyter/control.ts";

export const task = defineTask({
  name: "stop",
  description: "Stop this project's JupyterLab",
  permissions: ["run"],
  summary: "Stops the JupyterLab of the project you stand in, and removes its container and token.",
  examples: [["deno task stop", "within ten seconds, whatever it is doing"]],
  options: {},
  run: (_, terminal) => stopTask(terminal),
});

if (import.meta.main) await main(task);
