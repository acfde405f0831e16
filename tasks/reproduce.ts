/**
 * Overview: runs every step of an experiment and holds what came out against what was published.
 * Arguments: [EXPERIMENT] or IDENTIFIER [EXPERIMENT], the experiment's parameters, and the options of every run (--help lists them).
 * Example: deno task reproduce
 */

import { Failure } from "./lib/cli/failure.ts";
import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { EXPERIMENT_OR_IDENTIFIER, isIdentifier } from "./lib/experiment/argument.ts";
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
    [
      "deno task reproduce https://github.com/OWNER/NAME@COMMIT",
      "an experiment of others, or doi:10.5281/zenodo.NUMBER: fetched, checked, shown, asked for, run",
    ],
    ["deno task reproduce ablation", "the experiment in experiments/ablation"],
  ],
  positionals: EXPERIMENT_OR_IDENTIFIER,
  parameters: true,
  options: {
    ...REPRODUCE_OPTIONS,
    into: {
      value: "FOLDER",
      help: "with an identifier: the new folder; it follows from the identifier without this",
    },
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
    const [which, second] = args.positionals;
    const reproduce = async (experiment: string | undefined) => {
      const outcome = await run({ task: "reproduce", experiment }, args, terminal);
      if (plan || run !== runTask) return outcome;
      const { sweepAfter } = await import("./lib/sweep/after_run.ts");
      return await sweepAfter(outcome, sweep, args, terminal);
    };
    if (isIdentifier(which)) {
      const { reproduceIdentified } = await import("./lib/run/identified.ts");
      return await reproduceIdentified(which, second, args, reproduce, terminal);
    }
    const wrong = second !== undefined
      ? `takes one EXPERIMENT, current value is "${which} ${second}"`
      : undefined;
    if (wrong !== undefined || args.options.into !== undefined) {
      throw new Failure(2, `"deno task reproduce" ${wrong ?? "takes --into with an identifier only"}`);
    }
    try {
      return await reproduce(which);
    } catch (error) {
      if (!(error instanceof NoExperiment)) throw error;
      const { offerExperiment } = await import("./lib/adopt/offer_experiment.ts");
      await offerExperiment(error, terminal);
      return await reproduce(which);
    }
  },
});

if (import.meta.main) await main(task);
