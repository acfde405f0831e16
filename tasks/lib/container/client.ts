/** The command line clients of container engines: what they know of images and containers, and what their failures mean. */

import { stripVTControlCharacters } from "node:util";
import type { ImageIdentity } from "../experiment/image_identity.ts";
import { Failure } from "../cli/failure.ts";
import { sha256InPlan } from "../system/files.ts";
import { type Finished, run, type RunOptions } from "../system/command.ts";
import { type ContainerProgram, PROGRAMS } from "./program.ts";

/** An image that the engine has, by what `inspect` says. */
export interface ImageInfo {
  id: string;
  /** Digest of its configuration, where the id is that. */
  config?: string;
  /** Its layers, as the OCI image specification's chain id. */
  layers?: string;
  /** Hash of what its configuration gives to a step. */
  settings?: string;
  /** `repository@sha256:…` for each registry that it was pulled from or pushed to, as far as the engine knows that. */
  digests: string[];
  /** `repository@sha256:…` of all names that the engine has it by, though no registry may know them. */
  manifests: string[];
  /** Bytes of the layers, unpacked; compressed where the id is a manifest's, so that `config` is not known. */
  size: number;
  labels: Record<string, string>;
  /** Environment of the image, by name. */
  env: Record<string, string>;
  /** Argument list that a container's command is appended to; empty if there is none. */
  entrypoint: string[];
}

/** A container, running or not. */
export interface ContainerInfo {
  id: string;
  /** Without the slash that Docker puts before it. */
  name: string;
  /** Name of the image it was made from. */
  image: string;
  running: boolean;
  /** Somebody is removing it: it is there until its files are gone. */
  removing: boolean;
  exitCode: number;
  /** A process of it was ended because the memory limit was reached. */
  oomKilled: boolean;
  /** What the engine itself says went wrong, e.g. when it could not start it. */
  error: string;
  labels: Record<string, string>;
  /** ISO 8601. */
  started: string;
  /** Ports of this machine by port of the container, e.g. `{"8888/tcp": [{address: "127.0.0.1", port: 8888}]}`. */
  ports: Record<string, { address: string; port: number }[]>;
}

/** Labels by which this project's own containers are found again, also after their runner was killed. */
export const LABELS = {
  /** Absolute path of the project that it works for. */
  project: "experiment.project",
  /** What it is for: `step`, `jupyter`, `permissions`. */
  role: "experiment.role",
  /** Id of the run whose step runs in it. */
  run: "experiment.run",
  /** Absolute path of that run's folder, whose lock tells whether its runner lives. */
  directory: "experiment.directory",
} as const;

/** Label of an image in which the project itself is installed: the folder that it is installed from. */
export const PROJECT_LABEL = "experiment.installed-from";

/** Which requirements an image was built from, and their hash. */
export const REQUIREMENTS_LABELS = {
  file: "experiment.requirements",
  sha256: "experiment.requirements.sha256",
} as const;

/** @throws Failure(3) if the client is not there; a non-zero exit code is a result. */
export async function client(
  program: ContainerProgram,
  args: string[],
  options: RunOptions = {},
): Promise<Finished> {
  try {
    return await run([program, ...args], options);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { title, install } = PROGRAMS[program];
    throw new Failure(3, `Cannot use ${title}: there is no program ${program} on PATH`, { remedy: install });
  }
}

/** What the engine says of itself. */
export interface EngineInfo {
  /** Of the engine; nerdctl's own, since its options depend on that. */
  version: string;
  /** The engine runs without root's rights: root in a container is the user who started it. */
  rootless: boolean;
  /** Ids in containers are other ids on this machine (Docker's `userns-remap`). */
  remapped: boolean;
}

/**
 * The engine behind the client.
 *
 * @throws Failure(3) if there is no client, no engine that answers, or no right to ask it.
 */
export async function requireEngine(program: ContainerProgram): Promise<EngineInfo> {
  switch (program) {
    case "docker": {
      const info = await ask(program, ["info"]);
      if (info.ServerVersion === undefined) throw imitated();
      return { version: info.ServerVersion, ...idsOf(info) };
    }
    case "nerdctl": {
      const [info, version] = await Promise.all([ask(program, ["info"]), ask(program, ["version"])]);
      return { version: version.Client?.Version?.replace(/^v/, "") ?? "unknown", ...idsOf(info) };
    }
    case "podman": {
      // There is no daemon: the client's version is the engine's, and its user's rights are the engine's.
      const { Client } = await ask(program, ["version"]);
      return { version: Client?.Version ?? "unknown", rootless: Deno.uid() !== 0, remapped: false };
    }
    default:
      return program satisfies never;
  }
}

/**
 * How ids in containers become ids of this machine. Docker 20.10 tells only here, and not among the components of its
 * version, that it is rootless.
 *
 * @param info answer of `docker info` or `nerdctl info`, as JSON
 */
export function idsOf(info: { SecurityOptions?: string[] | null }): Omit<EngineInfo, "version"> {
  const options = info.SecurityOptions ?? [];
  return { rootless: options.includes("name=rootless"), remapped: options.includes("name=userns") };
}

function imitated(): Failure {
  return new Failure(3, "Cannot use Docker: the command docker is Podman's imitation", {
    remedy: "Use Podman by its name: --engine podman",
  });
}

/** @throws Failure(3) if the client can't tell. */
// deno-lint-ignore no-explicit-any
async function ask(program: ContainerProgram, question: string[]): Promise<any> {
  const args = [...question, "--format", "{{json .}}"];
  const { code, stdout, stderr } = await client(program, args, { timeoutMs: 30_000 });
  const answer = parseAnswer(stdout);
  // Docker's client 20.10 ends with 0 where no engine answers.
  const errors = ((answer?.ServerErrors ?? []) as string[]).join("\n");
  if (code === 0 && errors === "" && answer !== null) return answer;
  throw explainEngine(program, errors || stderr);
}

/** Null for what is no JSON, as of an imitated client. */
// deno-lint-ignore no-explicit-any
function parseAnswer(stdout: string): any {
  try {
    return JSON.parse(stdout.trim() || "null");
  } catch {
    return null;
  }
}

/** What the client's message means, and what to do about it. */
export function explainEngine(program: ContainerProgram, stderr: string): Failure {
  const { title, allow, start } = PROGRAMS[program];
  const message = lastLine(stderr);
  if (/permission denied/i.test(stderr)) {
    return new Failure(3, `Cannot use ${title}: this user may not talk to the engine (${message})`, {
      remedy: allow,
    });
  }
  if (isOutOfReach(stderr)) {
    return new Failure(3, `Cannot use ${title}: no engine answers (${message})`, { remedy: start });
  }
  return new Failure(3, `Cannot use ${title}: ${message || "the engine did not answer within 30 s"}`, {
    remedy: `${program} version tells more`,
  });
}

/** Whether the client says that there is no engine to talk to, or that it went away. */
export function isOutOfReach(stderr: string): boolean {
  return /cannot connect|is the docker daemon running|connection refused|no such host|ENOENT|unexpected EOF|error during connect/i
    .test(stderr);
}

/** The last line of what a program says, without its colours and its hint at its own help. */
export function lastLine(text: string): string {
  const lines = stripVTControlCharacters(text).split("\n").map((line) => line.trim());
  const last = lines.filter((line) => line !== "" && !HELP_HINT.test(line)).at(-1) ?? "";
  return last.replace(/\.?\s*See '\w+ [^']*--help'.*$/, "");
}

const HELP_HINT = /^(?:Run|See) '\w+ [^']*--help'/;

/** An image on this machine; `undefined` if it is not here. */
export async function inspectImage(
  program: ContainerProgram,
  name: string,
): Promise<ImageInfo | undefined> {
  const { code, stdout, stderr } = await client(program, ["image", "inspect", name]);
  if (code === 0) return await readImage(program, name, JSON.parse(stdout)[0]);
  if (IMAGE_MISSING.test(stderr)) return undefined;
  throw explainEngine(program, stderr);
}

const IMAGE_MISSING = /no such image|image not known|not found/i;

/** The first of these names, each with its tag, that there is an image of: one question instead of several. */
export async function findImage(
  program: ContainerProgram,
  names: string[],
): Promise<{ name: string; image: ImageInfo } | undefined> {
  const { code, stdout, stderr } = await client(program, ["image", "inspect", ...names]);
  if (code !== 0 && !IMAGE_MISSING.test(stderr)) throw explainEngine(program, stderr);
  // deno-lint-ignore no-explicit-any
  const found = (parseAnswer(stdout) ?? []) as any[];
  // Podman puts localhost/ before the names of images that were made here.
  const isCalled = (tag: string, name: string) => tag === name || tag.endsWith(`/${name}`);
  for (const name of names) {
    const image = found.find(({ RepoTags }) => (RepoTags ?? []).some((tag: string) => isCalled(tag, name)));
    if (image !== undefined) return { name, image: await readImage(program, name, image) };
  }
}

/**
 * An image as an engine describes it.
 *
 * @param name by which it was asked for
 * @param inspected answer of `image inspect`
 */
export async function readImage(
  program: ContainerProgram,
  name: string,
  // deno-lint-ignore no-explicit-any
  inspected: any,
): Promise<ImageInfo> {
  const { Id, RepoDigests, Size, Config, RootFS } = inspected;
  const entries = (Config?.Env ?? []) as string[];
  // Podman leaves the algorithm out.
  const id = Id.startsWith("sha256:") ? Id : `sha256:${Id}`;
  const manifests = (RepoDigests ?? []) as string[];
  // In Docker's containerd image store, where every image has a digest, pulled or not.
  const isManifest = manifests.some((entry) => entry.endsWith(`@${id}`));
  const knowsRegistries = program === "docker" && !isManifest;
  const asked = /@.*$/.exec(name)?.[0];
  return {
    id,
    config: isManifest ? undefined : id,
    layers: await chainId(RootFS?.Layers ?? []),
    settings: await settingsOf(Config ?? {}),
    digests: manifests.filter((entry) => knowsRegistries || (asked !== undefined && entry.endsWith(asked))),
    manifests,
    size: Size,
    labels: Config?.Labels ?? {},
    env: Object.fromEntries(entries.map((entry) => [entry.split("=")[0]!, entry.replace(/^[^=]*=/, "")])),
    entrypoint: Config?.Entrypoint ?? [],
  };
}

/** One hash for what an image's configuration gives to a step, however an engine writes what is empty. */
// deno-lint-ignore no-explicit-any
async function settingsOf({ Env, Entrypoint, User, WorkingDir }: any): Promise<string> {
  return `sha256:${await sha256InPlan(
    JSON.stringify([Env ?? [], Entrypoint ?? [], User || "", WorkingDir || "/"]),
  )}`;
}

/** One digest for an image's layers, of the digests of each uncompressed (OCI image specification, layer chain id). */
export async function chainId(layers: string[]): Promise<string | undefined> {
  let [chain, ...above] = layers;
  for (const layer of above) chain = `sha256:${await sha256InPlan(`${chain} ${layer}`)}`;
  return chain;
}

/** What of an image is recorded to tell it from others. */
export function identityOf(
  { id, config, layers, settings, digests }: ImageInfo,
): ImageIdentity & { id: string } {
  return { id, config, layers, settings, digest: digests[0]?.replace(/^.*@/, "") };
}

/** @throws Failure(3) if the image can't be had. */
export async function pullImage(
  program: ContainerProgram,
  name: string,
  progress: (line: string) => void,
): Promise<void> {
  const { code, stderr } = await client(program, ["pull", name], { onLine: progress });
  if (code === 0) return;
  throw new Failure(
    3,
    `Cannot get the image ${name}: ${program} pull says "${lastLine(stderr)}"`,
    {
      remedy:
        `Check the name and the network, or bring it along: ${program} save ${name} elsewhere, ${program} load here`,
    },
  );
}

/** A container, running or not; `undefined` if it is not there. */
export async function inspectContainer(
  program: ContainerProgram,
  name: string,
): Promise<ContainerInfo | undefined> {
  const { code, stdout, stderr } = await client(program, ["container", "inspect", name]);
  if (code === 0) return readContainer(JSON.parse(stdout)[0]);
  if (/no such (?:container|object)|no container with/i.test(stderr)) return undefined;
  throw explainEngine(program, stderr);
}

/** Ids of the containers that have all these labels, newest first, running or not. */
export async function listContainers(
  program: ContainerProgram,
  labels: Record<string, string>,
): Promise<string[]> {
  const filters = Object.entries(labels).flatMap(([name, value]) => ["--filter", `label=${name}=${value}`]);
  const listed = await client(program, ["ps", "--all", "--quiet", "--no-trunc", ...filters]);
  if (listed.code !== 0) throw explainEngine(program, listed.stderr);
  return listed.stdout.split("\n").filter((id) => id !== "");
}

/** The containers that have all these labels, newest first, running or not. */
export async function findContainers(
  program: ContainerProgram,
  labels: Record<string, string>,
): Promise<ContainerInfo[]> {
  const ids = await listContainers(program, labels);
  const found = await Promise.all(ids.map((id) => inspectContainer(program, id)));
  return found.filter((one) => one !== undefined);
}

/**
 * Removes a container, ending it first; one that is gone already is no error.
 *
 * @returns whether it was there
 */
export async function removeContainer(program: ContainerProgram, name: string): Promise<boolean> {
  // Podman's vfs driver was seen to take 40 s for an image of 2 GB.
  const { code, stderr } = await client(program, ["rm", "--force", "--volumes", name], {
    timeoutMs: 120_000,
  });
  // Newer engines end with 0 for one that is not there, too.
  if (/no such container|no container with|already in progress/i.test(stderr)) return false;
  if (code === 0) return true;
  throw explainEngine(program, stderr);
}

// deno-lint-ignore no-explicit-any
function readContainer(inspected: any): ContainerInfo {
  const { Id, Name, Config, State, NetworkSettings, ImageName } = inspected;
  const ports = Object.entries((NetworkSettings?.Ports ?? {}) as Record<string, PortBinding[] | null>);
  return {
    id: Id,
    name: Name.replace(/^\//, ""),
    image: ImageName ?? Config?.Image ?? "",
    running: State?.Running === true,
    removing: State?.Status === "removing" || State?.Dead === true,
    exitCode: State?.ExitCode ?? 0,
    oomKilled: State?.OOMKilled === true,
    error: State?.Error ?? "",
    labels: Config?.Labels ?? {},
    started: State?.StartedAt ?? "",
    ports: Object.fromEntries(ports.map(([port, bindings]) => [
      port,
      (bindings ?? []).map(({ HostIp, HostPort }) => ({ address: HostIp, port: Number(HostPort) })),
    ])),
  };
}

interface PortBinding {
  HostIp: string;
  HostPort: string;
}
