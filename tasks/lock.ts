/**
 * Overview: makes the lock files of the requirements that an experiment names; needs uv and a package index.
 * Arguments: [EXPERIMENT], --upgrade.
 * Example: deno task lock
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { EXPERIMENT } from "./lib/experiment/argument.ts";
import { lockExperiment } from "./lib/maintenance/lock_experiment.ts";

export const task = defineTask({
  name: "lock",
  description: "Make the lock files of an experiment's requirements",
  permissions: ["run"],
  summary:
    "Pins every package of the requirements that an experiment names, with hashes, in a file beside them: " +
    "requirements.lock, or requirements-cpu.lock and requirements-cuda.lock where packages have builds for both. " +
    "Versions stay as they are unless the requirements change.",
  examples: [
    ["deno task lock", "after a change of requirements.txt"],
    ["deno task lock ablation", "what experiments/ablation/experiment.yaml names"],
    ["deno task lock --upgrade", "newest versions of what the requirements do not pin"],
  ],
  options: { upgrade: { help: "get newer versions of everything that is not pinned" } },
  positionals: EXPERIMENT,
  run: async ({ options, positionals }, terminal) => {
    const locks = await lockExperiment(positionals[0], {
      upgrade: options.upgrade,
      announce: (line) => terminal.line(line),
    });
    return { exitCode: 0, result: { locks } };
  },
});

if (import.meta.main) await main(task);
