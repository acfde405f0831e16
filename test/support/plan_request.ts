/** A machine and a request for plans, for tests that change what they are about. */

import type { PlanRequest } from "../../tasks/lib/plan/make_plan.ts";
import type { Host } from "../../tasks/lib/system/host.ts";

export const HOST: Host = {
  name: "host",
  os: "linux",
  kernel: "6",
  architecture: "x64",
  cpu: "CPU",
  cores: 2,
  memory: 1e9,
  gpus: [],
  deno: "2",
};

/** Everything at once on the host, with an experiment's text. */
export function planRequest(experimentText: string): PlanRequest {
  return {
    task: "reproduce",
    run: "R",
    directory: "/project/runs/test/R",
    steps: ["train", "infer", "notebook"],
    overrides: {},
    rest: [],
    experimentText,
    engine: { name: "host", because: "asked for" },
    python: "/venv/bin/python",
    findStep: () => Promise.resolve(undefined),
  };
}
