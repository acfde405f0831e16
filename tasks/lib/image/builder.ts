/** What builds the image: BuildKit where Docker has it, its classic builder, or Podman's own. */

import { client } from "../container/client.ts";
import { compareVersions } from "../system/version.ts";
import type { BuilderProgram } from "./build_plan.ts";

export interface Builder {
  /** Variables that make the client use it. */
  env: Record<string, string>;
  /** It knows `RUN --mount`, with which wheels are kept for the next build. */
  mounts: boolean;
  /** It writes down what it made. */
  metadata: boolean;
}

/** Attestations name the time of the build, so that the same commit built twice would be two images. */
const NO_ATTESTATIONS = { BUILDX_NO_DEFAULT_ATTESTATIONS: "1" };

/** From here on BuildKit comes as a plugin; some clients before it have it inside. */
const PLUGIN_SINCE = "23.0.0";

const CLASSIC: Builder = { env: { DOCKER_BUILDKIT: "0" }, mounts: false, metadata: false };

/** @param asked Docker's own variable, by which a user says `0` to have the classic builder */
export async function findBuilder(
  program: BuilderProgram,
  asked = Deno.env.get("DOCKER_BUILDKIT"),
): Promise<Builder> {
  if (program === "podman") return { env: {}, mounts: true, metadata: false };
  if (asked === "0") return CLASSIC;
  const [plugin, version] = await Promise.all([
    client("docker", ["buildx", "version"]),
    client("docker", ["--version"]),
  ]);
  // A client without the plugin takes "buildx" for a word that it doesn't know.
  if (plugin.code === 0 && /buildx/.test(plugin.stdout)) {
    return { env: { ...NO_ATTESTATIONS, DOCKER_BUILDKIT: "1" }, mounts: true, metadata: true };
  }
  const number = /\d+\.\d+\.\d+/.exec(version.stdout)?.[0] ?? PLUGIN_SINCE;
  return compareVersions(number, PLUGIN_SINCE) < 0
    ? { env: { DOCKER_BUILDKIT: "1" }, mounts: true, metadata: false }
    : CLASSIC;
}

/** All of the context but wheels and packages, which are hundreds of megabytes; owners are the builder's affair. */
const COPY_CONTEXT = "RUN --mount=type=bind,target=/context mkdir /source && " +
  'tar -C /context -c --exclude=./wheelhouse --exclude=./gpu-wheelhouse --exclude="./$PRODUCT/wheelhouse" . ' +
  "| tar -C /source -x --no-same-owner\n";

/**
 * Adds to a Dockerfile's copy the mounts that it asks for by comments: `# cache: FOLDER` above a command, `# context:`
 * above the line that copies the context. The classic builder, also that of the dev-container programs, would refuse
 * them in the file itself, and no image differs by them.
 */
export async function withMounts(dockerfile: string): Promise<void> {
  const text = await Deno.readTextFile(dockerfile);
  const cache = "RUN --mount=type=cache,target=$1,sharing=locked ";
  const mounted = text.replace(/^# cache: (\S+).*\nRUN /gm, cache)
    .replace(/^# context: .*\nCOPY \. \/source\/\n/m, COPY_CONTEXT);
  await Deno.writeTextFile(dockerfile, mounted);
}
