/** What differs between engines while a step runs: its environment, how it is reached, and what its end means. */

import { dirname } from "node:path";
import { apptainerHandle, concludeApptainer } from "../container/apptainer.ts";
import type { Plan, PlannedStep } from "../plan/plan.ts";
import type { ProcessHandle, Supervised } from "../system/supervise.ts";
import { containerName } from "./container.ts";
import { concludeContainer, containerHandle, containerProgram } from "./step_container.ts";

export interface StepRuntime {
  /** Added to this process's own for the command that is started here. */
  env: Record<string, string>;
  /** How it is reached, where that is not simply its process group. */
  reach?: (pid: number) => ProcessHandle;
  prepare?(): Promise<void>;
  /**
   * Removes what the engine left.
   *
   * @param said the end of what the engine and the step wrote to standard error
   * @returns what went wrong, if the engine explains it.
   * @throws Failure(3) if the step could not be started.
   */
  conclude?(ended: Supervised, said: string): Promise<string | undefined>;
}

export function stepRuntime(plan: Plan, step: PlannedStep): StepRuntime {
  const program = containerProgram(plan.engine);
  if (program !== undefined) {
    return {
      env: {},
      reach: containerHandle(program, containerName(plan.run, step.name)),
      conclude: (ended, said) => concludeContainer(plan, step, program, ended, said),
    };
  }
  return plan.engine.name === "apptainer" ? inApptainer(plan) : { env: { ...step.env, PATH: pathFor(plan) } };
}

function inApptainer(plan: Plan): StepRuntime {
  const scratch = plan.container!.scratch!;
  const clear = () => Deno.remove(scratch, { recursive: true }).catch(() => {});
  return {
    env: {},
    reach: apptainerHandle,
    prepare: async () => {
      await clear(); // of an attempt that was killed
      await Deno.mkdir(scratch);
    },
    conclude: async (ended, said) => {
      await clear();
      concludeApptainer(plan, ended, said);
      return undefined;
    },
  };
}

/** The environment's own programs go before the user's. */
function pathFor(plan: Plan): string {
  return `${dirname(plan.environment.python)}:${Deno.env.get("PATH") ?? ""}`;
}
