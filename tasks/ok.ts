/**
 * Overview: the gate for a commit: format, lint, types and tests of TypeScript and Python.
 * Arguments: --fix, --static, --fast.
 * Example: deno task ok
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { runChecks } from "./lib/maintenance/gate.ts";
import { onlyInOwnRepository } from "./lib/maintenance/own_repository.ts";

export const task = defineTask({
  name: "ok",
  description: "Format, lint, type check and test everything: the gate for a commit",
  permissions: ["run"],
  maintainers: true,
  summary: "Checks format, lint and types, then runs all tests, of TypeScript and Python. " +
    "Everything is checked even if something fails; the exit code is 0 only if nothing does.",
  examples: [["deno task ok", "check everything"], [
    "deno task ok --fix",
    "format first, and fix what lint can fix",
  ]],
  options: {
    fix: { help: "format the files and fix what can be fixed, then check" },
    static: { help: "leave the tests out" },
    fast: { help: "only the tests of what a commit touches, as many as fit into a minute" },
  },
  async run({ options }, terminal) {
    await onlyInOwnRepository("ok");
    return await runChecks(options, terminal);
  },
});

if (import.meta.main) await main(task);
