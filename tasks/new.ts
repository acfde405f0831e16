/**
 * Overview: makes a project of an empty folder, or proposes an experiment.yaml for a repository that is there.
 * Arguments: [DIR], --plan, --yes, --from FILE, --ci, --record -- COMMAND, --undo.
 * Example: deno task new ../my-paper
 */

import { NEW_OPTIONS, newTask } from "./lib/adopt/new_task.ts";
import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";

export const task = defineTask({
  name: "new",
  description: "Start a project, or make an existing repository reproducible",
  permissions: ["run"],
  summary:
    "Looks at a repository and proposes an experiment.yaml for it, with the place where each value was found; in an " +
    "empty folder it makes a minimal project that reproduces. Nothing of the repository is run, unless --record asks for " +
    "it, and nothing is fetched. " +
    "What would be written is shown first; it is written whole or not at all, and --undo takes it back.",
  examples: [
    ["deno task new ../my-paper", "look, show, ask, write"],
    ["deno task new --plan", "only look at this folder"],
    ["deno task new --from analysis.ipynb", "take the steps from this file"],
    ["deno task new --record -- python train.py", "run this once, and make a step of what was seen"],
    ["deno task new --undo", "remove what was added and not edited since"],
  ],
  positionals: { usage: "[DIR]", help: "folder of the repository; this one without it", most: 1 },
  rest: "the command that --record runs",
  options: NEW_OPTIONS,
  run: newTask,
});

if (import.meta.main) await main(task);
