/**
 * Overview: runs all tests, TypeScript's and Python's, in environments that it makes itself.
 * Arguments: [FILE ...] to run only those files, or all that are in those folders.
 * Example: deno task test test/plan
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { runTests } from "./lib/maintenance/gate.ts";
import { onlyInOwnRepository } from "./lib/maintenance/own_repository.ts";

export const task = defineTask({
  name: "test",
  description: "Run all tests, TypeScript's and Python's",
  permissions: ["run"],
  maintainers: true,
  summary: "Runs all tests, TypeScript's and Python's, and ends with a line that counts them. " +
    "Files run side by side. What Python's need is installed first, into .venv and .venv-test.",
  examples: [
    ["deno task test", "everything"],
    ["deno task test test/verdict", "the tests of a room, in both languages"],
    ["deno task test test/plan test/src", "some folders and files"],
  ],
  positionals: {
    usage: "[FILE ...]",
    help: "files such as test/plan/plan_test.ts, or folders of them; all without any",
    most: Infinity,
  },
  options: {},
  async run(args, terminal) {
    await onlyInOwnRepository("test");
    return await runTests(args.positionals, terminal);
  },
});

if (import.meta.main) await main(task);
