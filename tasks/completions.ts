/**
 * Overview: prints what lets a shell complete this program's tasks and options.
 * Arguments: bash|zsh|fish.
 * Example: deno task completions bash
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { printCompletions } from "./lib/program/print_completions.ts";

export const task = defineTask({
  name: "completions",
  description: "Print what lets bash, zsh or fish complete tasks and options",
  permissions: ["read"],
  summary:
    "Prints a script by which a shell completes tasks, options, their values and experiments, for the commands " +
    "gpu-jupyter-tasks and gjt. Keep what it prints where the shell looks: for bash in " +
    "~/.local/share/bash-completion/completions/gpu-jupyter-tasks, and gjt beside it as a link to that; for zsh in a file " +
    "_gpu-jupyter-tasks in a folder of $fpath; for fish in ~/.config/fish/conf.d/gpu-jupyter-tasks.fish.",
  examples: [
    ["deno task completions bash", "print the script for bash"],
    ["deno task completions fish", "print the script for fish"],
  ],
  positionals: { usage: "bash|zsh|fish", help: "the shell", most: 1 },
  options: {},
  run: ({ positionals }, terminal) => printCompletions(positionals[0], terminal),
});

if (import.meta.main) await main(task);
