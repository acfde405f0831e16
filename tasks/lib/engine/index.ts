/** Engines turn a planned step into the command line that runs it. A new engine is a file here and a line in `ENGINES`. */

import type { Host } from "../host.ts";
import type { Plan, PlannedStep } from "../plan.ts";
import { hostCommand } from "./host.ts";

export type Engine = (plan: Plan, step: PlannedStep, resuming: boolean) => string[];

const ENGINES: Record<Plan["engine"]["name"], Engine> = { host: hostCommand };

/** Values of `--engine`. */
export const ENGINE_CHOICES = ["auto", ...Object.keys(ENGINES)];

export function chooseEngine(asked: string, host: Host): Plan["engine"] {
  if (asked !== "auto") return { name: "host", because: "asked for" };
  const because = host.image === undefined
    ? "the project's own Python environment on this machine"
    : `this is the image ${host.image.name}, and the image is the environment`;
  return { name: "host", because };
}

export function engineCommand(plan: Plan, step: PlannedStep, resuming = false): string[] {
  return ENGINES[plan.engine.name](plan, step, resuming);
}
