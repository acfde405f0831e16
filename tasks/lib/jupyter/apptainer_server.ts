/** JupyterLab in apptainer: a process of this machine, in the file system of a SIF file. */

import { inApptainer, type Sandbox } from "../engine/apptainer.ts";
import { readableMounts } from "../engine/container.ts";
import { processServer } from "./host_server.ts";
import type { ServerPlan } from "./plan.ts";

export const APPTAINER_SERVER = processServer({
  place: (plan, { argv, env, cwd }) => ({ argv: inApptainer(sandbox(plan, env), argv), cwd }),
  shellCommand: (plan, command) => ({
    argv: inApptainer(sandbox(plan), command.length > 0 ? command : ["bash"]),
    cwd: plan.root,
  }),
  prepare: async ({ process }) => await Deno.mkdir(process!.sif!.scratch, { recursive: true, mode: 0o700 }),
});

function sandbox({ root, tokenFile, data, process }: ServerPlan, more: Record<string, string> = {}): Sandbox {
  const { image: { file }, unset, scratch, gpus, limits } = process!.sif!;
  return {
    ...{ file: file!, unset, scratch, gpus, limits, cwd: root, home: "/tmp" },
    env: { ...process!.env, ...more },
    mounts: [
      { source: root, target: root },
      { source: tokenFile, target: tokenFile, readOnly: true },
      ...readableMounts(data),
    ],
  };
}
