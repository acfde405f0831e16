/**
 * Overview: runs an experiment over seeds and parameter values, and judges what is claimed over seeds.
 * Arguments: [EXPERIMENT], --seeds, --set, --jobs, --per-gpu, --resume, --retry, --add-seeds, --show, and the options of
 * every run (--help lists them).
 * Example: deno task sweep --seeds 10
 */

import { main } from "./lib/cli/main.ts";
import { defineTask, SMALL_MEMORY } from "./lib/cli/options.ts";
import { EXPERIMENT } from "./lib/experiment/argument.ts";
import { SWEEP_OPTIONS } from "./lib/sweep/sweep_options.ts";
import { sweepTask } from "./lib/sweep/sweep_task.ts";

export const task = defineTask({
  name: "sweep",
  description: "Run an experiment over seeds and parameters, and judge what is claimed over seeds",
  permissions: ["run", SMALL_MEMORY],
  summary:
    "Runs the same experiment once for each seed and each combination of values. Every member is a run with its own " +
    "evidence, verdict and receipt; the sweep's record ties them together. Then it says whether what is claimed over " +
    "seeds is consistent or equivalent, different, or inconclusive, and what so many seeds can show.",
  examples: [
    ["deno task sweep --seeds 10", "the experiment with the seeds 1 to 10"],
    ["deno task sweep --seeds 10 --jobs 2", "two members at a time"],
    ["deno task sweep --set epochs=5,10 --seeds 3", "all combinations of values, with three seeds each"],
    ["deno task sweep --resume", "go on where the newest sweep was interrupted"],
    ["deno task sweep --retry failed", "run those again that failed"],
    ["deno task sweep --add-seeds 10", "ten seeds more"],
  ],
  positionals: EXPERIMENT,
  parameters: true,
  rest: "passed on to the command of each member's step, unchanged",
  options: SWEEP_OPTIONS,
  run: sweepTask,
});

if (import.meta.main) await main(task);
