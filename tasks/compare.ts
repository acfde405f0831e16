/**
 * Overview: compares two runs: values, files, tensors, and what of the environments may explain a difference.
 * Arguments: A B, --html [FILE], --experiment NAME, --runs DIR.
 * Example: deno task compare published latest
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { COMPARE_OPTIONS, compareTask } from "./lib/compare/compare_task.ts";

export const task = defineTask({
  name: "compare",
  description: "Compare two runs: where they deviate, and what may explain it",
  permissions: ["write"],
  summary:
    "Says where two runs deviate and what may explain it. Like diff, it ends with 0 if the results are the same, 1 if " +
    "they differ, 2 if they can't be compared. Files that differ only in times, in the run's own folder, or in how " +
    "the same values are written are listed and do not count as a difference.",
  examples: [
    ["deno task compare published latest", "the newest reproduction against the authors' own run"],
    [
      "deno task compare published latest --html",
      "the same as a page, compare.html, with curves and pictures",
    ],
    ["deno task compare 20261123T1812 20261124T2351", "two runs by the beginnings of their ids"],
    [
      "deno task compare ../theirs/20261123T181243Z-067d runs/my-paper/latest",
      "a run of another machine",
    ],
  ],
  positionals: {
    usage: "A B",
    help: "two runs: each the path of a run folder, or the beginning of an id",
    most: 2,
  },
  options: COMPARE_OPTIONS,
  run: compareTask,
});

if (import.meta.main) await main(task);
