import { join } from "node:path";
import type { PlannedStep } from "../plan/plan.ts";
import { INSIDE } from "../system/product.ts";

/** A step's own command under the recorder, which is the same in every environment. */
export function stepCommand(python: string, step: PlannedStep, resuming: boolean): string[] {
  return [
    ...[python, join(INSIDE, "run_step.py"), "--record", join(step.out, "step.json"), "--"],
    ...step.argv,
    ...(resuming ? step.resume ?? [] : []),
  ];
}
