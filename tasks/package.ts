/**
 * Overview: makes the two packages of these tasks, for npm and PyPI, in dist/.
 * Arguments: --to DIR.
 * Example: deno task package
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { onlyInOwnRepository } from "./lib/maintenance/own_repository.ts";

export const task = defineTask({
  name: "package",
  description: "Make the packages of the tasks for npm and PyPI",
  permissions: ["run"],
  maintainers: true,
  summary:
    "Makes gpu-jupyter-tasks as an npm package and as a wheel: the same tasks in both, around which a launcher starts " +
    "each with its own permissions. Needs npm, and the wheel's builder from PyPI. Nothing is uploaded.",
  examples: [
    ["deno task package", "both, in dist/"],
    ["deno task package --to /tmp/packages", "both, in another folder"],
  ],
  options: { to: { value: "DIR", help: "where to put them; dist/ of this repository without it" } },
  run: async ({ options }, terminal) => {
    await onlyInOwnRepository("package");
    const { makePackages } = await import("./lib/maintenance/packages.ts");
    return await makePackages(options.to, terminal);
  },
});

if (import.meta.main) await main(task);
