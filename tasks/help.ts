/**
 * Overview: lists the tasks; what a package's program does without a task's name.
 * Arguments: [TASK], --version.
 * Example: deno task help
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { showHelp } from "./lib/program/help_task.ts";

export const task = defineTask({
  name: "help",
  description: "List the tasks",
  permissions: ["read"],
  summary: "Lists what this program can do, each task with a line.",
  examples: [
    ["deno task help", "the tasks, each with a line"],
    ["deno task help --version", "which version this is"],
  ],
  positionals: { usage: "[TASK]", help: "one task", most: 1 },
  options: { version: { help: "print the version of this program" } },
  run: ({ options, positionals }, terminal) => showHelp(positionals[0], options, terminal),
});

if (import.meta.main) await main(task);
