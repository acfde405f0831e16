/** The shape of the record of a server, and of the plan in it. */

import * as z from "zod/mini";
import { ENGINE_NAMES } from "../experiment/engine_name.ts";
import { gpuRequestSchema, limitsSchema, plannedImageSchema } from "../plan/plan_schema.ts";

const texts = z.array(z.string());

const serverLimitsSchema = z.omit(limitsSchema, { network: true });

const serverContainerSchema = z.object({
  image: z.object({ name: z.string(), id: z.string() }),
  /** Program and arguments that start a command without the image's start script. */
  entrypoint: texts,
  /** Podman without root: the image's own user is the caller. */
  keepId: z.boolean(),
  /** Docker gives containers ids of their own, and is told to leave it. */
  hostIds: z.optional(z.boolean()),
  sudo: z.boolean(),
  restart: z.boolean(),
  gpus: gpuRequestSchema,
  limits: serverLimitsSchema,
});

const serverSifSchema = z.object({
  image: plannedImageSchema,
  /** Names of the caller's variables that would change what apptainer does. */
  unset: texts,
  /** Folder for what is written to /tmp and HOME. */
  scratch: z.string(),
  gpus: gpuRequestSchema,
  limits: serverLimitsSchema,
});

const serverProcessSchema = z.object({
  python: z.string(),
  /** Set in addition to the user's own environment. */
  env: z.record(z.string(), z.string()),
  log: z.string(),
  /** The image whose files it sees instead of the machine's. */
  sif: z.optional(serverSifSchema),
});

const serverPlanSchema = z.object({
  engine: z.enum(ENGINE_NAMES),
  /** Name of the container; each user has one for each project. */
  id: z.string(),
  experiment: z.string(),
  /** Absolute path of the project, which the server serves. */
  root: z.string(),
  address: z.string(),
  port: z.number(),
  published: z.array(z.number()),
  /** The server runs as root. */
  asRoot: z.boolean(),
  /** `uid:gid` that its files belong to on this machine; absent where the system has no such ids. */
  owner: z.optional(z.string()),
  tokenFile: z.string(),
  /** Folders of the cache that the links to data in the project lead to; those that are there. */
  data: z.optional(texts),
  /** Absent for a server that is a process of this machine. */
  container: z.optional(serverContainerSchema),
  /** How a server that is a process of this machine is started; absent for containers. */
  process: z.optional(serverProcessSchema),
});

/** A server that was started. What became of it, its engine is asked. */
export const serverRecordSchema = z.object({
  format: z.literal(1),
  plan: serverPlanSchema,
  /** UTC, ISO 8601. */
  started: z.string(),
});

export type ServerContainer = z.infer<typeof serverContainerSchema>;

export type ServerSif = z.infer<typeof serverSifSchema>;

export type ServerProcess = z.infer<typeof serverProcessSchema>;

export type ServerPlan = z.infer<typeof serverPlanSchema>;

export type ServerRecord = z.infer<typeof serverRecordSchema>;
