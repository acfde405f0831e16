/**
 * Overview: makes the image of an experiment that others start with one line, and the words for the paper.
 * Arguments: [EXPERIMENT], --tag, --push, --archive, --force, --cpu, --base, --wheelhouse, --limit, --plan.
 * Example: deno task publish --tag user/name:1.0 --push
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { EXPERIMENT } from "./lib/experiment/argument.ts";
import { publishTask } from "./lib/publish/publish.ts";

export const task = defineTask({
  name: "publish",
  description: "Make the image that others reproduce with, and the words for the paper",
  permissions: ["run"],
  summary:
    "Makes the containerized experiment: an image with the committed code, its environment and the tracked data. " +
    "Started with nothing it is JupyterLab with the work in place, started with `reproduce` it says whether the " +
    "claims hold. Prints the line for the paper and an Open Science statement.",
  examples: [
    ["deno task publish --tag user/name:1.0 --push", "to Docker Hub, or to REGISTRY/user/name:1.0"],
    ["deno task publish --tag user/name:1.0 --archive name-1.0.tar.gz", "a file for Zenodo"],
    ["deno task publish --tag user/name:1.0", "only here, to try it first"],
  ],
  positionals: EXPERIMENT,
  options: {
    tag: { value: "NAME", help: "name and version to publish under, e.g. user/name:1.0" },
    push: { help: "push the image to its registry, and name it by the digest from there" },
    archive: { value: "FILE", help: "write the image to FILE (.tar, .tar.gz or .tgz), for docker load" },
    force: { help: "with --archive: replace FILE if it is there" },
    cpu: { help: "publish the CPU image, not the one on GPU-Jupyter" },
    base: { value: "IMAGE", help: "build on this image" },
    wheelhouse: { value: "DIR", help: "install the wheels in DIR, as deno task build does" },
    limit: { value: "SIZE", help: "most that the project's own files may take, e.g. 4g; 1g without it" },
    plan: { help: "show the commands and the words, and do nothing" },
  },
  run: ({ options, positionals }, terminal) => publishTask(options, positionals[0], terminal),
});

if (import.meta.main) await main(task);
