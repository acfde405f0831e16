/**
 * Overview: shows the log of this project's JupyterLab.
 * Arguments: --follow, --tail.
 * Example: deno task logs -f
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { logsTask } from "./lib/jupyter/control.ts";

export const task = defineTask({
  name: "logs",
  description: "Show the log of this project's JupyterLab",
  permissions: ["run"],
  summary: "Shows what the JupyterLab of the project you stand in has said.",
  examples: [
    ["deno task logs", "the last 200 lines"],
    ["deno task logs -f", "and what comes, until ^C"],
  ],
  options: {
    follow: { help: "show also what comes", short: "f" },
    tail: { value: "LINES", help: "how many lines to begin with, or all (default 200)", short: "n" },
  },
  interactive: true,
  run: ({ options }) => logsTask(options),
});

if (import.meta.main) await main(task);
