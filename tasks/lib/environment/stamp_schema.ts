/** The record inside an environment. */

import * as z from "zod/mini";

/** Written into an environment last: one without it is not finished, or not ours. */
export const stampSchema = z.object({
  format: z.literal(1),
  /** Name of the lock, or of the requirements file where there is no lock. */
  lock: z.string(),
  lockSha256: z.string(),
  requirementsSha256: z.string(),
  python: z.object({
    version: z.string(),
    /** Interpreter that the environment was made from. */
    base: z.string(),
    /** Value of PYTHON at that time. */
    asked: z.optional(z.string()),
  }),
  platform: z.string(),
  /** Where it was made for: its scripts name this path. */
  directory: z.string(),
  /** "pip 24.2" or "uv 0.13.9" */
  installer: z.string(),
  packages: z.number(),
  /** UTC, ISO 8601. */
  made: z.string(),
  seconds: z.number(),
});

export type Stamp = z.infer<typeof stampSchema>;
