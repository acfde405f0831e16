/** `deno task build`: reads what is asked for, plans, and runs the plan. */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { bytes, duration } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import { client, type ImageInfo, inspectImage, pullImage, requireEngine } from "../container/client.ts";
import type { MissingImage } from "../engine/engine.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { readLock, writePin } from "../experiment/pins.ts";
import { readExperiment } from "../experiment/read.ts";
import { shellQuote } from "../system/command.ts";
import { sha256File } from "../system/files.ts";
import { callerFolder } from "../system/project_root.ts";
import { readProvenance, stageContext, stageImports, wheelsIn } from "./build_context.ts";
import { BuildOutput } from "./build_output.ts";
import {
  baseImage,
  buildCommand,
  type BuildOptions,
  type BuildPlan,
  byDigest,
  imageRequirements,
  type Pin,
  planBuild,
  readRequest,
  type Request,
} from "./build_plan.ts";
import { checkPin, pinOf } from "./image_lock.ts";

/** Lock of what the CPU image holds beside the experiment's packages. */
const IMAGE_LOCK = ".devcontainer/requirements.lock";

const WHEELHOUSE = "wheelhouse";

export type BuildRequest = Request & { action: "build" };

type Outcome = { exitCode: 0; result: unknown };

export interface BuiltImage {
  image: string;
  id: string;
  /** Of a registry, where this same image was pushed before. */
  digest?: string;
  bytes: number;
  seconds: number;
  plan: BuildPlan;
}

export async function buildTask(
  options: BuildOptions,
  positionals: string[],
  terminal: Terminal,
): Promise<Outcome> {
  const request = readRequest(options);
  const experiment = await readExperiment(positionals[0], callerFolder());
  switch (request.action) {
    case "download":
      return await download(request, experiment, terminal);
    case "build":
      return request.plan
        ? await showPlan(request, experiment, terminal)
        : { exitCode: 0, result: await buildImage(request, experiment, terminal) };
    default:
      return request satisfies never;
  }
}

/** Builds the experiment's own image, or gets one that was named; for steps that are to run in it. */
export async function obtainImage({ program, image, experiment, own }: MissingImage, terminal: Terminal) {
  if (!own) return await pullImage(program, image, (line) => terminal.progress(line));
  if (program !== "docker") {
    throw new Failure(3, `Cannot build ${image} with ${program}: images are built by Docker`, {
      remedy: `docker save ${image} | ${program} load`,
    });
  }
  const kind = image.endsWith(":cpu") ? "cpu" : "gpu";
  await buildImage({ action: "build", kind, update: false, plan: false }, experiment, terminal);
}

async function download(
  request: Request & { action: "download" },
  experiment: Experiment,
  terminal: Terminal,
): Promise<Outcome> {
  const { root } = experiment;
  const folder = resolve(callerFolder(), request.wheelhouse ?? join(root, WHEELHOUSE));
  const requirements = imageRequirements("cpu", experiment, (path) => existsSync(join(root, path)));
  const locks = [requirements, IMAGE_LOCK];
  if (request.plan) {
    terminal.line(`Would download what ${locks.join(" and ")} name to ${folder}`);
    return { exitCode: 0, result: { locks, wheelhouse: folder } };
  }
  const { downloadWheels } = await import("./wheels.ts");
  const started = performance.now();
  const { packages } = await downloadWheels({
    locks: locks.map((path) => join(root, path)),
    folder,
    progress: (line) => terminal.progress(line),
  });
  await stageImports(root, folder);
  const wheels = await wheelsIn(folder);
  const size = wheels.reduce((sum, path) => sum + Deno.statSync(path).size, 0);
  const seconds = secondsSince(started);
  terminal.line(`${folder}: ${packages} packages, ${bytes(size)}, ${duration(seconds)}`);
  terminal.line(`Build from it: deno task build --cpu --wheelhouse ${shellQuote([folder])}`);
  return { exitCode: 0, result: { wheelhouse: folder, packages, bytes: size, seconds } };
}

async function showPlan(request: BuildRequest, experiment: Experiment, terminal: Terminal): Promise<Outcome> {
  const plan = await planImage(request, experiment);
  const argv = buildCommand(plan, experiment.root);
  terminal.line(shellQuote(argv));
  terminal.note(
    "The task sends a copy that holds only the files git tracks, and the wheels if there are any",
  );
  return { exitCode: 0, result: { ...plan, argv } };
}

/** What would be built, as far as it is known without asking the engine. */
export async function planImage(request: BuildRequest, experiment: Experiment): Promise<BuildPlan> {
  const base = baseImage(request, experiment);
  return await plans(request, experiment, base, (await readLock(experiment)).images?.[base]);
}

async function plans(
  request: BuildRequest,
  experiment: Experiment,
  base: string,
  pin?: Pin,
): Promise<BuildPlan> {
  const { root } = experiment;
  const requirements = imageRequirements(request.kind, experiment, (path) => existsSync(join(root, path)));
  return planBuild(request, experiment, {
    base,
    pin,
    requirements,
    requirementsSha256: await sha256File(join(root, requirements)),
    wheelhouse: await findWheelhouse(request, root),
    provenance: await readProvenance(root),
  });
}

/** @throws Failure(2) if a wheelhouse was asked for and holds no wheel. */
async function findWheelhouse({ wheelhouse, kind }: BuildRequest, root: string): Promise<string | undefined> {
  if (wheelhouse === undefined) {
    // What lies there by itself is the CPU image's: made for another Python than GPU-Jupyter's.
    const usual = join(root, WHEELHOUSE);
    return kind === "cpu" && (await wheelsIn(usual)).length > 0 ? usual : undefined;
  }
  const folder = resolve(callerFolder(), wheelhouse);
  if ((await wheelsIn(folder)).length > 0) return folder;
  throw new Failure(2, `Cannot build from ${folder}: it holds no wheels`, {
    remedy: `Where there is a network: deno task build --download-wheels --wheelhouse ${
      shellQuote([wheelhouse])
    }`,
  });
}

/**
 * Builds an experiment's image on its pinned base and says so.
 *
 * @throws Failure as `deno task build`
 */
export async function buildImage(
  request: BuildRequest,
  experiment: Experiment,
  terminal: Terminal,
): Promise<BuiltImage> {
  const started = performance.now();
  const base = baseImage(request, experiment);
  // Every mistake in the request or the files shows before the engine is asked.
  await plans(request, experiment, base);
  await requireEngine("docker");
  const plan = await plans(request, experiment, base, await resolveBase(request, experiment, base, terminal));
  const { image, pin } = plan.base;
  terminal.line(`Building ${plan.image} on ${image} (${describePin(pin)})`);
  terminal.line(`Packages of ${plan.requirements}, from ${plan.wheelhouse ?? "the network"}`);
  const built = await runBuild(plan, experiment.root, terminal);
  const seconds = secondsSince(started);
  const digest = built.digests[0]?.replace(/^.*@/, "");
  terminal.line(`${terminal.paint(plan.image, "bold")}  ${digest ?? built.id}  ${bytes(built.size)}`);
  terminal.line(`Built in ${duration(seconds)}`);
  const { id, size } = built;
  return { image: plan.image, id, digest, bytes: size, seconds, plan };
}

function describePin(pin?: Pin): string {
  if (pin === undefined) return "not pinned";
  return pin.kind === "registry" ? pin.digest : `made on this machine, ${pin.id}`;
}

function secondsSince(started: number): number {
  return Math.round(performance.now() - started) / 1000;
}

/** Gets the base image and holds it against experiment.lock, or with `--update` the lock against it. */
async function resolveBase(
  request: BuildRequest,
  experiment: Experiment,
  base: string,
  terminal: Terminal,
): Promise<Pin> {
  const locked = (await readLock(experiment)).images?.[base];
  if (request.update) {
    const pin = pinOf(base, await newestImage(base, terminal));
    await writePin(experiment, "images", base, pin);
    terminal.line(`experiment.lock: ${base} is ${describePin(pin)}`);
    return pin;
  }
  const info = await inspectImage("docker", base) ?? await fetchImage(base, locked, terminal);
  if (locked === undefined) {
    terminal.note(`experiment.lock does not pin ${base}; to pin it: deno task build --update`);
    return pinOf(base, info);
  }
  checkPin(base, locked, info);
  return locked;
}

/** The registry's newest; what was made on this machine is no registry's. */
async function newestImage(base: string, terminal: Terminal): Promise<ImageInfo> {
  const here = await inspectImage("docker", base);
  return here !== undefined && here.digests.length === 0 ? here : await fetchImage(base, undefined, terminal);
}

async function fetchImage(base: string, locked: Pin | undefined, terminal: Terminal): Promise<ImageInfo> {
  const name = locked?.kind === "registry" ? byDigest(base, locked.digest) : base;
  terminal.line(`Getting ${name}; a GPU-Jupyter image is several gigabytes`);
  await pullImage("docker", name, (line) => terminal.progress(line));
  const info = await inspectImage("docker", name);
  if (info === undefined) throw new Failure(3, `Cannot find ${name} after it was pulled`);
  return info;
}

/** Runs the build on a copy of the tracked files; its whole output is kept only if it fails. */
async function runBuild(plan: BuildPlan, root: string, terminal: Terminal): Promise<ImageInfo> {
  const scratch = await Deno.makeTempDir({ prefix: "build-" });
  const log = await Deno.makeTempFile({ prefix: "build-", suffix: ".log" });
  try {
    const folder = join(scratch, "context");
    await Deno.mkdir(folder);
    const required = [plan.dockerfile, plan.requirements, ".dockerignore"];
    await stageContext({ root, folder, required, wheelhouse: plan.wheelhouse });
    const output = new BuildOutput(log, (line) => terminal.progress(line));
    const argv = buildCommand(plan, folder, join(scratch, "id"));
    const { code } = await client("docker", argv.slice(1), { onLine: (line) => output.line(line) });
    output.close();
    if (code !== 0) throw output.failure(plan.image, code);
    await Deno.remove(log);
    const info = await inspectImage("docker", (await Deno.readTextFile(join(scratch, "id"))).trim());
    if (info === undefined) throw new Failure(3, `Cannot find ${plan.image} after it was built`);
    return info;
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}
