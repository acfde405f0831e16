/**
 * Overview: shows the receipt of a run (its verdicts and the hash of every file), or signs it.
 * Arguments: [RUN], --sign KEY, --experiment NAME, --runs DIR.
 * Example: deno task receipt --sign ~/.ssh/id_ed25519
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { sweepAt } from "./lib/record/sweep_at.ts";
import { RECEIPT_OPTIONS, receiptTask } from "./lib/report/receipt_task.ts";

export const task = defineTask({
  name: "receipt",
  description: "Show the receipt of a run, or sign it with your SSH key",
  permissions: ["run"],
  summary:
    "Shows what a run's receipt states: its verdicts, and the hashes of its evidence, inputs and outputs. " +
    "A signature lets others see that it was you; deno task verify checks both.",
  examples: [
    ["deno task receipt", "the receipt of the newest reproduction"],
    [
      "deno task receipt --sign ~/.ssh/id_ed25519",
      "sign it with your SSH key; ssh-keygen asks for its passphrase",
    ],
    [
      "deno task receipt runs/my-paper/latest --sign id.pub",
      "sign it with a key that your SSH agent holds",
    ],
  ],
  positionals: {
    usage: "[RUN]",
    help: "path of a run folder or of a sweep's, or the beginning of a run's id; the newest without it",
    most: 1,
  },
  options: RECEIPT_OPTIONS,
  async run(args, terminal) {
    const sweep = await sweepAt(args.positionals[0]);
    if (sweep === undefined) return await receiptTask(args, terminal);
    const { receiptOfSweep } = await import("./lib/sweep/read_sweep.ts");
    return await receiptOfSweep(sweep, args.options, terminal);
  },
});

if (import.meta.main) await main(task);
