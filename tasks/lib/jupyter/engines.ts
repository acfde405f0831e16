/** What an engine does for JupyterLab. A new engine is a file like those below and a line in `ENGINES`. */

import type { EngineName } from "../experiment/engine_name.ts";
import type { ServerPlan } from "./plan.ts";
import type { ServerEngine } from "./server_engine.ts";

/** Loaded when used: `status` has no time for what it does not need. */
const ENGINES: Record<EngineName, () => Promise<ServerEngine>> = {
  host: async () => (await import("./host_server.ts")).HOST_SERVER,
  docker: async () => (await import("./container_server.ts")).containerServer("docker"),
  podman: async () => (await import("./container_server.ts")).containerServer("podman"),
  nerdctl: async () => (await import("./container_server.ts")).containerServer("nerdctl"),
  apptainer: async () => (await import("./apptainer_server.ts")).APPTAINER_SERVER,
};

/** Values of `deno task run --engine`. */
export const SERVER_ENGINES = ["auto", ...Object.keys(ENGINES)];

export async function engineOf({ engine }: Pick<ServerPlan, "engine">): Promise<ServerEngine> {
  return await ENGINES[engine]();
}
