/** The Python that JupyterLab runs in on the host: the experiment's own, with JupyterLab beside it. */

import { join } from "node:path";
import type { Terminal } from "../cli/terminal.ts";
import {
  ensureAddedPackages,
  ensureEnvironment,
  environmentRequest,
  expectedPython,
} from "../environment/environment.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { normalize } from "../environment/lock_file.ts";
import { run } from "../system/command.ts";
import type { Host } from "../system/host.ts";
import { IMAGE } from "../system/product.ts";

/** What the images hold beside the experiment's packages, too. */
const REQUIREMENTS = join(IMAGE, "requirements.txt");

const DIRECTORY = ".venv-jupyter";

/**
 * Finds or makes the environments; in an image of ours, the image is both.
 *
 * @param options `plan`: make nothing, and say what it will most likely be; `yes`: download more than 1 GB unasked
 * @throws Failure as `ensureEnvironment`
 */
export async function serverPython(
  experiment: Experiment,
  host: Host,
  { plan, yes }: { plan: boolean; yes: boolean },
  terminal: Terminal,
): Promise<{ python: string; env: Record<string, string> }> {
  if (host.image !== undefined) return { python: host.image.python, env: {} };
  const { root } = experiment;
  const request = environmentRequest(experiment, host);
  if (plan) return { python: await expectedPython(request), env: besides(join(root, DIRECTORY)) };
  const messages = {
    announce: (line: string) => terminal.line(line),
    progress: (line: string) => terminal.progress(line),
  };
  const main = await ensureEnvironment({ ...request, ...messages, yes });
  const added = await ensureAddedPackages({
    ...{
      root,
      main,
      requirements: REQUIREMENTS,
      directory: DIRECTORY,
      without: await packagesOf(main.python),
    },
    ...messages,
  });
  return { python: main.python, env: { PYTHONPATH: added.pythonPath, ...besides(added.directory) } };
}

const LIST =
  "import importlib.metadata as m; print(*sorted({d.metadata['Name'] for d in m.distributions() if d.metadata['Name']}))";

/** Normalized names of what a Python has: a second one of the same would hide the experiment's. */
async function packagesOf(python: string): Promise<string[]> {
  const { code, stdout } = await run([python, "-E", "-c", LIST]);
  return code === 0 ? [...new Set(stdout.trim().split(/\s+/).map(normalize))].sort() : [];
}

/** Jupyter looks for its extensions and pages beside the interpreter, and here they are not. */
function besides(directory: string): Record<string, string> {
  const share = join(directory, "share/jupyter");
  return {
    JUPYTER_PATH: share,
    JUPYTER_CONFIG_PATH: join(directory, "etc/jupyter"),
    JUPYTERLAB_DIR: join(share, "lab"),
  };
}
