/** What is kept of a SIF file whose hash was taken. */

import * as z from "zod/mini";

/** The hash of a file that had this size and time; of a changed file it is taken again. */
export const knownHashSchema = z.object({
  path: z.string(),
  size: z.number(),
  /** Milliseconds since 1970. */
  modified: z.number(),
  sha256: z.string(),
});

export type KnownHash = z.infer<typeof knownHashSchema>;
