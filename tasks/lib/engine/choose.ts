/** Which engine runs the steps, and in which image. */

import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { type EngineInfo, type ImageInfo, inspectImage, requireEngine } from "../container/client.ts";
import { isForApptainer } from "../container/sif_source.ts";
import { CONTAINER_PROGRAMS, type ContainerProgram } from "../experiment/engine_name.ts";
import type { Experiment } from "../experiment/experiment.ts";
import type { Host } from "../system/host.ts";
import type { EngineChoice, EngineRequest } from "./choice.ts";
import { imageNames, outdated, staleNote } from "./own_image.ts";

interface Chosen {
  program: ContainerProgram;
  engine: EngineInfo;
  name: string;
  image: ImageInfo;
}

/**
 * Chooses the engine: the one that was asked for, by an option or in experiment.yaml, else the best that needs no
 * download. Inside our own images that is always the image's Python.
 *
 * @throws Failure(2) for contradicting options, Failure(3) if what was asked for is not there.
 */
export async function chooseEngine(
  request: EngineRequest,
  experiment: Experiment,
  host: Host,
): Promise<EngineChoice> {
  const { engine, image } = request;
  if (engine === "host" && image !== undefined) {
    throw new Failure(2, "--image needs a container engine: leave out --engine host");
  }
  if (engine !== "auto") return await use(engine, "asked for", request, experiment, host);
  if (host.image !== undefined) {
    return onHost(`this is the image ${host.image.name}, and the image is the environment`);
  }
  const wanted = experiment.environment.engine;
  if (wanted !== undefined) {
    return await use(wanted, "experiment.yaml asks for it", request, experiment, host);
  }
  if (image !== undefined) {
    const name = isForApptainer(image) ? "apptainer" : firstProgram();
    return await use(name, "for --image", request, experiment, host);
  }
  return await bestHere(experiment, host);
}

function onHost(because: string): EngineChoice {
  return { engine: { name: "host", because } };
}

async function use(
  name: string,
  because: string,
  request: EngineRequest,
  experiment: Experiment,
  host: Host,
): Promise<EngineChoice> {
  const { image, obtain } = request;
  if (name === "apptainer") {
    const { chooseApptainer } = await import("./choose_apptainer.ts");
    return await chooseApptainer(because, request, experiment, host);
  }
  const program = CONTAINER_PROGRAMS.find((one) => one === name);
  if (program === undefined) return onHost(because);
  const names = image === undefined ? imageNames(experiment, host) : [image];
  const [engine, here] = await Promise.all([requireEngine(program), firstImage(program, names)]);
  if (here === undefined) {
    await obtain?.({ program, image: names[0]!, experiment, own: image === undefined });
  }
  const found = here ?? (obtain && await firstImage(program, names));
  if (found === undefined) throw missingImage(program, names[0]!, image !== undefined);
  const note = await outdated(found.image.labels, experiment.root) ? staleNote(found.name) : undefined;
  return { ...inContainer({ program, engine, ...found }, because, host), note };
}

/** A container engine that has the experiment's image, made from the requirements as they are now; else this machine. */
async function bestHere(experiment: Experiment, host: Host): Promise<EngineChoice> {
  const names = imageNames(experiment, host);
  for (const program of CONTAINER_PROGRAMS.filter(isOnPath)) {
    // An engine that does not answer is not there, as far as a choice goes.
    const found = await firstImage(program, names).catch(() => undefined);
    if (found === undefined) continue;
    if (await outdated(found.image.labels, experiment.root)) {
      return { ...onHost(OWN_PYTHON), note: staleNote(found.name) };
    }
    const engine = await requireEngine(program).catch(() => undefined);
    if (engine !== undefined) {
      return inContainer({ program, engine, ...found }, `it has the image ${found.name}`, host);
    }
  }
  return onHost(OWN_PYTHON);
}

const OWN_PYTHON = "the project's own Python environment on this machine";

async function firstImage(
  program: ContainerProgram,
  names: string[],
): Promise<{ name: string; image: ImageInfo } | undefined> {
  const images = await Promise.all(names.map((name) => inspectImage(program, name)));
  const index = images.findIndex((image) => image !== undefined);
  return index < 0 ? undefined : { name: names[index]!, image: images[index]! };
}

function missingImage(program: ContainerProgram, image: string, named: boolean): Failure {
  const remedy = named
    ? `${program} pull ${image}, or add --yes to get it first`
    : `deno task build${image.endsWith(":cpu") ? " --cpu" : ""}, or add --yes to build it first`;
  return new Failure(3, `Cannot run in ${image}: ${program} has no image of that name`, { remedy });
}

export function isOnPath(program: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => existsSync(join(folder, program)));
}

/** @throws Failure(3) if there is no container engine. */
function firstProgram(): ContainerProgram {
  const program = CONTAINER_PROGRAMS.find(isOnPath);
  if (program !== undefined) return program;
  throw new Failure(3, `Cannot run in an image: there is no ${CONTAINER_PROGRAMS.join(", ")} on PATH`, {
    remedy: "Install Docker Engine or Podman, or leave out --image",
  });
}

function inContainer({ program, engine, name, image }: Chosen, because: string, host: Host): EngineChoice {
  return {
    engine: { name: program, because, version: engine.version },
    container: {
      image: { name, id: image.id, digest: image.digests[0]?.replace(/^.*@/, "") },
      entrypoint: withoutStartScript(image.entrypoint),
      ...userOf(program, engine, host),
      // Arbitrary ids have no home of their own in an image that names none.
      home: image.env.HOME === undefined ? "/tmp" : undefined,
    },
  };
}

/** The start script turns root into a user and serves Jupyter; a step starts as its user, so it needs none of that. */
export function withoutStartScript(entrypoint: string[]): string[] {
  return basename(entrypoint.at(-1) ?? "") === "start.sh" ? entrypoint.slice(0, -1) : entrypoint;
}

/** Who the files belong to: in a rootless Docker or nerdctl the container's root is the user who runs it. */
function userOf(program: ContainerProgram, { rootless }: EngineInfo, host: Host) {
  if (rootless && program !== "podman") return { user: "0:0", keepId: false };
  return { user: `${host.uid ?? 1000}:${host.gid ?? 100}`, keepId: rootless };
}
