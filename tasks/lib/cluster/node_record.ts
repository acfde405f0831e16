/** node.json: what became of a run on compute nodes, as `inside/cluster/run_member.py` writes it there. */

import { join } from "node:path";
import * as z from "zod/mini";
import { Folder, readTextIfThere } from "../system/regular_file.ts";
import { parseRecord } from "../system/records.ts";

const status = z.enum(["running", "done", "failed", "interrupted"]);

const nodeSchema = z.object({
  schema: z.literal(1),
  /** Each time that Slurm started it. */
  starts: z.array(z.object({
    started: z.string(),
    ended: z.optional(z.string()),
    status: z.optional(status),
    because: z.optional(z.nullable(z.string())),
    /** Number of the submission that it belongs to. */
    submission: z.number(),
    job: z.object({
      id: z.nullable(z.string()),
      /** By which Slurm's own messages call it. */
      number: z.optional(z.nullable(z.string())),
      restart: z.number(),
      node: z.string(),
    }),
    host: z.object({
      name: z.string(),
      cores: z.nullable(z.number()),
      cpu: z.nullable(z.string()),
      gpus: z.array(z.object({ name: z.string(), memory: z.string(), driver: z.string(), uuid: z.string() })),
    }),
  })),
  steps: z.record(
    z.string(),
    z.object({
      status,
      /** Index of the start it ended in. */
      start: z.number(),
      started: z.string(),
      ended: z.optional(z.string()),
      seconds: z.optional(z.number()),
      /** It went on where an earlier start had left it. */
      resumed: z.boolean(),
      /** The command as it was started there. */
      command: z.optional(z.array(z.string())),
      code: z.optional(z.number()),
      signal: z.optional(z.string()),
      stopped_by: z.optional(z.string()),
      timed_out: z.optional(z.boolean()),
      /** What its container program says went wrong. */
      problem: z.optional(z.nullable(z.string())),
    }),
  ),
});

export type NodeRecord = z.infer<typeof nodeSchema>;

/** @throws Failure(2) if what is there is not such a record */
export async function readNodeRecord(directory: string): Promise<NodeRecord | undefined> {
  const path = join(directory, "node.json");
  const text = await readTextIfThere(path, { within: new Folder(directory) });
  return text === undefined ? undefined : parseRecord(text, path, nodeSchema, "the record of a compute node");
}

/** File with what a step printed on its node. */
export function printedOnNode(directory: string, step: string): string {
  return join(directory, `node-${step}.log`);
}
