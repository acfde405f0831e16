/**
 * Overview: trains the model, i.e. runs the experiment's step "train".
 * Arguments: [EXPERIMENT], the experiment's parameters, and the options of every run (--help lists them).
 * Example: deno task train --epochs 3
 */

import { main } from "./lib/cli/main.ts";
import { stepTask } from "./lib/run/step_task.ts";

export const task = stepTask("train", 'Train the model (the step "train")', "Trains the model.", [
  "deno task train --epochs 3",
  "with another parameter value",
]);

if (import.meta.main) await main(task);
