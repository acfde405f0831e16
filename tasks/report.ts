/**
 * Overview: shows a run: its verdict, steps, environment, machine and code.
 * Arguments: [RUN], --experiment NAME, --current, --runs DIR.
 * Example: deno task report
 */

import { main } from "./lib/cli.ts";
import { READ_OPTIONS, readRun } from "./lib/read_task.ts";

await main({
  name: "report",
  summary: "Shows what a run did, on what machine, and whether the claims hold.",
  examples: [
    ["deno task report", "the newest reproduction"],
    ["deno task report 20261123T1605", "a run by the beginning of its id"],
  ],
  positionals: {
    usage: "[RUN]",
    help: "path of a run folder, or the beginning of a run's id; the newest without it",
    most: 1,
  },
  options: READ_OPTIONS,
  run: async (args, terminal) => ({ ...await readRun("report", args, terminal), exitCode: 0 }),
});
