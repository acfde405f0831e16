/**
 * Overview: looks for what will keep a result from being reproduced: seeds, versions, paths, downloads, notebooks.
 * Arguments: [FOLDER], --fix-plan, --json.
 * Example: deno task audit
 */

import { auditTask } from "./lib/audit/audit_task.ts";
import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";

export const task = defineTask({
  name: "audit",
  description: "Look for what will keep a result from being reproduced",
  permissions: ["inspect"],
  summary:
    "Reads a repository's Python, notebooks, requirements and images, and says what will keep its results from " +
    "being reproduced: where, why, and what to do. Runs nothing of it, fetches nothing, changes nothing. A comment " +
    '"# audit: ignore R303 and the reason" silences a line. The exit code is 1 if there are errors or warnings.',
  examples: [
    ["deno task audit", "the project you stand in"],
    ["deno task audit ../their-paper --fix-plan", "another folder: what to change, in which order"],
    ["deno task audit --json", "the findings as one JSON object"],
  ],
  positionals: { usage: "[FOLDER]", help: "a folder; the project you stand in without it", most: 1 },
  options: { "fix-plan": { help: "a list of what to change, what matters most first" } },
  run: ({ positionals, options }, terminal) => auditTask(positionals, options, terminal),
});

if (import.meta.main) await main(task);
