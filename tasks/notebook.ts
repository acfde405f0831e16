/**
 * Overview: executes notebooks without a browser: the experiment's own, or any that are named.
 * Arguments: [EXPERIMENT] or NOTEBOOK..., -p NAME=VALUE, -f FILE, time limits, and the options of every run.
 * Example: deno task notebook notebooks/train.ipynb -p epochs=3
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { NOTEBOOK_OPTIONS, notebookOptions, splitPositionals } from "./lib/plan/notebook_options.ts";
import { RUN_OPTIONS, runTask } from "./lib/run/run_task.ts";

export const task = defineTask({
  name: "notebook",
  description: "Execute notebooks without a browser",
  permissions: ["run"],
  summary:
    "Executes notebooks from top to bottom without a browser and saves executed copies in the run folder; " +
    "the notebooks themselves are never changed. The exit code is 1 if a cell fails.",
  examples: [
    ["deno task notebook", 'the step "notebook" of experiment.yaml'],
    ["deno task notebook notebooks/train.ipynb -p epochs=3", "one notebook, with a parameter"],
    ["deno task notebook notebooks/train.ipynb --list-parameters", "what can be set there"],
    ["deno task notebook 'notebooks/*.ipynb' --jobs 2 --html", "several, two at a time, with pages to read"],
  ],
  positionals: {
    usage: "[EXPERIMENT | NOTEBOOK ...]",
    help:
      "an experiment, or paths and patterns of notebooks, which run in the environment of experiment.yaml",
    most: Infinity,
  },
  parameters: true,
  options: { ...NOTEBOOK_OPTIONS, ...RUN_OPTIONS },
  async run(args, terminal) {
    const { experiment, notebooks } = await splitPositionals(args.positionals);
    if (args.options["list-parameters"]) {
      const { listParameters } = await import("./lib/run/list_parameters.ts");
      return { exitCode: 0, result: await listParameters(experiment, notebooks, terminal) };
    }
    const notebook = await notebookOptions(args.options, notebooks);
    return runTask({ task: "notebook", experiment, steps: ["notebook"], notebook }, args, terminal);
  },
});

if (import.meta.main) await main(task);
