import { Failure } from "../cli/failure.ts";
import type { Outcome } from "../cli/options.ts";
import { runInTerminal } from "../system/command.ts";
import { describeEnd, requireServer } from "./running.ts";
import { clearState } from "./state.ts";

/** `deno task logs`: what the project's server said, also after it ended. */
export async function logsTask(
  { follow, tail = "200" }: { follow: boolean; tail?: string },
): Promise<Outcome> {
  if (!/^(?:\d+|all)$/.test(tail)) {
    throw new Failure(2, `--tail must be a number of lines, or all, current value is "${tail}"`);
  }
  const { plan, engine, folder } = await requireServer("show the log of JupyterLab in");
  const condition = await engine.condition(plan);
  if (condition.is === "gone") {
    await clearState(folder);
    throw new Failure(3, `${describeEnd(plan, condition)}, and its log with it`, { remedy: "deno task run" });
  }
  const { argv, ...options } = engine.logsCommand(plan, { follow, tail });
  return { programExited: await runInTerminal(argv, options) };
}
