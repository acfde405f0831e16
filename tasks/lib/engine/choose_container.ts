/** The steps in containers of docker, podman or nerdctl: in which image, as which user. */

import { basename } from "node:path";
import { Failure } from "../cli/failure.ts";
import {
  type EngineInfo,
  findImage,
  identityOf,
  type ImageInfo,
  inspectImage,
  PROJECT_LABEL,
  requireEngine,
} from "../container/client.ts";
import type { ContainerProgram } from "../container/program.ts";
import type { Experiment } from "../experiment/experiment.ts";
import type { Host } from "../system/host.ts";
import type { EngineChoice, EngineRequest } from "./engine.ts";
import { imageNames, outdated, staleNote } from "./own_image.ts";

interface FoundImage {
  name: string;
  image: ImageInfo;
}

/** @throws Failure(3) if there is no engine that answers, or no image that it has. */
export async function chooseContainer(
  program: ContainerProgram,
  { image, obtain, early }: EngineRequest,
  because: string,
  experiment: Experiment,
  host: Host,
): Promise<EngineChoice> {
  const names = image === undefined ? imageNames(experiment, host) : [image];
  const [engine, here] = await Promise.all([
    early?.engine ?? requireEngine(program),
    image === undefined ? findImage(program, names) : namedImage(program, image, early?.image),
  ]);
  if (here === undefined) {
    await obtain?.({ program, image: names[0]!, experiment, own: image === undefined });
  }
  const found = here ??
    (obtain && await (image === undefined ? findImage(program, names) : namedImage(program, image)));
  if (found === undefined) throw missingImage(program, names[0]!, image !== undefined);
  return await inContainer(program, engine, found, because, experiment, host);
}

/** The experiment's own image, if the engine answers and has it. */
export async function offerContainer(
  program: ContainerProgram,
  experiment: Experiment,
  host: Host,
): Promise<EngineChoice | undefined> {
  try {
    // Both at once: an engine that is there mostly has the image, and one that is not answers neither.
    const names = imageNames(experiment, host);
    const [engine, found] = await Promise.all([requireEngine(program), findImage(program, names)]);
    if (found === undefined) return undefined;
    return await inContainer(program, engine, found, `it has the image ${found.name}`, experiment, host);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

async function namedImage(
  program: ContainerProgram,
  name: string,
  early?: Promise<ImageInfo | undefined>,
): Promise<FoundImage | undefined> {
  const image = await (early ?? inspectImage(program, name));
  return image && { name, image };
}

function missingImage(program: ContainerProgram, image: string, named: boolean): Failure {
  const remedy = named
    ? `${program} pull ${image}, or add --yes to get it first`
    : `deno task build${image.endsWith(":cpu") ? " --cpu" : ""}, or add --yes to build it first`;
  return new Failure(3, `Cannot run in ${image}: ${program} has no image of that name`, { remedy });
}

async function inContainer(
  program: ContainerProgram,
  engine: EngineInfo,
  { name, image }: FoundImage,
  because: string,
  experiment: Experiment,
  host: Host,
): Promise<EngineChoice> {
  const isStale = await outdated(image.labels, experiment.root);
  const entrypoint = withoutStartScript(image.entrypoint);
  const startScript = image.entrypoint[entrypoint.length];
  return {
    engine: { name: program, because, version: engine.version },
    container: {
      image: { name, ...identityOf(image), ...(startScript !== undefined && { startScript }) },
      entrypoint,
      ...userOf(program, engine, host),
      // Arbitrary ids have no home of their own in an image that names none.
      home: image.env.HOME === undefined ? "/tmp" : undefined,
      projectAt: image.labels[PROJECT_LABEL],
    },
    ...(isStale && { isStale, note: staleNote(name) }),
  };
}

/** The start script turns root into a user and serves Jupyter; a step starts as its user, so it needs none of that. */
export function withoutStartScript(entrypoint: string[]): string[] {
  return basename(entrypoint.at(-1) ?? "") === "start.sh" ? entrypoint.slice(0, -1) : entrypoint;
}

/** Who the files belong to: in a rootless Docker or nerdctl the container's root is the user who runs it. */
function userOf(program: ContainerProgram, { rootless, remapped }: EngineInfo, host: Host) {
  if (rootless && program !== "podman") return { user: "0:0", keepId: false };
  return {
    user: `${host.uid ?? 1000}:${host.gid ?? 100}`,
    keepId: rootless,
    ...(remapped && { hostIds: true }),
  };
}
