/** What is recorded of a machine. */

import * as z from "zod/mini";

const gpuSchema = z.object({
  /** Model, as nvidia-smi names it. */
  name: z.string(),
  /** Memory in MiB. */
  memory: z.number(),
  /** Version of the driver. */
  driver: z.string(),
  /** The GPU's own identifier. */
  uuid: z.string(),
});

export const hostSchema = z.object({
  /** Name of the machine. */
  name: z.string(),
  /** Operating system. */
  os: z.string(),
  /** Version of the system's kernel. */
  kernel: z.string(),
  /** E.g. x64 or arm64. */
  architecture: z.string(),
  /** Model of the processor. */
  cpu: z.string(),
  /** Number of logical processors. */
  cores: z.number(),
  /** Memory in bytes. */
  memory: z.number(),
  /** The user's number. */
  uid: z.optional(z.number()),
  /** The number of the user's group. */
  gid: z.optional(z.number()),
  /** The GPUs that are there. */
  gpus: z.array(gpuSchema),
  /** This process runs inside one of our images, and the image's own Python is the environment. */
  image: z.optional(z.object({
    /** Name of the image. */
    name: z.string(),
    /** Path of its Python. */
    python: z.string(),
  })),
  /** Version of Deno. */
  deno: z.string(),
});

export type Gpu = z.infer<typeof gpuSchema>;

export type Host = z.infer<typeof hostSchema>;
