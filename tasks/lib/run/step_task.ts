/** `train` and `infer`: everyday names for the steps called that. */

import type { Task } from "../cli/options.ts";
import { EXPERIMENT } from "../experiment/argument.ts";
import { RUN_OPTIONS, runTask } from "./run_task.ts";

/** A task that runs the step of its own name. */
export function stepTask(
  name: string,
  description: string,
  summary: string,
  example: [string, string],
): Task<typeof RUN_OPTIONS> {
  return {
    name,
    description,
    permissions: ["run"],
    summary:
      `${summary} It runs the step "${name}" of experiment.yaml and records what went in and came out.`,
    examples: [
      [`deno task ${name}`, "as the experiment declares it"],
      example,
      [`deno task ${name} --plan`, "show the exact command line and run nothing"],
      [`deno task ${name} ablation`, "the experiment in experiments/ablation"],
    ],
    positionals: EXPERIMENT,
    parameters: true,
    rest: "passed on to the step's own command, unchanged",
    options: RUN_OPTIONS,
    run: ({ positionals, ...args }, terminal) =>
      runTask({ task: name, experiment: positionals[0], steps: [name] }, { positionals, ...args }, terminal),
  };
}
