/** The image that ours are built on, made of Debian's packages where no registry can be pulled from. */

import $ from "dax";

export const BASE_IMAGE = "debian:bookworm-slim";

/**
 * Makes the image for Docker, or pulls it; does nothing where it is there already.
 *
 * @returns whether it is there now
 */
export async function makeBaseImage(image = BASE_IMAGE): Promise<boolean> {
  const isThere = await $`docker image inspect ${image}`.quiet().noThrow();
  if (isThere.code === 0) return true;
  const tar = await Deno.makeTempFile({ suffix: ".tar" });
  try {
    const made =
      await $`mmdebstrap --quiet --variant=minbase bookworm ${tar} && docker import ${tar} ${image}`
        .quiet().noThrow();
    return made.code === 0 || (await $`docker pull --quiet ${image}`.quiet().noThrow()).code === 0;
  } finally {
    await Deno.remove(tar);
  }
}
