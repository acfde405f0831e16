/** `deno task build`: reads what is asked for, plans, and runs the plan. */

import { basename, join, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { bytes, duration } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import {
  client,
  identityOf,
  type ImageInfo,
  inspectImage,
  pullImage,
  requireEngine,
} from "../container/client.ts";
import { isOnPath } from "../system/on_path.ts";
import { identityInWords, type ImageIdentity } from "../experiment/image_identity.ts";
import type { MissingImage } from "../engine/engine.ts";
import { hashOfRequirements } from "../engine/own_image.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { readLock, writePin } from "../experiment/pins.ts";
import { readExperiment } from "../experiment/read.ts";
import { removeLater, shellQuote } from "../system/command.ts";
import { IMAGE } from "../system/product.ts";
import { callerFolder } from "../system/project_root.ts";
import { productIn, readProvenance, stageContext, stageImports, wheelsIn } from "./build_context.ts";
import { BuildOutput } from "./build_output.ts";
import {
  baseImage,
  buildCommand,
  type BuilderProgram,
  BUILDERS,
  type BuildOptions,
  type BuildPlan,
  byDigest,
  dockerfileOf,
  type Pin,
  planBuild,
  readRequest,
  type Request,
  requirementsOf,
  STAGED,
} from "./build_plan.ts";
import { findBuilder, withMounts } from "./builder.ts";
import { checkPin, pinOf } from "./image_lock.ts";
import { DEBIAN_PYTHON, type ImagePackages, listBuilders, listPackages, planPackages } from "./packages.ts";

/** Lock of what the CPU image holds beside the experiment's packages. */
const IMAGE_LOCK = join(IMAGE, "requirements.lock");

const WHEELHOUSE = "wheelhouse";

export type BuildRequest = Request & { action: "build" };

type Outcome = { exitCode: 0; result: unknown };

export interface BuiltImage {
  image: string;
  /** What it is known by. */
  identity: ImageIdentity & { id: string };
  /** As the engine counts it: of the layers, unpacked, or compressed where it names images by their manifests. */
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
        : { exitCode: 0, result: await buildAndTell(request, experiment, positionals[0], terminal) };
    default:
      return request satisfies never;
  }
}

/** What is made is not what runs use by themselves: `auto` keeps the engine of the run before. */
async function buildAndTell(
  request: BuildRequest,
  experiment: Experiment,
  path: string | undefined,
  terminal: Terminal,
): Promise<BuiltImage> {
  const built = await buildImage(request, experiment, terminal);
  terminal.line(`Run in it: ${nextCommand(experiment, built.plan, path, request.tag)}`);
  return built;
}

/** The command line that runs an experiment's training, or all of it, in an image. */
export function nextCommand(
  { steps }: Pick<Experiment, "steps">,
  { engine }: Pick<BuildPlan, "engine">,
  path?: string,
  tag?: string,
): string {
  const task = "train" in steps ? "train" : "reproduce";
  const named = path === undefined ? [] : [path];
  const image = tag === undefined ? [] : ["--image", tag];
  return shellQuote(["deno", "task", task, ...named, "--engine", engine, ...image]);
}

/** Builds the experiment's own image, or gets one that was named; for steps that are to run in it. */
export async function obtainImage({ program, image, experiment, own }: MissingImage, terminal: Terminal) {
  if (!own) return await pullImage(program, image, (line) => terminal.progress(line));
  const engine = BUILDERS.find((one) => one === program);
  if (engine === undefined) {
    throw new Failure(
      3,
      `Cannot build ${image} with ${program}: images are built by ${BUILDERS.join(" or ")}`,
      {
        remedy: `docker save ${image} | ${program} load`,
      },
    );
  }
  const kind = image.endsWith(":cpu") ? "cpu" : "gpu";
  await buildImage({ action: "build", kind, update: false, plan: false, engine }, experiment, terminal);
}

async function download(
  request: Request & { action: "download" },
  experiment: Experiment,
  terminal: Terminal,
): Promise<Outcome> {
  const { root } = experiment;
  const folder = resolve(callerFolder(), request.wheelhouse ?? join(root, WHEELHOUSE));
  const packages = await planPackages("cpu", experiment);
  const locks = [...packages.files, basename(IMAGE_LOCK)];
  if (request.plan) {
    terminal.line(`Would download what ${packages.files.join(", ")} and JupyterLab come to, to ${folder}`);
    return { exitCode: 0, result: { locks, wheelhouse: folder } };
  }
  const { downloadWheels } = await import("./wheels.ts");
  const started = performance.now();
  const announce = (line: string) => terminal.line(line);
  const { text, local } = await listPackages(packages, "cpu", experiment, announce);
  const count = await downloadWheels({
    lists: [text, await Deno.readTextFile(IMAGE_LOCK), ...await listBuilders(local, packages, experiment)],
    named: packages.files.join(" and "),
    python: packages.python ?? DEBIAN_PYTHON,
    folder,
    progress: (line) => terminal.progress(line),
  });
  await stageImports(folder);
  const wheels = await wheelsIn(folder);
  const size = wheels.reduce((sum, path) => sum + Deno.statSync(path).size, 0);
  const seconds = secondsSince(started);
  terminal.line(`${folder}: ${count} packages, ${bytes(size)}, ${duration(seconds)}`);
  terminal.line(`Build from it: deno task build --cpu --wheelhouse ${shellQuote([folder])}`);
  return { exitCode: 0, result: { wheelhouse: folder, packages: count, bytes: size, seconds } };
}

async function showPlan(request: BuildRequest, experiment: Experiment, terminal: Terminal): Promise<Outcome> {
  const plan = await planImage(request, experiment);
  const argv = buildCommand(plan, experiment.root);
  terminal.line(shellQuote(argv));
  terminal.note(
    "The task sends a copy that holds only the files git tracks, and the wheels if there are any" +
      (plan.product === "." ? "" : `; the task runner's own files are in its ${plan.product}`),
  );
  return { exitCode: 0, result: { ...plan, argv } };
}

/** What would be built, as far as it is known without asking the engine. */
export async function planImage(request: BuildRequest, experiment: Experiment): Promise<BuildPlan> {
  const packages = await planPackages(request.kind, experiment);
  const base = baseImage(request, experiment, packages.python);
  const engine = request.engine ?? BUILDERS.find(isOnPath) ?? "docker";
  const pin = (await readLock(experiment)).images?.[base];
  return await plans(request, experiment, { engine, base, packages, pin });
}

/** The program that was asked for, else the first that is there and answers. */
async function chooseBuilder({ engine }: BuildRequest, terminal: Terminal): Promise<BuilderProgram> {
  const programs = engine === undefined ? BUILDERS.filter(isOnPath) : [engine];
  let problem: unknown;
  for (const program of programs) {
    try {
      await requireEngine(program);
      if (problem instanceof Failure) terminal.note(`${problem.message}; so ${program} builds`);
      return program;
    } catch (error) {
      problem ??= error;
    }
  }
  throw problem ?? new Failure(3, `Cannot build an image: there is no ${BUILDERS.join(" or ")} on PATH`, {
    remedy: "Install Docker Engine or Podman (on Debian and Ubuntu: apt install podman)",
  });
}

async function plans(
  request: BuildRequest,
  experiment: Experiment,
  known: { engine: BuilderProgram; base: string; packages: ImagePackages; pin?: Pin },
): Promise<BuildPlan> {
  const { root } = experiment;
  return planBuild(request, experiment, {
    ...known,
    product: productIn(root),
    packagesSha256: await hashOfRequirements(root, known.packages.files) ?? "",
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
  const packages = await planPackages(request.kind, experiment);
  const base = baseImage(request, experiment, packages.python);
  // Every mistake in the request or the files shows before the engine is asked.
  await plans(request, experiment, { engine: "docker", base, packages });
  const engine = await chooseBuilder(request, terminal);
  const list = await listPackages(packages, request.kind, experiment, (line) => terminal.line(line));
  const pin = await resolveBase({ request, experiment, engine, base, terminal });
  const plan = await plans(request, experiment, { engine, base, packages, pin });
  terminal.line(`Building ${plan.image} on ${base} (${describePin(pin)}), by ${engine}`);
  const { built, config, packages: got } = await runBuild(plan, list, experiment.root, terminal);
  if (got !== undefined) {
    const from = got === "in the base" ? `already in ${base}` : `from ${plan.wheelhouse ?? "the network"}`;
    terminal.line(`Packages of ${packages.files.join(", ")}, ${from}`);
  }
  const seconds = secondsSince(started);
  const identity = { ...identityOf(built), ...(config !== undefined && { config }) };
  const known = identityInWords(identity);
  // Engines that name images by their manifests count what a registry would keep.
  const size = `${bytes(built.size)} ${built.config === undefined ? "compressed" : "unpacked"}`;
  terminal.line(`${terminal.paint(plan.image, "bold")}  ${known}  ${size}`);
  terminal.line(`Built in ${duration(seconds)}`);
  return { image: plan.image, identity, bytes: built.size, seconds, plan };
}

function describePin(pin?: Pin): string {
  if (pin === undefined) return "not pinned";
  return pin.kind === "registry"
    ? `registry digest ${pin.digest}`
    : `made on this machine, ${pin.layers ?? pin.id}`;
}

function secondsSince(started: number): number {
  return Math.round(performance.now() - started) / 1000;
}

interface BaseRequest {
  request: BuildRequest;
  experiment: Experiment;
  engine: BuilderProgram;
  base: string;
  terminal: Terminal;
}

/** Gets the base image and holds it against experiment.lock, or with `--update` the lock against it. */
async function resolveBase(wanted: BaseRequest): Promise<Pin> {
  const { request, experiment, engine, base, terminal } = wanted;
  const locked = (await readLock(experiment)).images?.[base];
  if (request.update) {
    const pin = await newestPin(wanted);
    await writePin(experiment, "images", base, pin);
    terminal.line(`experiment.lock: ${base} is ${describePin(pin)}`);
    return pin;
  }
  const here = await inspectImage(engine, base);
  const info = here ?? await fetchImage(wanted, locked);
  if (locked === undefined) {
    terminal.note(`experiment.lock does not pin ${base}; to pin it: deno task build --update`);
    return pinOf(base, info, here === undefined);
  }
  checkPin(base, locked, info);
  return locked;
}

/** The registry's newest; else what is here, since what was made on this machine is no registry's. */
async function newestPin(wanted: BaseRequest): Promise<Pin> {
  const { engine, base, terminal } = wanted;
  const here = await inspectImage(engine, base);
  if (here !== undefined && here.manifests.length === 0) return pinOf(base, here);
  try {
    return pinOf(base, await fetchImage(wanted), true);
  } catch (error) {
    if (here === undefined || !(error instanceof Failure)) throw error;
    terminal.note(`${error.message}; so it is pinned as it is on this machine`);
    return pinOf(base, here);
  }
}

async function fetchImage({ engine, base, terminal }: BaseRequest, locked?: Pin): Promise<ImageInfo> {
  const name = locked?.kind === "registry" ? byDigest(base, locked.digest) : base;
  terminal.line(`Getting ${name}; a GPU-Jupyter image is several gigabytes`);
  await pullImage(engine, name, (line) => terminal.progress(line));
  // What is asked for by its digest gets no name, and builders know their base by its name.
  if (name !== base) await client(engine, ["tag", name, base]);
  const info = await inspectImage(engine, base);
  if (info === undefined) throw new Failure(3, `Cannot find ${name} after it was pulled`);
  return info;
}

interface Built {
  built: ImageInfo;
  /** Digest of the configuration, where the builder says it. */
  config?: string;
  packages: BuildOutput["packages"];
}

/** Runs the build on a copy of the tracked files; its whole output is kept only if it fails. */
async function runBuild(
  plan: BuildPlan,
  { text, local }: { text: string; local: string[] },
  root: string,
  terminal: Terminal,
): Promise<Built> {
  const scratch = await Deno.makeTempDir({ prefix: "build-" });
  const log = await Deno.makeTempFile({ prefix: "build-", suffix: ".log" });
  try {
    const folder = join(scratch, "context");
    await Deno.mkdir(folder);
    const { by, files } = plan.packages;
    const made = {
      ...(by !== "copy" && { [requirementsOf(plan)]: text }),
      ...(local.length > 0 && { [`${STAGED}/install.txt`]: local.map((one) => `${one}\n`).join("") }),
    };
    const [builder] = await Promise.all([
      findBuilder(plan.engine),
      stageContext({ root, folder, required: files, wheelhouse: plan.wheelhouse, made }),
    ]);
    if (builder.mounts) await withMounts(join(folder, dockerfileOf(plan)));
    const output = new BuildOutput(log, (line) => terminal.progress(line));
    const metadata = join(scratch, "metadata.json");
    const [, subcommand, ...args] = buildCommand(plan, folder, local.length > 0);
    const options = builder.metadata ? ["--metadata-file", metadata] : [];
    const { code } = await client(plan.engine, [subcommand!, ...options, ...args], {
      env: builder.env,
      onLine: (line) => output.line(line),
    });
    output.close();
    if (code !== 0) throw output.failure(plan.image, code);
    await Deno.remove(log);
    // By its name: what a builder writes down as the id may be the configuration's digest, which not every engine finds.
    const built = await inspectImage(plan.engine, plan.image);
    if (built === undefined) throw new Failure(3, `Cannot find ${plan.image} after it was built`);
    const config = built.config ?? (builder.metadata ? await configIn(metadata) : undefined);
    return { built, config, packages: output.packages };
  } finally {
    removeLater(scratch);
  }
}

/** What BuildKit says of the image that it made; engines that name images by their manifests show it nowhere else. */
async function configIn(metadata: string): Promise<string | undefined> {
  const text = await Deno.readTextFile(metadata).catch(() => "{}");
  return JSON.parse(text)["containerimage.config.digest"];
}
