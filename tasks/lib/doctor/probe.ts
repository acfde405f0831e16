/** Looks at this machine: starts programs, all at the same time and each with a limit, and reads files. */

import { existsSync, realpathSync } from "node:fs";
import * as os from "node:os";
import { dirname, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { missing } from "../environment/own_program.ts";
import { findPython } from "../environment/python.ts";
import { checkSource, type EnvironmentSource, findSource, pythonsFor } from "../environment/source.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { imageMarker } from "../system/host.ts";
import { findOnPath } from "../system/on_path.ts";
import { isFree } from "../system/port.ts";
import { type Answer, ask } from "./ask.ts";
import { CARD_QUERY, lacksCapability, OLD_CARD_QUERY } from "./cards.ts";
import { type Engines, readEngines } from "./engines.ts";
import type { GpuProbe } from "./gpu.ts";
import { type GpuAnswers, type Probes, readGpu } from "./diagnose.ts";
import {
  JUPYTER_PORT,
  type Machine,
  readCgroup,
  readDisk,
  readImageNames,
  readUserNamespaces,
} from "./machine.ts";
import type { Programs } from "./programs.ts";
import { type CdiSpec, readCdi } from "./toolkit.ts";

const GPU_QUESTIONS = {
  nvidia_ctk: ["nvidia-ctk", "--version"],
  nvidia_container_cli: ["nvidia-container-cli", "--version"],
  docker_version: ["docker", "version", "--format", "{{json .}}"],
  docker_info: ["docker", "info", "--format", "{{json .}}"],
};

const QUESTIONS = {
  ...GPU_QUESTIONS,
  docker_images: ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"],
  podman_info: ["podman", "info", "--format", "json"],
  podman_images: ["podman", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"],
  nerdctl_version: ["nerdctl", "version", "--format", "{{json .}}"],
  apptainer_version: ["apptainer", "--version"],
  git: ["git", "--version"],
  // Deno lets no program with narrow permissions read /proc, /sys and /dev itself.
  cgroup: ["stat", "-f", "-c", "%T", "/sys/fs/cgroup"],
  user_namespaces: [
    ...["grep", "-H", "", "/proc/sys/user/max_user_namespaces"],
    ...[
      "/proc/sys/kernel/unprivileged_userns_clone",
      "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    ],
  ],
  shm: ["df", "-P", "-k", "/dev/shm"],
};

/** A driver that has to wake several cards takes its time. */
const SMI_LIMIT_MS = 10_000;

/**
 * @param root folder of the project
 * @param requirements of the experiment, relative to it; the lock beside them says which Pythons it is for
 */
export async function probe(root: string, experiment?: Experiment): Promise<Probes> {
  const [answers, nvidia_smi, project, environment, cdi] = await Promise.all([
    askAll(QUESTIONS),
    askForCards(),
    diskOf(root),
    environmentHere(experiment),
    findCdi(),
  ]);
  const images = await diskOf(imagesRoot(readEngines(answers)));
  return {
    answers: { ...answers, nvidia_smi },
    machine: { ...await readMachine(answers), project, images },
    cdi,
    rancher: isRanchers("nerdctl"),
    programs: { deno: Deno.version.deno, ...environment },
  };
}

/** What explains why a GPU can't be used; see `gpuRemedy`. */
export async function probeGpu(): Promise<GpuProbe> {
  const [answers, nvidia_smi, cdi] = await Promise.all([askAll(GPU_QUESTIONS), askForCards(), findCdi()]);
  const all: GpuAnswers = { ...answers, nvidia_smi };
  return readGpu({ answers: all, cdi, rancher: isRanchers("nerdctl"), kernel: os.release() });
}

async function askAll<Name extends string>(questions: Record<Name, string[]>): Promise<Record<Name, Answer>> {
  const asked = Object.entries<string[]>(questions).map(async ([name, argv]) => [name, await ask(argv)]);
  return Object.fromEntries(await Promise.all(asked));
}

async function askForCards(): Promise<Answer> {
  const answer = await ask(CARD_QUERY, SMI_LIMIT_MS);
  return lacksCapability(answer) ? await ask(OLD_CARD_QUERY, SMI_LIMIT_MS) : answer;
}

/** The Python that the experiment's environment would be made from, whatever its files are, and what that lacks. */
async function environmentHere(experiment?: Experiment): Promise<Pick<Programs, "python" | "lacks">> {
  if (experiment === undefined) return { python: await pythonHere() };
  const { root, environment } = experiment;
  const { requirements, install, python } = environment;
  if (requirements === undefined && install === undefined) return { python: await pythonHere(python) };
  try {
    const source = await findSource(root, requirements ?? [], { ...environment, gpu: false }, () => {});
    await checkSource(source);
    return { python: await pythonHere(python, source), lacks: programMissing(source) };
  } catch (error) {
    if (error instanceof Failure) return { python: await pythonHere(python), lacks: error };
    throw error;
  }
}

/** The program that owns the format of the experiment's files. */
function programMissing({ format: { name, program } }: EnvironmentSource): Failure | undefined {
  if (program === undefined || program.names.some((one) => findOnPath(one) !== undefined)) return undefined;
  return new Failure(3, `${name} can't be read: ${missing(program.names)}`, { remedy: program.remedy });
}

async function pythonHere(python?: string, source?: EnvironmentSource) {
  try {
    const exact = python === undefined ? undefined : { oldest: python, newest: python, isExact: true };
    if (source?.format.isConda) return await findPython();
    return await findPython({ range: source === undefined ? exact : await pythonsFor(source, python) });
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

type MachineAnswers = Record<keyof typeof QUESTIONS, Answer>;

async function readMachine(answers: MachineAnswers): Promise<Machine> {
  return {
    os: Deno.build.os,
    kernel: os.release(),
    root: Deno.uid() === 0,
    image: (await imageMarker())?.name,
    containerSign: ["/.dockerenv", "/run/.containerenv", "/.singularity.d"].find((path) => existsSync(path)),
    cgroup: readCgroup(answers.cgroup),
    userNamespaces: readUserNamespaces(answers.user_namespaces),
    shm: readDisk("/dev/shm", answers.shm),
    imageNames: [answers.docker_images, answers.podman_images].flatMap(readImageNames),
    portIsFree: isFree(JUPYTER_PORT),
  };
}

/** Where an engine keeps its images, if that is on this machine. */
function imagesRoot({ docker, podman }: Engines): string | undefined {
  if (docker.state === "usable" && docker.desktop === undefined && docker.host === os.hostname()) {
    return docker.root;
  }
  return podman.state === "usable" && !podman.remote ? podman.root : undefined;
}

/** The disk of a folder; of the nearest one above it where it is not there yet. */
async function diskOf(path?: string) {
  if (!path) return undefined;
  let at = path;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return readDisk(path, await ask(["df", "-P", "-k", at]));
}

/** The specifications in the folders where engines look for them. */
async function findCdi(): Promise<CdiSpec[]> {
  const found: CdiSpec[] = [];
  for (const folder of ["/etc/cdi", "/var/run/cdi"]) {
    const names = await Array.fromAsync(Deno.readDir(folder)).catch(() => []);
    for (const { name } of names.filter(({ name }) => /\.(?:ya?ml|json)$/.test(name))) {
      const path = join(folder, name);
      const spec = readCdi(path, await Deno.readTextFile(path).catch(() => ""));
      if (spec !== undefined) found.push(spec);
    }
  }
  return found;
}

/** Rancher Desktop puts links to its programs in `~/.rd/bin`. */
function isRanchers(program: string): boolean {
  const path = findOnPath(program);
  return path !== undefined && /[/\\](?:\.rd|Rancher Desktop)[/\\]/i.test(`${path} ${realpathSync(path)}`);
}
