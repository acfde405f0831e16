/** The shape of sweep.json. */

import * as z from "zod/mini";
import { timeSchema } from "./evidence_schema.ts";

const memberSchema = z.object({
  /** Texts of the values that the sweep sets, by parameter. */
  values: z.record(z.string(), z.string()),
  status: z.enum(["waiting", "running", "done", "failed", "interrupted"]),
  /** Id of its run, a folder beside sweep.json; of the last one where it was run again. */
  run: z.optional(z.string()),
  seconds: z.optional(z.number()),
  /** Why it failed, in words. */
  problem: z.optional(z.string()),
  /** SHA-256 of its receipt, by which the sweep's own covers all that it left. */
  receipt: z.optional(z.string()),
  /** SHA-256 of the sources it ran with. */
  code: z.optional(z.string()),
});

export const sweepSchema = z.object({
  schema: z.literal(1),
  sweep: z.string(),
  experiment: z.object({
    name: z.string(),
    title: z.optional(z.string()),
    file: z.string(),
    root: z.string(),
    /** experiment.yaml as it was, whose claims are judged. */
    text: z.string(),
  }),
  status: z.enum(["running", "done", "failed", "interrupted"]),
  created: timeSchema,
  ended: z.optional(timeSchema),
  /** Name of the parameter that takes the seed. */
  seed: z.optional(z.string()),
  steps: z.array(z.string()),
  /** Each time that somebody worked on it. */
  attempts: z.array(z.object({
    started: timeSchema,
    ended: z.optional(timeSchema),
    jobs: z.number(),
    /** Threads of the processor for each member, where they were divided. */
    threads: z.optional(z.number()),
  })),
  members: z.array(memberSchema),
});

export type SweepRecord = z.infer<typeof sweepSchema>;

export type Member = z.infer<typeof memberSchema>;
