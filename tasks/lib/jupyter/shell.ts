import { Failure } from "../cli/failure.ts";
import type { Outcome } from "../cli/options.ts";
import { runInTerminal } from "../system/command.ts";
import { describeEnd, requireServer } from "./running.ts";

/**
 * `deno task shell`: a shell, or a command, where the project's server runs, as the user that it runs as. The engine
 * itself says what is wrong with a container that does not run: looking first would double the time of a short command.
 */
export async function shellTask(command: string[]): Promise<Outcome> {
  const { plan, engine } = await requireServer("open a shell in");
  const onTerminal = Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  const { argv, ...options } = engine.shellCommand(plan, command, onTerminal);
  const code = await runInTerminal(argv, options);
  if (code === 0) return { programExited: 0 };
  const condition = await engine.condition(plan);
  if (condition.is === "running") return { programExited: code };
  throw new Failure(3, describeEnd(plan, condition), { remedy: "deno task run" });
}
