/**
 * Overview: looks at this machine and says what the experiment can run in, what is amiss, and what to do about it.
 * Arguments: [EXPERIMENT], --json.
 * Example: deno task doctor
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { doctor } from "./lib/doctor/doctor_task.ts";
import { EXPERIMENT } from "./lib/experiment/argument.ts";

export const task = defineTask({
  name: "doctor",
  description: "Look at this machine: engines, GPU, driver, disks; what is amiss, and what to do",
  permissions: ["inspect", "--allow-net=127.0.0.1:8888"],
  summary:
    "Looks at this machine: engines, GPU, driver and image, memory, disks, programs. Changes nothing. The exit code is " +
    "3 if the experiment can't run here.",
  examples: [
    ["deno task doctor", "for the experiment of the project you stand in, or for any"],
    ["deno task doctor --json", "the findings as one JSON object"],
  ],
  positionals: EXPERIMENT,
  options: {},
  run: ({ positionals }, terminal) => doctor(positionals, terminal),
});

if (import.meta.main) await main(task);
