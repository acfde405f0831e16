/**
 * Overview: builds the image that an experiment runs in, or downloads the wheels for building it without a network.
 * Arguments: [EXPERIMENT], --cpu, --base, --variant, --tag, --wheelhouse, --download-wheels, --update, --engine, --plan.
 * Example: deno task build --cpu
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { EXPERIMENT } from "./lib/experiment/argument.ts";
import { BUILDERS, VARIANTS } from "./lib/image/build_plan.ts";
import { buildTask } from "./lib/image/build.ts";

export const task = defineTask({
  name: "build",
  description: "Build the image that an experiment runs in, with or without a GPU",
  permissions: ["run"],
  summary:
    "Builds the image that an experiment runs in: on GPU-Jupyter, or with --cpu on a small Debian. It holds the " +
    "packages and the tracked files of the project, nothing that git does not know, and no data that are fetched.",
  examples: [
    ["deno task build", "on the GPU-Jupyter image that experiment.yaml names"],
    ["deno task build --cpu", "a small image for machines without a GPU"],
    ["deno task build --download-wheels", "fill wheelhouse/, where there is a network"],
    ["deno task build --cpu --wheelhouse wheelhouse", "build from it, where there is none"],
  ],
  positionals: EXPERIMENT,
  options: {
    cpu: { help: "build the CPU image" },
    base: { value: "IMAGE", help: "build on this image" },
    variant: { value: "NAME", choices: VARIANTS, help: "take a smaller GPU-Jupyter: python-only or slim" },
    tag: { value: "NAME", help: "name of the image; <experiment>:cpu or <experiment>:gpu without it" },
    wheelhouse: {
      value: "DIR",
      help: "install the wheels in DIR, not from the network; wheelhouse/ if it is there",
    },
    "download-wheels": { help: "only fill the wheelhouse with what the CPU image needs" },
    update: { help: "get the newest base image and write its digest to experiment.lock" },
    engine: {
      value: "NAME",
      choices: BUILDERS,
      help: "program that builds; the first of them that is there and answers without it",
    },
    plan: { help: "show what would be built and the command line, and build nothing" },
  },
  run: ({ options, positionals }, terminal) => buildTask(options, positionals, terminal),
});

if (import.meta.main) await main(task);
