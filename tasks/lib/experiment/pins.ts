/** experiment.lock, beside the YAML: what an experiment was seen to rest on, pinned by hash. Written by the tasks. */

import { dirname, join, relative } from "node:path";
import * as z from "zod/mini";
import { Failure } from "../cli/failure.ts";
import { writeJson } from "../system/files.ts";
import { readTextIfThere } from "../system/regular_file.ts";
import { parseRecord } from "../system/records.ts";
import type { Experiment } from "./experiment.ts";

const matching = (pattern: RegExp) => z.string().check(z.regex(pattern));

const DIGEST = matching(/^sha256:[0-9a-f]{64}$/);

const LOCK = z.looseObject({
  /** Images that were built on, by name. */
  images: z.optional(z.record(
    z.string(),
    z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("registry"), digest: DIGEST, layers: z.optional(DIGEST) }),
      z.strictObject({ kind: z.literal("local"), id: DIGEST, layers: z.optional(DIGEST) }),
    ]),
  )),
  /** Data that the YAML knows by an MD5, the beginning of a SHA-256, or only by where they are deposited, by name. */
  data: z.optional(z.record(
    z.string(),
    z.strictObject({
      /** What the YAML said when they were fetched first; where it says something else now, it means other data. */
      declared: matching(/^(?:(?:md5|sha256):[0-9a-f]+|(?:doi|hf|croissant):.+)$/s),
      /** Of what was fetched; at first, only what is stated where the data are deposited may be known. */
      sha256: z.optional(matching(/^[0-9a-f]{64}$/)),
      md5: z.optional(matching(/^[0-9a-f]{32}$/)),
      /** What the name was found to stand for. */
      url: z.optional(matching(/^https:\/\//)),
      /** In bytes. */
      size: z.optional(z.number()),
    }),
  )),
});

/** experiment.lock: what the YAML leaves open, as it was found. */
export type ExperimentLock = z.infer<typeof LOCK>;

/** experiment.lock lies beside the YAML. */
export function lockPath(experiment: Pick<Experiment, "file">): string {
  return join(dirname(experiment.file), "experiment.lock");
}

/** An empty one where there is none. @throws Failure(2) if the lock can't be read. */
export async function readLock(experiment: Pick<Experiment, "file" | "root">): Promise<ExperimentLock> {
  const path = lockPath(experiment);
  try {
    const text = await readTextIfThere(path) ?? "{}";
    return parseRecord(text, relative(experiment.root, path), LOCK, "the lock of an experiment");
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(2, error.message, {
      ...error.details,
      remedy:
        "It is written by deno task build --update and deno task data: restore it from git, or remove it and write it anew",
    });
  }
}

/** Adds or replaces one pin, and leaves what else is in the lock. */
export async function writePin<Kind extends "images" | "data">(
  experiment: Pick<Experiment, "file" | "root">,
  kind: Kind,
  name: string,
  value: NonNullable<ExperimentLock[Kind]>[string],
): Promise<void> {
  const lock = await readLock(experiment);
  await writeJson(lockPath(experiment), { ...lock, [kind]: { ...lock[kind], [name]: value } });
}
