/**
 * Overview: turns a run into the claims of experiment.yaml and the evidence in published/.
 * Arguments: [RUN], --experiment NAME, --add FROM, --name, --of, --unit, --because, --spread RUN, --runs DIR, --yes.
 * Example: deno task claim
 */

import { CLAIM_OPTIONS, claimTask } from "./lib/claim/claim_task.ts";
import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";

export const task = defineTask({
  name: "claim",
  description: "Turn a run into claims and published evidence",
  permissions: ["write"],
  summary:
    "Makes a run the one that is claimed: its values go into the claims of experiment.yaml, with their printed digits, " +
    "and its records and small results into published/. Other runs with the same parameters suggest tolerances. " +
    "Nothing is written before you have seen and confirmed the difference.",
  examples: [
    ["deno task claim", "the newest reproduction"],
    ['deno task claim --because "spread over 3 runs on one machine"', "with tolerances from the other runs"],
    [
      "deno task claim --add train/metrics.json#/accuracy/-1 --of 360 --unit %",
      "with a claim that is not there yet",
    ],
  ],
  positionals: {
    usage: "[RUN]",
    help: "path of a run folder, or the beginning of a run's id; the newest without it",
    most: 1,
  },
  options: CLAIM_OPTIONS,
  run: claimTask,
});

if (import.meta.main) await main(task);
