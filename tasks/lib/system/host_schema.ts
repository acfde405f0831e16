/** What is recorded of a machine. */

import * as z from "zod/mini";

const gpuSchema = z.object({
  name: z.string(),
  /** Memory in MiB. */
  memory: z.number(),
  driver: z.string(),
  uuid: z.string(),
});

export const hostSchema = z.object({
  name: z.string(),
  os: z.string(),
  kernel: z.string(),
  architecture: z.string(),
  cpu: z.string(),
  cores: z.number(),
  /** Memory in bytes. */
  memory: z.number(),
  uid: z.optional(z.number()),
  gid: z.optional(z.number()),
  gpus: z.array(gpuSchema),
  /** This process runs inside one of our images, and the image's own Python is the environment. */
  image: z.optional(z.object({ name: z.string(), python: z.string() })),
  deno: z.string(),
});

export type Gpu = z.infer<typeof gpuSchema>;

export type Host = z.infer<typeof hostSchema>;
