/**
 * Overview: prepares a Debian machine for the tests with real parts: container engines, a registry, a browser.
 * Arguments: none.
 * Example: deno task machine
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { onlyInOwnRepository } from "./lib/maintenance/own_repository.ts";

export const task = defineTask({
  name: "machine",
  description: "Install on a Debian what the tests with real engines and a browser need",
  permissions: ["run"],
  maintainers: true,
  summary:
    "Installs Docker Engine, Podman, Apptainer, a registry and Chromium on a Debian machine, as root, and makes the " +
    "images' base where a Docker Engine answers. Does nothing twice. What can't be had is named; its tests are ignored.",
  examples: [["deno task machine", "before deno task test, on a machine that may be changed"]],
  options: {},
  async run(_, terminal) {
    await onlyInOwnRepository("machine");
    const { prepareMachine } = await import("./lib/maintenance/machine/machine.ts");
    return { exitCode: 0, result: await prepareMachine(terminal) };
  },
});

if (import.meta.main) await main(task);
