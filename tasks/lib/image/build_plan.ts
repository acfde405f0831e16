/** From what a user asks for to the command line that builds an image. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { PROJECT_LABEL } from "../container/client.ts";
import { NEWEST_IMAGE } from "../doctor/demands.ts";
import { requirementsLabels } from "../engine/own_image.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { DEBIAN_PYTHON, type ImagePackages } from "./packages.ts";

export const VARIANTS = ["full", "python-only", "slim"] as const;

export type Variant = typeof VARIANTS[number];

export interface BuildOptions {
  cpu: boolean;
  base?: string;
  variant?: string;
  tag?: string;
  wheelhouse?: string;
  "download-wheels": boolean;
  update: boolean;
  plan: boolean;
  engine?: string;
}

/** What is asked for. */
export type Request =
  | { action: "download"; wheelhouse?: string; plan: boolean }
  | {
    action: "build";
    kind: "cpu" | "gpu";
    /** Image to build on, as it was asked for; the experiment's own without it. */
    base?: string;
    variant?: Variant;
    tag?: string;
    /** As the user wrote it. */
    wheelhouse?: string;
    update: boolean;
    plan: boolean;
    /** Program that was asked for. */
    engine?: BuilderProgram;
  };

/** Where the code is from, for the image's labels. */
export interface Provenance {
  /** Commit; ends in `-dirty` where tracked files differ from it. Absent without git. */
  revision?: string;
  /** Address of the repository, without credentials. */
  source?: string;
  /** Time of the commit, ISO 8601 in UTC: building the same commit again gives the same labels. */
  created?: string;
  /** SPDX expression. */
  licenses?: string;
}

/**
 * An image by what stays the same about it: a registry's digest, or its id on this engine if it was made here; and its
 * layers, which every engine shows alike.
 */
export type Pin =
  | { kind: "registry"; digest: string; layers?: string }
  | { kind: "local"; id: string; layers?: string };

/** Programs that build images. */
export const BUILDERS = ["docker", "podman"] as const;

export type BuilderProgram = typeof BUILDERS[number];

export interface BuildPlan {
  experiment: string;
  engine: BuilderProgram;
  kind: "cpu" | "gpu";
  /** Folder of the task runner in what is sent to the engine: `.` where the project is its own repository. */
  product: string;
  /** Name of the base image as it is known, and its pin; without one where only the engine could tell. */
  base: { image: string; pin?: Pin };
  /** Name of the image. */
  image: string;
  packages: ImagePackages;
  /** Absolute path of the folder with wheels; from the network without it. */
  wheelhouse?: string;
  labels: Record<string, string>;
}

const CPU_BASE = "debian:bookworm-slim";

/** @throws Failure(2) if options contradict each other. */
export function readRequest(options: BuildOptions): Request {
  const { cpu, base, tag, wheelhouse, update, plan } = options;
  const engine = options.engine as BuilderProgram | undefined;
  const variant = options.variant as Variant | undefined;
  if (options["download-wheels"]) {
    const others = Object.entries({ base, variant, tag, update, engine }).filter(([, value]) => value);
    if (others[0]) throw new Failure(2, `--download-wheels builds nothing: remove --${others[0][0]}`);
    return { action: "download", wheelhouse, plan };
  }
  if (variant !== undefined && (cpu || base !== undefined)) {
    const other = cpu ? "--cpu" : "--base";
    throw new Failure(2, `--variant chooses a GPU-Jupyter image, so it can't be given with ${other}`);
  }
  if (tag !== undefined) checkTag(tag);
  return { action: "build", kind: cpu ? "cpu" : "gpu", base, variant, tag, wheelhouse, update, plan, engine };
}

function checkTag(tag: string) {
  // A registry may have a port, and only the last part a tag.
  if (/^[a-z0-9][a-z0-9._-]*(?::\d+(?=\/))?(?:\/[a-z0-9._-]+)*(?::\w[\w.-]{0,127})?$/.test(tag)) return;
  throw new Failure(2, `--tag must be an image name such as "user/name:1.0", current value is "${tag}"`);
}

/**
 * The image that is built on: what was asked for, what the experiment names, or this project's own choice.
 *
 * @param python minor version, where Debian's own won't do
 */
export function baseImage(
  request: Request & { action: "build" },
  experiment: Experiment,
  python?: string,
): string {
  if (request.base !== undefined) return request.base;
  if (request.kind === "cpu") {
    return python === undefined || python === DEBIAN_PYTHON ? CPU_BASE : `python:${python}-slim-bookworm`;
  }
  const image = experiment.environment.image ?? NEWEST_IMAGE;
  return request.variant === undefined ? image : withVariant(image, request.variant);
}

/** @throws Failure(2) if the image is no GPU-Jupyter tag, which alone have variants. */
export function withVariant(image: string, variant: Variant): string {
  if (!/\/gpu-jupyter:v[^@]+$/.test(image)) {
    throw new Failure(
      2,
      `--variant needs a GPU-Jupyter tag in experiment.yaml, current value is "${image}"`,
      {
        remedy: "Name the image itself: --base IMAGE",
      },
    );
  }
  const full = image.replace(/_(?:python-only|slim)$/, "");
  return variant === "full" ? full : `${full}_${variant}`;
}

export interface BuildFacts {
  engine: BuilderProgram;
  base: string;
  pin?: Pin;
  product: string;
  packages: ImagePackages;
  /** Hash of the files that the packages are made from: an image from another state of them is outdated. */
  packagesSha256: string;
  wheelhouse?: string;
  provenance: Provenance;
}

/** Plain data that says exactly what will be built. */
export function planBuild(
  request: Request & { action: "build" },
  experiment: Experiment,
  facts: BuildFacts,
): BuildPlan {
  const { kind } = request;
  return {
    experiment: experiment.name,
    engine: facts.engine,
    kind,
    product: facts.product,
    base: { image: facts.base, pin: facts.pin },
    image: request.tag ?? `${experiment.name}:${kind}`,
    packages: facts.packages,
    wheelhouse: facts.wheelhouse,
    labels: labels(experiment, facts),
  };
}

/** Labels of the Open Container Initiative's image specification; what is not known is left out. */
function labels(
  experiment: Experiment,
  { base, pin, provenance, packages, packagesSha256 }: BuildFacts,
): Record<string, string> {
  const oci: Record<string, string | undefined> = {
    title: experiment.title ?? experiment.name,
    source: provenance.source,
    revision: provenance.revision,
    created: provenance.created,
    licenses: provenance.licenses,
    "base.name": base,
    "base.digest": pin?.kind === "registry" ? pin.digest : undefined,
  };
  const given = Object.entries(oci).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const named = given.map(([name, value]) => [`org.opencontainers.image.${name}`, value]);
  // An id is no digest: it names an image on the engine that made it and nowhere else.
  if (pin?.kind === "local") {
    const { layers, id } = pin;
    named.push(layers === undefined ? ["experiment.base.id", id] : ["experiment.base.layers", layers]);
  }
  return Object.fromEntries([
    ...named,
    ["experiment.name", experiment.name],
    ...Object.entries(requirementsLabels(packages.files, packagesSha256)),
    ...(packages.local.length === 0 ? [] : [[PROJECT_LABEL, "/home/jovyan/work"] as const]),
  ]);
}

/**
 * The command line of the build, for Docker's classic builder, BuildKit and Podman.
 *
 * @param context folder that is sent to the engine
 * @param installs whether the project itself is installed, as far as it is known before the packages are listed
 */
export function buildCommand(
  plan: BuildPlan,
  context: string,
  installs = PROJECT_LABEL in plan.labels,
): string[] {
  const buildArguments = {
    // By its name, after a look at what it is: no builder finds an image by a digest that only a registry could tell.
    BASE_IMAGE: plan.base.image,
    ...(plan.product !== "." && { PRODUCT: plan.product }),
    REQUIREMENTS: requirementsOf(plan),
    IMAGE_NAME: plan.image,
    ...(installs && plan.kind === "cpu" && { ENVIRONMENT: "project" }),
  };
  return [
    ...[
      plan.engine,
      "build",
      ...(plan.engine === "podman" ? ["--format", "docker"] : []),
      "--file",
      join(context, dockerfileOf(plan)),
      "--tag",
      plan.image,
    ],
    ...Object.entries(buildArguments).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]),
    ...Object.entries(plan.labels).flatMap(([name, value]) => ["--label", `${name}=${value}`]),
    context,
  ];
}

/** Folder in what is sent to the engine with what is put there beside the project's own files. */
export const STAGED = ".experiment";

/** The Dockerfile, relative to what is sent to the engine. */
export function dockerfileOf({ product, kind }: Pick<BuildPlan, "product" | "kind">): string {
  return join(product, "tasks/inside/image", `${kind}.Dockerfile`);
}

/** The list of packages, likewise: a file of the project, or one that is made for the build. */
export function requirementsOf({ packages: { by, files } }: Pick<BuildPlan, "packages">): string {
  return by === "copy" ? files[0]! : `${STAGED}/requirements.txt`;
}

/** `name:tag` as `name@digest`. */
export function byDigest(image: string, digest: string): string {
  return `${repository(image)}@${digest}`;
}

/** The image's name without tag and digest; a colon before a slash belongs to the registry's port. */
export function repository(image: string): string {
  return image.replace(/@.*$/, "").replace(/:[^:/]+$/, "");
}
