/** The record of a server that was started. */

import { writeJson } from "../system/files.ts";
import type { ServerPlan } from "./plan.ts";
import type { StateFolder } from "./state.ts";

/** A server that was started. What became of it, its engine is asked. */
export interface ServerRecord {
  format: 1;
  plan: ServerPlan;
  /** UTC, ISO 8601. */
  started: string;
}

/** Undefined if none was started, or the record can't be read. */
export async function readRecord({ record }: StateFolder): Promise<ServerRecord | undefined> {
  try {
    const found = JSON.parse(await Deno.readTextFile(record));
    return found?.format === 1 ? found : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return undefined;
  }
}

export async function writeRecord(folder: StateFolder, plan: ServerPlan): Promise<ServerRecord> {
  const record: ServerRecord = { format: 1, plan, started: new Date().toISOString() };
  await writeJson(folder.record, record);
  return record;
}
