/**
 * Overview: removes what the tasks made: environments and caches, and with --runs the run folders too.
 * Arguments: --runs, --shared, --yes, --plan.
 * Example: deno task clean
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { clean } from "./lib/maintenance/clean.ts";

export const task = defineTask({
  name: "clean",
  description: "Remove environments and caches; runs only with --runs",
  permissions: ["write"],
  summary:
    "Removes the environments and caches of the project you stand in, such as what steps keep in .cache; they are " +
    "made again when needed. Runs are results: they go only with --runs, and only after a confirmation. Fetched " +
    "data stay in their own cache, which all your projects share. What is in use stays.",
  examples: [
    ["deno task clean", "environments and caches"],
    ["deno task clean --plan", "what that would remove, with sizes"],
    ["deno task clean --runs", "the run folders too, after asking"],
  ],
  options: {
    plan: { help: "show what would be removed, and remove nothing" },
    runs: { help: "remove the run folders too (those in runs/, or in RUNS_DIR)" },
    shared: { help: "remove also the environments in your cache, which read-only projects share" },
    yes: { help: "do not ask", short: "y" },
  },
  run: ({ options }, terminal) => clean(options, terminal),
});

if (import.meta.main) await main(task);
