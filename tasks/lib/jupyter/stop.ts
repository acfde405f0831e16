import type { Outcome } from "../cli/options.ts";
import type { Terminal } from "../cli/terminal.ts";
import { findOwnServer, nameOf } from "./running.ts";
import { clearState, holdState } from "./state.ts";

/** `deno task stop`: ends the project's server and removes what is left of it, whatever became of it. */
export async function stopTask(terminal: Terminal): Promise<Outcome> {
  const server = await findOwnServer("stop JupyterLab in");
  if (server === undefined) {
    terminal.line("No JupyterLab of this project runs");
    return { exitCode: 0, result: { stopped: false } };
  }
  using _ = await holdState(server.folder);
  const { is: before } = await server.engine.condition(server.plan);
  if (before === "running") terminal.progress("Stopping JupyterLab");
  await server.engine.stop(server.plan);
  await clearState(server.folder);
  terminal.line(
    before === "running" ? `Stopped ${nameOf(server.plan)}` : `${nameOf(server.plan)} ran no more; removed`,
  );
  return {
    exitCode: 0,
    result: { stopped: before === "running", engine: server.plan.engine, id: server.plan.id },
  };
}
