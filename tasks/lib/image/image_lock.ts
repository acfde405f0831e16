/** Which images an experiment was built on, by digest: its part of experiment.lock. */

import { Failure } from "../cli/failure.ts";
import type { ImageInfo } from "../container/client.ts";
import { isSameImage } from "../experiment/image_identity.ts";
import { type Pin, repository } from "./build_plan.ts";

type Known = Pick<ImageInfo, "id" | "layers" | "digests" | "manifests">;

/**
 * What an image is known by: the digest of its own registry, or its layers and id where it was made on this machine.
 *
 * @param pulled it has just come from there, so that every digest that the engine names is the registry's
 */
export function pinOf(image: string, info: Known, pulled = false): Pin {
  const own = (pulled ? info.manifests : info.digests).find((entry) => isOf(entry, image));
  return own === undefined
    ? { kind: "local", id: info.id, layers: info.layers }
    : { kind: "registry", digest: own.slice(own.indexOf("@") + 1), layers: info.layers };
}

/** Docker leaves out `docker.io/library/`. */
function isOf(digest: string, image: string): boolean {
  const short = (name: string) => repository(name).replace(/^docker\.io\//, "").replace(/^library\//, "");
  return short(digest) === short(image);
}

/** @throws Failure(2) if the image is another than the lock says. */
export function checkPin(image: string, locked: Pin, info: Known): void {
  // Digests are of content: whoever gave the engine an image of this one, it is the registry's. Brought along as a file
  // it may have lost its digest, and is known by its layers.
  const { layers } = locked;
  const isSame = locked.kind === "registry"
    ? info.manifests.some((entry) => entry.endsWith(`@${locked.digest}`)) ||
      (layers !== undefined && layers === info.layers)
    : isSameImage({ id: locked.id, layers }, { id: info.id, layers: info.layers });
  if (isSame) return;
  const found = pinOf(image, info);
  const name = (pin: Pin) =>
    pin.kind === "registry" ? `digest ${pin.digest}` : `local image ${pin.layers ?? pin.id}`;
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
