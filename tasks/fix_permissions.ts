/**
 * Overview: gives back to the user what containers and other programs left in the project under another owner.
 * Arguments: --plan, --to-container, --group, --all, --engine, --image, --undo.
 * Example: deno task fix-permissions
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { ENGINE_NAMES } from "./lib/experiment/engine_name.ts";
import { fixPermissions } from "./lib/permissions/fix_permissions.ts";

export const task = defineTask({
  name: "fix-permissions",
  description: "Give back what containers left in the project under another owner",
  permissions: ["run"],
  summary:
    "Gives you what is in the project and belongs to somebody else, such as files that a container wrote as root. " +
    "Root's rights come from a container, so no sudo is needed. Links are not followed, other file systems are left " +
    "alone, and what is right already is not touched.",
  examples: [
    ["deno task fix-permissions", "repair what does not belong to you"],
    ["deno task fix-permissions --plan", "what that is, its size, and how it would be repaired"],
    ["deno task fix-permissions --to-container", "give all to jovyan, the user of GPU-Jupyter containers"],
  ],
  options: {
    plan: { help: "show what would be repaired and how, and change nothing" },
    "to-container": { help: "give everything to the containers' user instead: jovyan:users, 1000:100" },
    group: { help: "let the group read and write the files, and enter the folders, too" },
    all: { help: "repair also where nearly everything belongs to somebody else" },
    engine: {
      value: "NAME",
      choices: ENGINE_NAMES,
      help: "container engine that makes you root; the first that has an image with Python without it",
    },
    image: {
      value: "NAME",
      help: "image of the container; one that has Python 3.8 or newer is looked for without it",
    },
    undo: { value: "LIST", help: "give back what a repair changed, from the list that it wrote" },
  },
  run: ({ options }, terminal) => fixPermissions(options, terminal),
});

if (import.meta.main) await main(task);
