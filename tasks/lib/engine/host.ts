import type { Plan, PlannedStep } from "../plan/plan.ts";
import { stepCommand } from "./step_command.ts";

/** The step as a process of this machine, in the project's own Python environment. */
export function hostCommand(plan: Plan, step: PlannedStep, resuming: boolean): string[] {
  return stepCommand(plan.environment.python, step, resuming);
}
