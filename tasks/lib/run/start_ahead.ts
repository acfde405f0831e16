/** The first notebook's kernel starts while the code is recorded: each takes as long as the other. */

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
 * Starts the process of a new run's first step if that executes notebooks on this machine, and waits by itself.
 *
 * No code of the experiment runs before it is let go: the interpreter and IPython have started, with what a user has
 * them do at each start (`sitecustomize`, IPython's startup files), and no notebook has been read for execution. Code,
 * data and the step's other conditions are recorded as they are by then.
 *
 * @returns undefined where the step has to wait for more than the record, such as a folder that has to be made
 */
export async function startAhead(plan: Plan): Promise<StartedAhead | undefined> {
  const [step] = plan.steps;
  if (plan.engine.name !== "host" || step === undefined) return undefined;
  if (!step.argv[1]?.endsWith("/execute_notebook.py") || step.tty || step.cache !== undefined) {
    return undefined;
  }
  if (!await Deno.stat(step.cwd).then((info) => info.isDirectory, () => false)) return undefined;
  const argv = await engineCommand(plan, step);
  const { env } = await (await engineOf(plan.engine.name)).runtime(plan, step);
  await Deno.mkdir(step.out, { recursive: true });
  const process = new WaitingProcess(argv, { cwd: step.cwd, env, mark: runMark(plan.run) });
  return { step: step.name, process, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}
