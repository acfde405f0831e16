/**
 * Overview: runs every step of an experiment and holds what came out against what was published.
 * Arguments: [EXPERIMENT], the experiment's parameters, and the options of every run (--help lists them).
 * Example: deno task reproduce
 */

import { Failure } from "./lib/cli/failure.ts";
import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { EXPERIMENT } from "./lib/experiment/argument.ts";
import { NoExperiment } from "./lib/experiment/no_experiment.ts";
import { runTask } from "./lib/run/run_task.ts";
import { REPRODUCE_OPTIONS, runTwice } from "./lib/run/run_twice.ts";

export const task = defineTask({
  name: "reproduce",
  description: "Run the whole experiment and check it against the published numbers",
  permissions: ["run"],
  summary:
    "Runs every step of an experiment in the best environment this machine has, then says claim by claim " +
    "whether the published numbers hold. The exit code is 0 only if every claim does. This runs the experiment's " +
    "code: reproduce what you would also run by hand.",
  examples: [
    ["deno task reproduce", "the experiment in experiment.yaml"],
    ["deno task reproduce --reuse", "without running again what is unchanged"],
    ["deno task reproduce --resume", "go on where the last run was interrupted"],
    ["deno task reproduce --twice", "whether the experiment repeats itself to the bit on this machine"],
    ["deno task reproduce --sweep", "with what is claimed over seeds"],
    ["deno task reproduce --from-scratch", "where nothing lies that was computed before"],
    ["deno task reproduce ablation", "the experiment in experiments/ablation"],
  ],
  positionals: EXPERIMENT,
  parameters: true,
  options: {
    ...REPRODUCE_OPTIONS,
    sweep: { help: "then make the sweep, too, which judges what is claimed over seeds" },
  },
  run: async (args, terminal) => {
    const { twice, "from-scratch": fromScratch, sweep, plan } = args.options;
    if (sweep && (twice || fromScratch)) {
      throw new Failure(2, `--sweep can't be given with ${twice ? "--twice" : "--from-scratch"}`);
    }
    const run = fromScratch
      ? (await import("./lib/run/from_scratch.ts")).runFromScratch
      : twice
      ? runTwice
      : runTask;
    const reproduce = async () => {
      const outcome = await run({ task: "reproduce", experiment: args.positionals[0] }, args, terminal);
      if (plan || run !== runTask) return outcome;
      const { sweepAfter } = await import("./lib/sweep/after_run.ts");
      return await sweepAfter(outcome, sweep, args, terminal);
    };
    try {
      return await reproduce();
    } catch (error) {
      if (!(error instanceof NoExperiment)) throw error;
      const { offerExperiment } = await import("./lib/adopt/offer_experiment.ts");
      await offerExperiment(error, terminal);
      return await reproduce();
    }
  },
});

if (import.meta.main) await main(task);
