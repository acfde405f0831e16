/**
 * Overview: stops the JupyterLab that `deno task run` started for this project.
 * Arguments: none.
 * Example: deno task stop
 */

import { main } from "./lib/cli/main.ts";
import { stopTask } from "./lib/jupyter/control.ts";

await main({
  name: "stop",
  summary: "Stops the JupyterLab of the project you stand in, and removes its container and token.",
  examples: [["deno task stop", "within ten seconds, whatever it is doing"]],
  options: {},
  run: (_, terminal) => stopTask(terminal),
});
