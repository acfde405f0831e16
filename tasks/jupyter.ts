/**
 * Overview: starts JupyterLab in the experiment's image, in another GPU-Jupyter image, or on the host.
 * Arguments: [EXPERIMENT], --detach, --port, --image, --engine, --gpus, --publish, --host, --token-file, --sudo, --root,
 * --restart, --open, --yes, --plan.
 * Example: deno task jupyter --detach
 */

import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import { EXPERIMENT } from "./lib/experiment/argument.ts";
import { ENGINE_CHOICES } from "./lib/experiment/engine_name.ts";
import { startTask } from "./lib/jupyter/start.ts";

export const task = defineTask({
  name: "jupyter",
  alias: "run",
  description: "Start JupyterLab with this project, in a container or on the host",
  permissions: ["serve"],
  summary:
    "Starts JupyterLab with the project mounted, waits until it answers, and prints its address with the token. The " +
    "token is random unless --token-file or JUPYTER_TOKEN gives one. Files that it writes are yours. Only this machine " +
    "can reach it.",
  examples: [
    ["deno task jupyter", "JupyterLab in the foreground, ^C stops it"],
    ["deno task jupyter --detach", "in the background; see also stop, status, logs and shell"],
    [
      "deno task jupyter --image IMAGE",
      "in any GPU-Jupyter image",
    ],
  ],
  positionals: EXPERIMENT,
  options: {
    detach: { help: "go on in the background", short: "d" },
    port: { value: "PORT", help: "port of this machine (default 8888)" },
    engine: {
      value: "ENGINE",
      choices: ENGINE_CHOICES,
      help: `where it runs: ${ENGINE_CHOICES.join(", ")}; auto without it`,
    },
    image: { value: "IMAGE", help: "use this image instead of the experiment's own" },
    gpus: { value: "GPUS", help: "none, optional, all, a count, or device ids such as 0,2" },
    publish: {
      value: "PORT",
      many: true,
      help: "reach this port of the container, too, e.g. 6006 of TensorBoard",
    },
    host: { value: "ADDRESS", help: "let others reach it, at this address of this machine, e.g. 0.0.0.0" },
    "token-file": { value: "FILE", help: "use the token in FILE, which only you may read" },
    sudo: { help: "the user in the container may use sudo" },
    root: { help: "JupyterLab itself runs as root in the container" },
    restart: { help: "the engine starts it again when it ends or the machine restarts; needs --detach" },
    open: { help: "open it in a browser" },
    yes: { help: "build or get a missing image without asking", short: "y" },
    plan: { help: "show the command line, and start nothing" },
  },
  run: ({ options, positionals }, terminal) => startTask(options, positionals, terminal),
});

if (import.meta.main) await main(task);
