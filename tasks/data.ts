/**
 * Overview: fetches the data that an experiment declares; the only task that opens connections to other machines.
 * Arguments: [fetch|verify|list] [EXPERIMENT] or get IDENTIFIER, --only, --offline, --from, --plan, --yes, --into.
 * Example: deno task data ablation
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { DATA_OPTIONS, dataTask } from "./lib/data/data_task.ts";

export const task = defineTask({
  name: "data",
  description: "Fetch the data that an experiment declares, verify or list them",
  permissions: ["fetch"],
  summary:
    "Fetches the data sets and weights that an experiment declares, checks them by hash, unpacks archives and " +
    "links them into the project. They are kept once for all your projects in XDG_CACHE_HOME or ~/.cache, in " +
    "experiment-data. Steps that need data fetch them by this task. verify hashes all that is there.",
  examples: [
    ["deno task data", "fetch what experiment.yaml declares"],
    [
      "deno task data list ablation",
      "what the experiment in experiments/ablation declares, and what is here",
    ],
    ["deno task data verify", "hash everything; 1 if something is not as it was fetched"],
    [
      "deno task data get doi:10.5281/zenodo.7711810",
      "an experiment of others, in a new folder; nothing is run",
    ],
    ["deno task data --from /media/stick", "take the files from there, on a machine without a network"],
  ],
  positionals: {
    usage: "[fetch|verify|list|get] [EXPERIMENT]",
    help:
      "what to do (fetch), and an experiment's name in experiments/, or its path; with get, an identifier",
    most: 2,
  },
  options: DATA_OPTIONS,
  run: (args, terminal) => dataTask(args, terminal),
});

if (import.meta.main) await main(task);
