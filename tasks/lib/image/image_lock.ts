/** Which images an experiment was built on, by digest: its part of experiment.lock. */

import { Failure } from "../cli/failure.ts";
import type { ImageInfo } from "../container/client.ts";
import { type Pin, repository } from "./build_plan.ts";

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
