/** Which engine runs the steps. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { EngineName } from "../experiment/engine_name.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { engineOfRun } from "../record/evidence.ts";
import { runIds } from "../record/run_folder.ts";
import type { Host } from "../system/host.ts";
import type { Engine, EngineChoice, EngineRequest } from "./engine.ts";
import { onHost } from "./engines/host.ts";
import { allEngines, engineOf } from "./index.ts";

/** What the newest run used, and its id. */
interface Before {
  id: string;
  engine: EngineName;
}

/**
 * Chooses the engine: the one that was asked for, by an option or in experiment.yaml; else the one that the newest run
 * of the experiment used; else the best that needs no download. Inside our own images that is always the image's
 * Python.
 *
 * @throws Failure(2) for contradicting options, Failure(3) if what was asked for is not there.
 */
export async function chooseEngine(
  request: EngineRequest,
  experiment: Experiment,
  host: Host,
): Promise<EngineChoice> {
  const before = request.runs === undefined ? undefined : await newestRun(request.runs, experiment);
  const choice = await choose(request, experiment, host, before);
  const now = choice.engine.name;
  if (before === undefined || before.engine === now) return choice;
  const change = `The engine has changed: ${before.id} ran in ${before.engine}, this runs in ${now}`;
  return { ...choice, change: [change, choice.change].filter((part) => part !== undefined).join("; ") };
}

async function choose(
  request: EngineRequest,
  experiment: Experiment,
  host: Host,
  before?: Before,
): Promise<EngineChoice> {
  const { engine, image } = request;
  const use = async (name: string, because: string) =>
    await (await engineOf(name)).choose(request, because, experiment, host);
  if (engine !== "auto") return await use(engine, "asked for");
  if (host.image !== undefined) {
    return onHost(`this is the image ${host.image.name}, and the image is the environment`);
  }
  const declared = experiment.environment.engine;
  if (declared !== undefined) return await use(declared, "experiment.yaml asks for it");
  if (image !== undefined) return await use(await engineFor(image), "for --image");
  if (before === undefined) return await bestHere(experiment, host);
  try {
    return await use(before.engine, `as in ${before.id}; --engine chooses another`);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { ...await bestHere(experiment, host), change: `that can't be used now: ${error.message}` };
  }
}

/** What the newest run of the experiment used, however that was chosen. */
async function newestRun(runs: string, experiment: Experiment): Promise<Before | undefined> {
  for (const id of await runIds(runs, experiment.name)) {
    const engine = await engineOfRun(join(runs, experiment.name, id));
    if (engine !== undefined) return { id, engine };
  }
}

/** @throws Failure(3) if there is no engine for images. */
async function engineFor(image: string): Promise<string> {
  const engines = await allEngines();
  const takes = (how: ReturnType<NonNullable<Engine["takes"]>>) =>
    engines.find((engine) => engine.takes?.(image) === how)?.name;
  const found = takes("alone") ?? takes("well");
  if (found !== undefined) return found;
  const programs = engines.filter(({ takes }) => takes !== undefined).map(({ name }) => name);
  throw new Failure(3, `Cannot run in an image: there is no ${programs.join(", ")} on PATH`, {
    remedy: "Install Docker Engine or Podman, or leave out --image",
  });
}

/** A container engine that has the experiment's image, made from the requirements as they are now; else this machine. */
async function bestHere(experiment: Experiment, host: Host): Promise<EngineChoice> {
  for (const { offer } of await allEngines()) {
    const found = await offer?.(experiment, host);
    if (found === undefined) continue;
    return found.isStale ? { ...onHost(OWN_PYTHON), note: found.note } : found;
  }
  return onHost(OWN_PYTHON);
}

const OWN_PYTHON = "the project's own Python environment on this machine";
