/** What an engine does for JupyterLab, by the kind of its server. */

import { engineOf } from "../engine/index.ts";
import type { ServerPlan } from "./plan.ts";
import type { ServerEngine } from "./server_engine.ts";

/**
 * Each kind is loaded when used: `status` has no time for what it does not need.
 *
 * @throws Failure(2) if there is no such engine.
 */
export async function serverEngineOf({ engine }: Pick<ServerPlan, "engine">): Promise<ServerEngine> {
  const { server } = await engineOf(engine);
  switch (server.kind) {
    case "container":
      return (await import("./container_server.ts")).containerServer(server.program);
    case "process":
      return (await import("./process_server.ts")).processServer(server);
    default:
      return server satisfies never;
  }
}
