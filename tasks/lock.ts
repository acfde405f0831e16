/**
 * Overview: makes the lock files from requirements.txt and test/requirements.txt; needs uv and a package index.
 * Arguments: --upgrade.
 * Example: deno task lock
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { lock } from "./lib/maintenance/make_locks.ts";
import { ROOT } from "./lib/system/product.ts";

export const task = defineTask({
  name: "lock",
  description: "Make the lock files from requirements.txt",
  permissions: ["run"],
  maintainers: true,
  summary:
    "Makes requirements-cpu.lock, requirements-cuda.lock and test/requirements.lock from the requirements " +
    "beside them: every package pinned, with hashes. Versions stay as they are unless the requirements change.",
  examples: [
    ["deno task lock", "after a change of requirements.txt"],
    ["deno task lock --upgrade", "newest versions of what the requirements do not pin"],
  ],
  options: { upgrade: { help: "get newer versions of everything that is not pinned" } },
  run: async ({ options }, terminal) => {
    const locks = await lock({
      root: ROOT,
      upgrade: options.upgrade,
      announce: (line) => terminal.line(line),
    });
    return { exitCode: 0, result: { locks } };
  },
});

if (import.meta.main) await main(task);
