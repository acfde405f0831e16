/** The record of a server that was started. */

import { writeJson } from "../system/files.ts";
import { readRecordIfSound } from "../system/records.ts";
import type { ServerPlan, ServerRecord } from "./server_schema.ts";
import type { StateFolder } from "./state.ts";

export type { ServerRecord };

/** Undefined if none was started, or the record can't be read. */
export async function readRecord({ record }: StateFolder): Promise<ServerRecord | undefined> {
  const { serverRecordSchema } = await import("./server_schema.ts");
  return await readRecordIfSound(record, serverRecordSchema);
}

export async function writeRecord(folder: StateFolder, plan: ServerPlan): Promise<ServerRecord> {
  const record: ServerRecord = { format: 1, plan, started: new Date().toISOString() };
  await writeJson(folder.record, record);
  return record;
}
