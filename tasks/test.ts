/**
 * Overview: runs all tests, TypeScript's and Python's, in environments that it makes itself.
 * Arguments: [FILE ...] to run only those test files.
 * Example: deno task test test/plan
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { runTests } from "./lib/maintenance/gate.ts";

export const task = defineTask({
  name: "test",
  description: "Run all tests, TypeScript's and Python's",
  permissions: ["run"],
  maintainers: true,
  summary: "Runs all tests, TypeScript's and Python's, and ends with a line that counts them. " +
    "What they need is installed first, into .venv and .venv-test.",
  examples: [
    ["deno task test", "everything"],
    ["deno task test test/plan test/src/modelling", "some files"],
  ],
  positionals: {
    usage: "[FILE ...]",
    help: "test files: test/*_test.ts or test/*_test.py; all without them",
    most: Infinity,
  },
  options: {},
  run: (args, terminal) => runTests(args.positionals, terminal),
});

if (import.meta.main) await main(task);
