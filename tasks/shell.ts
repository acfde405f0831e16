/**
 * Overview: opens a shell, or runs a command, where this project's JupyterLab runs.
 * Arguments: -- COMMAND.
 * Example: deno task shell -- nvidia-smi
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { shellTask } from "./lib/jupyter/control.ts";

export const task = defineTask({
  name: "shell",
  description: "Open a shell where this project's JupyterLab runs",
  permissions: ["run"],
  summary:
    "Opens a shell where the JupyterLab of the project you stand in runs: as the same user, in the project's folder.",
  examples: [
    ["deno task shell", "a shell"],
    ["deno task shell -- python -m pip list", "one command; its exit code is passed on"],
  ],
  options: {},
  rest: "a command to run instead of a shell",
  interactive: true,
  run: ({ rest }) => shellTask(rest),
});

if (import.meta.main) await main(task);
