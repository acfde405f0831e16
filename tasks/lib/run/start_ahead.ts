/** A run's first step starts while the code is recorded: its container or its kernel takes as long as that. */

import { engineCommand, engineOf } from "../engine/index.ts";
import type { Plan } from "../plan/plan.ts";
import { runMark } from "../record/run_folder.ts";
import { WaitingProcess } from "../system/waiting_process.ts";

/** A step's process that waits until the record of what was there before it is written. */
export interface StartedAhead extends AsyncDisposable {
  /** The step's name. */
  step: string;
  process: WaitingProcess;
}

/**
 * Starts the process of a new run's first step, which waits by itself.
 *
 * No code of the experiment runs before it is let go: a container and the interpreter have started, with what a user
 * has them do at each start (`sitecustomize`, IPython's startup files), and no script or notebook has been read for
 * execution. Code, data and the step's other conditions are recorded as they are by then.
 *
 * @returns undefined where the step has to wait for more than the record, such as a folder that has to be made
 */
export async function startAhead(plan: Plan): Promise<StartedAhead | undefined> {
  const [step] = plan.steps;
  if (step === undefined || step.tty || step.cache !== undefined) return undefined;
  if (!await Deno.stat(step.cwd).then((info) => info.isDirectory, () => false)) return undefined;
  const { env, ahead, prepare } = await (await engineOf(plan.engine.name)).runtime(plan, step);
  if (ahead === undefined || prepare !== undefined) return undefined;
  const argv = ahead.command(await engineCommand(plan, step));
  await Deno.mkdir(step.out, { recursive: true });
  const process = new WaitingProcess(argv, { cwd: step.cwd, env, mark: runMark(plan.run) });
  return {
    step: step.name,
    process,
    async [Symbol.asyncDispose]() {
      if (process.isOver) return;
      await process[Symbol.asyncDispose]();
      await ahead.discard?.();
    },
  };
}
