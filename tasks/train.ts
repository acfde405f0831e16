/**
 * Overview: trains the model, i.e. runs the experiment's step "train".
 * Arguments: [EXPERIMENT], the experiment's parameters, and the options of every run (--help lists them).
 * Example: deno task train --epochs 3
 */

import { main } from "./lib/cli/main.ts";
import { stepTask } from "./lib/run/step_task.ts";

await main(
  stepTask("train", "Trains the model.", ["deno task train --epochs 3", "with another parameter value"]),
);
