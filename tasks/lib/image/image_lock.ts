/** experiment.lock: which images an experiment was built on, by digest. */

import { dirname, join, relative } from "node:path";
import { z } from "zod";
import { type Pin, repository } from "./build_plan.ts";
import type { ImageInfo } from "../container/client.ts";
import type { Experiment } from "../experiment.ts";
import { Failure } from "../failure.ts";
import { writeJson } from "../files.ts";

const SHA256 = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const LOCK = z.looseObject({
  images: z.record(
    z.string(),
    z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("registry"), digest: SHA256 }),
      z.strictObject({ kind: z.literal("local"), id: SHA256 }),
    ]),
  ).optional(),
});
type ImageLock = z.infer<typeof LOCK>;

export function lockPath(experiment: Experiment): string {
  return join(dirname(experiment.file), "experiment.lock");
}

/** The pin of an image, if the lock has one. @throws Failure(2) if the lock can't be read. */
export async function readPin(experiment: Experiment, image: string): Promise<Pin | undefined> {
  return (await readLock(experiment)).images?.[image];
}

/** Adds or replaces one pin, and leaves what else is in the lock. */
export async function writePin(experiment: Experiment, image: string, pin: Pin): Promise<void> {
  const lock = await readLock(experiment);
  await writeJson(lockPath(experiment), { ...lock, images: { ...lock.images, [image]: pin } });
}

async function readLock(experiment: Experiment): Promise<ImageLock> {
  const path = lockPath(experiment);
  const text = await Deno.readTextFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "{}";
    throw error;
  });
  try {
    return LOCK.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new Failure(2, `Cannot read ${relative(experiment.root, path)}: ${why}`, {
      remedy:
        "It is written by deno task build --update: restore it from git, or remove it and write it anew",
    });
  }
}

/** What an image is known by: the digest of its own registry, or its id where it was made on this machine. */
export function pinOf(image: string, info: Pick<ImageInfo, "id" | "digests">): Pin {
  const own = info.digests.find((entry) => isOf(entry, image));
  return own === undefined
    ? { kind: "local", id: info.id }
    : { kind: "registry", digest: own.slice(own.indexOf("@") + 1) };
}

/** Docker leaves out `docker.io/library/`. */
function isOf(digest: string, image: string): boolean {
  const short = (name: string) => repository(name).replace(/^docker\.io\//, "").replace(/^library\//, "");
  return short(digest) === short(image);
}

/** @throws Failure(2) if the image is another than the lock says. */
export function checkPin(image: string, locked: Pin, info: Pick<ImageInfo, "id" | "digests">): void {
  const same = locked.kind === "registry"
    ? info.digests.some((entry) => entry.endsWith(`@${locked.digest}`))
    : info.id === locked.id;
  if (same) return;
  const found = pinOf(image, info);
  const name = (pin: Pin) => pin.kind === "registry" ? `digest ${pin.digest}` : `local image ${pin.id}`;
  const back = locked.kind === "registry"
    ? `docker pull ${repository(image)}@${locked.digest} and tag it ${image}`
    : "make the base image again";
  throw new Failure(
    2,
    `Cannot build on ${image}: experiment.lock has ${name(locked)}, here is ${name(found)}`,
    {
      remedy: `To go back: ${back}. To take the new one: deno task build --update`,
    },
  );
}
