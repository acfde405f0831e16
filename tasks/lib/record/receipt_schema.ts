/** The shape of the statement in receipt.json. Strict: nothing is signed that is not understood. */

import * as z from "zod/mini";
import { evidenceSchema } from "./evidence_schema.ts";

const recordedFileSchema = z.union([
  z.strictObject({ bytes: z.number(), sha256: z.string() }),
  z.strictObject({ link: z.string() }),
], { error: "bytes and sha256, or link" });

export const statementSchema = z.strictObject({
  schema: z.literal(1),
  run: z.string(),
  experiment: z.string(),
  status: evidenceSchema.shape.status,
  ended: evidenceSchema.shape.ended,
  holds: z.boolean(),
  /** By name of the claim. */
  verdicts: z.array(z.strictObject({ claim: z.string(), verdict: z.string() })),
  /** SHA-256 over the sources, and the commit where there was one. */
  code: z.strictObject({ sha256: z.string(), commit: z.optional(z.string()) }),
  image: z.optional(z.looseObject({
    name: z.string(),
    id: z.string(),
    config: z.optional(z.string()),
    layers: z.optional(z.string()),
    digest: z.optional(z.string()),
  })),
  /** SHA-256 by name: what was read that this run did not make. */
  inputs: z.record(z.string(), z.string()),
  /** By path relative to the run folder: evidence, plan, log, verdict and every output. */
  files: z.record(z.string(), recordedFileSchema),
});

/** A file of the run folder as it was when the run ended. */
export type RecordedFile = z.infer<typeof recordedFileSchema>;

/** What a receipt says; a pure function of evidence, verdict and files, so that it can be drawn up again. */
export type Statement = z.infer<typeof statementSchema>;
