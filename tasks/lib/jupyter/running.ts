/** The JupyterLab that `deno task jupyter` started for a project. */

import { Failure } from "../cli/failure.ts";
import { callerFolder, projectRoot } from "../system/project_root.ts";
import { serverEngineOf } from "./engines.ts";
import type { ServerPlan } from "./plan.ts";
import type { Condition, ServerEngine } from "./server_engine.ts";
import { readRecord } from "./server_record.ts";
import { type StateFolder, stateFolder } from "./state.ts";

export interface StartedServer {
  folder: StateFolder;
  plan: ServerPlan;
  /** UTC, ISO 8601. */
  started: string;
  engine: ServerEngine;
}

/** The server that was started last, whatever became of it; undefined if none was, or it was stopped. */
export async function findServer(root: string): Promise<StartedServer | undefined> {
  const folder = stateFolder(root);
  const record = await readRecord(folder);
  if (record === undefined) return undefined;
  return { folder, plan: record.plan, started: record.started, engine: await serverEngineOf(record.plan) };
}

/** The server of the project that the user stands in. */
export async function findOwnServer(purpose: string): Promise<StartedServer | undefined> {
  return await findServer(await projectRoot(callerFolder(), purpose));
}

/** @throws Failure(3) if none was started, or it was stopped. */
export async function requireServer(purpose: string): Promise<StartedServer> {
  const server = await findOwnServer(purpose);
  if (server !== undefined) return server;
  throw new Failure(3, "No JupyterLab of this project was started", { remedy: "deno task jupyter" });
}

/** What a server is called in messages. */
export function nameOf({ engine, id, container, process }: ServerPlan): string {
  if (container !== undefined) return `JupyterLab (${engine} container ${id})`;
  return process?.sif === undefined ? "JupyterLab on the host" : `JupyterLab in ${engine}`;
}

/** The image that a server runs in; undefined on the host. */
export function imageOf({ container, process }: ServerPlan): string | undefined {
  return (container ?? process?.sif)?.image.name;
}

/** What became of a server that does not run, as a sentence. */
export function describeEnd(plan: ServerPlan, condition: Exclude<Condition, { is: "running" }>): string {
  return condition.is === "gone"
    ? `${nameOf(plan)} was removed by somebody else`
    : `${nameOf(plan)} has ended: ${condition.because}`;
}
