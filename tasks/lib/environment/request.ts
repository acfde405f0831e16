/** What an experiment wants of a Python environment on this machine. */

import type { Experiment } from "../experiment/experiment.ts";
import type { Host } from "../system/host.ts";

/** What the experiment wants of a Python environment on this host. */
export function environmentRequest({ root, environment: { requirements, gpus } }: Experiment, host: Host) {
  return { root, requirements, gpu: gpus !== "none" && host.gpus.length > 0 };
}
