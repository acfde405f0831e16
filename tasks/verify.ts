/**
 * Overview: holds a finished run against the claims again, and its files against their recorded hashes.
 * Arguments: [RUN], --allowed-signers FILE, --experiment NAME, --current, --runs DIR.
 * Example: deno task verify
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { sweepAt } from "./lib/record/sweep_at.ts";
import { VERIFY_OPTIONS, verifyTask } from "./lib/report/verify_task.ts";

export const task = defineTask({
  name: "verify",
  description: "Judge a finished run again, and check that its files are what was recorded",
  permissions: ["inspect"],
  summary:
    "Judges a run again from its folder: whether its files are what was recorded, and whether the claims hold. " +
    "The exit code is 0 only if both are so.",
  examples: [
    ["deno task verify", "the newest reproduction"],
    ["deno task verify runs/my-paper/latest", "a run folder, also one copied from another machine"],
    ["deno task verify RUN --allowed-signers FILE", "whether one of these people signed its receipt, too"],
    ["deno task verify runs/my-paper/sweeps/20261123T160512Z-3f9a", "a sweep, with all its members"],
    ["deno task verify --current", "by the claims that experiment.yaml makes now"],
  ],
  positionals: {
    usage: "[RUN]",
    help: "path of a run folder or of a sweep's, or the beginning of a run's id; the newest without it",
    most: 1,
  },
  options: VERIFY_OPTIONS,
  async run(args, terminal) {
    const sweep = await sweepAt(args.positionals[0]);
    if (sweep === undefined) return await verifyTask(args, terminal);
    const { verifySweep } = await import("./lib/sweep/read_sweep.ts");
    return await verifySweep(sweep, args.options, terminal);
  },
});

if (import.meta.main) await main(task);
