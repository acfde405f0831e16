/**
 * Overview: lists the tasks, or shows the help of one; what a package's program does without a task's name.
 * Arguments: [TASK], --version.
 * Example: deno task help
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { showHelp } from "./lib/program/help_task.ts";

export const task = defineTask({
  name: "help",
  description: "List the tasks, or show the help of one",
  permissions: ["read"],
  summary: "Lists what this program can do, or shows the help of one task.",
  examples: [
    ["deno task help", "the tasks, each with a line"],
    ["deno task help reproduce", "the same as deno task reproduce --help"],
  ],
  positionals: { usage: "[TASK]", help: "the task whose help is shown", most: 1 },
  options: { version: { help: "print the version of this program" } },
  run: ({ options, positionals }, terminal) => showHelp(positionals[0], options, terminal),
});

if (import.meta.main) await main(task);
