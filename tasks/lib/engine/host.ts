import { join } from "node:path";
import type { Plan, PlannedStep } from "../plan.ts";
import { INSIDE } from "../plan.ts";

/** The step as a process of this machine, in the project's own Python environment. */
export function hostCommand(plan: Plan, step: PlannedStep, resuming: boolean): string[] {
  return [
    plan.environment.python,
    join(INSIDE, "run_step.py"),
    ...["--record", join(step.out, "step.json"), "--"],
    ...step.argv,
    ...(resuming ? step.resume ?? [] : []),
  ];
}
