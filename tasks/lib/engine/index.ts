/** Engines turn a planned step into the command line that runs it. A new engine is a file here and a line in `ENGINES`. */

import type { EngineName } from "../experiment/engine_name.ts";
import type { Plan, PlannedStep } from "../plan/plan.ts";
import { apptainerCommand } from "./apptainer.ts";
import { containerEngine } from "./container.ts";
import { hostCommand } from "./host.ts";

export type Engine = (plan: Plan, step: PlannedStep, resuming: boolean) => string[];

const ENGINES: Record<EngineName, Engine> = {
  host: hostCommand,
  docker: containerEngine("docker"),
  podman: containerEngine("podman"),
  nerdctl: containerEngine("nerdctl"),
  apptainer: apptainerCommand,
};

/** Values of `--engine`. */
export const ENGINE_CHOICES = ["auto", ...Object.keys(ENGINES)];

export function engineCommand(plan: Plan, step: PlannedStep, resuming = false): string[] {
  return ENGINES[plan.engine.name](plan, step, resuming);
}
