/**
 * Overview: runs any one step of an experiment by its name.
 * Arguments: NAME [EXPERIMENT], the experiment's parameters, and the options of every run (--help lists them).
 * Example: deno task step train --seed 7
 */

import { Failure } from "./lib/cli/failure.ts";
import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { RUN_OPTIONS, runTask } from "./lib/run/run_task.ts";

export const task = defineTask({
  name: "step",
  description: "Run any one step by its name",
  permissions: ["run"],
  summary:
    "Runs one step of an experiment and records what went in and came out. What the step needs is taken from " +
    "the newest run that has it with the same parameters.",
  examples: [
    ["deno task step train --seed 7", "one step, with another parameter value"],
    ["deno task step infer ablation", "a step of the experiment in experiments/ablation"],
  ],
  positionals: {
    usage: "NAME [EXPERIMENT]",
    help: "the step, then the experiment: a name in experiments/, or a path",
    most: 2,
  },
  parameters: true,
  rest: "passed on to the step's own command, unchanged",
  options: RUN_OPTIONS,
  run(args, terminal) {
    const [step, experiment] = args.positionals;
    if (step === undefined) {
      throw new Failure(2, `"deno task step" needs the step's name: deno task step train`);
    }
    return runTask({ task: "step", experiment, steps: [step] }, args, terminal);
  },
});

if (import.meta.main) await main(task);
