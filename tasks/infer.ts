/**
 * Overview: uses the newest trained model, i.e. runs the experiment's step "infer".
 * Arguments: [EXPERIMENT], the experiment's parameters, and the options of every run (--help lists them).
 * Example: deno task infer -- --top-k 5
 */

import { main } from "./lib/cli/main.ts";
import { stepTask } from "./lib/run/step_task.ts";

export const task = stepTask(
  "infer",
  'Predict with the newest trained model (the step "infer")',
  "Predicts with the newest model that was trained with these parameters.",
  [
    "deno task infer -- --top-k 5",
    "with an argument for the step's own command",
  ],
);

if (import.meta.main) await main(task);
