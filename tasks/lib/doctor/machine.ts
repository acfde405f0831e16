/** The machine around the engines: kernel, shared memory, disks, ports. */

import { bytes } from "../cli/format.ts";
import { type Answer, output } from "./ask.ts";
import { type Finding, finding, ok } from "./findings.ts";
import type { Demands } from "./demands.ts";

/** Where JupyterLab is served unless the user says otherwise. */
export const JUPYTER_PORT = 8888;

/** The file system that a path is on. */
export interface Disk {
  path: string;
  /** Bytes. */
  total: number;
  /** Bytes that this user may still write. */
  free: number;
}

/** What the kernel says of user namespaces, which every engine without root's rights is built on. */
export interface UserNamespaces {
  /** How many there may be; 0 turns them off. */
  most?: number;
  /** Debian's switch for users without rights. */
  allowed?: boolean;
  /** Ubuntu's: only programs with an AppArmor profile for it. */
  restricted?: boolean;
}

/** What was found of this machine; a part that the system does not tell is absent. */
export interface Machine {
  os: string;
  /** e.g. "6.8.0-45-generic", or "5.15.167.4-microsoft-standard-WSL2". */
  kernel: string;
  root: boolean;
  /** Our own image, if this runs inside it. */
  image?: string;
  /** A file that a container engine left; it proves nothing. */
  containerSign?: string;
  cgroup?: 1 | 2;
  userNamespaces: UserNamespaces;
  shm?: Disk;
  /** Where the runs are written. */
  project?: Disk;
  /** Where an engine of this machine keeps its images. */
  images?: Disk;
  /** Names of the images that are here. */
  imageNames: string[];
  /** Nobody listens on JupyterLab's port. */
  portIsFree: boolean;
}

const GIB = 1024 ** 3;

/** Below this, workers that load data fail with a bus error. [pytorch#5040] */
const SHM_WANTED = GIB;

/** On disk. The CPU image by measurement; GPU-Jupyter's full image an estimate, since a registry shows packed sizes alone. */
const IMAGE_BYTES = { cpu: 2.5e9, gpu: 25e9 };

const RUNS_BYTES = 1e9;

/** By the kernel's name, so in a container on WSL, too. */
export function isWsl({ kernel }: Pick<Machine, "kernel">): boolean {
  return /microsoft/i.test(kernel);
}

export function diagnoseMachine(machine: Machine, demands: Demands): Finding[] {
  return [
    diagnosePlace(machine),
    ...diagnoseCgroup(machine),
    ...diagnoseUserNamespaces(machine),
    ...diagnoseShm(machine, demands),
    ...diagnoseImageDisk(machine, demands),
    ...diagnoseRunsDisk(machine),
    diagnosePort(machine),
  ];
}

function diagnosePlace({ os, kernel, image, containerSign }: Machine): Finding {
  if (image !== undefined) return ok(`Inside the image ${image}: its Python is the environment`);
  if (containerSign !== undefined) {
    return finding(
      "note",
      `${containerSign} is here, so this may be a container that is not of this project's making`,
      "Steps run in its Python; for the experiment's own image run the tasks on the machine around it",
    );
  }
  const place = os === "darwin" ? "macOS" : isWsl({ kernel }) ? "WSL 2 on Windows" : "Linux";
  return ok(`${place}, kernel ${kernel}, not inside a container`);
}

function diagnoseCgroup({ cgroup }: Machine): Finding[] {
  if (cgroup === undefined) return [];
  if (cgroup === 2) return [ok("cgroup version 2")];
  const what = "cgroup version 1: rootless engines can't limit memory, and newer Podman and systemd drop it";
  return [finding("note", what, "Start the kernel with systemd.unified_cgroup_hierarchy=1")];
}

function diagnoseUserNamespaces({ userNamespaces: { most, allowed, restricted }, root }: Machine): Finding[] {
  if (root || most === undefined) return [];
  if (most === 0 || allowed === false) {
    const name = most === 0 ? "user.max_user_namespaces=15000" : "kernel.unprivileged_userns_clone=1";
    const what =
      "User namespaces are turned off: rootless Podman and Docker can't run, and Apptainer only if it is installed setuid";
    return [finding("warning", what, `sudo sysctl -w ${name}, and the same in /etc/sysctl.d`)];
  }
  if (restricted) {
    return [finding(
      "note",
      "AppArmor keeps user namespaces from programs without a profile for them: a rootless engine that is not from a package may fail",
      "Install the engine from a package, or sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    )];
  }
  return [ok("User namespaces are there for rootless engines")];
}

function diagnoseShm({ shm, containerSign, image }: Machine, { shmBytes }: Demands): Finding[] {
  if (shm === undefined) return [];
  if (shm.total >= (shmBytes ?? SHM_WANTED)) return [ok(`/dev/shm has ${gib(shm.total)}`)];
  const wish = shmBytes === undefined ? "" : ` and the experiment asks for ${gib(shmBytes)}`;
  const size = `${Math.ceil((shmBytes ?? SHM_WANTED) / GIB)}g`;
  const inside = containerSign !== undefined || image !== undefined;
  return [finding(
    "warning",
    `/dev/shm has ${gib(shm.total)}${wish}: workers that load data may die with a bus error`,
    inside ? `Start this container with --shm-size=${size}` : `sudo mount -o remount,size=${size} /dev/shm`,
  )];
}

/** Memory as `--shm-size` counts it. */
function gib(count: number): string {
  return count < GIB ? `${Math.round(count / 1024 ** 2)} MB` : `${(count / GIB).toFixed(1)} GB`;
}

function diagnoseImageDisk({ images, imageNames }: Machine, { name, image, gpus }: Demands): Finding[] {
  const kind = gpus === "none" ? "cpu" : "gpu";
  const here = [`${name}:${kind}`, image].find((one) => imageNames.includes(one));
  if (here !== undefined) return [ok(`The image ${here} is here`)];
  if (images === undefined) return [];
  const what = `${bytes(images.free)} are free in ${images.path}, and the ${
    kind === "cpu" ? "CPU" : "GPU"
  } image takes about ${bytes(IMAGE_BYTES[kind])}`;
  if (images.free >= IMAGE_BYTES[kind]) return [ok(what)];
  return [
    finding(
      "warning",
      what,
      "Free some space (docker system df, or podman system df, shows what takes it), or use --engine host",
    ),
  ];
}

function diagnoseRunsDisk({ project }: Machine): Finding[] {
  if (project === undefined) return [];
  const what = `${bytes(project.free)} are free for runs in ${project.path}`;
  if (project.free >= RUNS_BYTES) return [ok(what)];
  return [finding("warning", what, "Free some space, or put the runs elsewhere with --runs DIR")];
}

function diagnosePort({ portIsFree }: Machine): Finding {
  if (portIsFree) return ok(`Port ${JUPYTER_PORT} is free for JupyterLab`);
  return finding(
    "note",
    `Port ${JUPYTER_PORT} is taken: another program listens there`,
    `Serve JupyterLab elsewhere: deno task jupyter --port ${JUPYTER_PORT + 1}`,
  );
}

/** @param answer file system type of /sys/fs/cgroup */
export function readCgroup(answer: Answer): Machine["cgroup"] {
  const type = output(answer)?.trim();
  if (type === undefined) return undefined;
  return type === "cgroup2fs" ? 2 : 1;
}

/** @param answer lines `path:value`; a kernel without a setting has no such file, so the exit code says nothing */
export function readUserNamespaces(answer: Answer): UserNamespaces {
  const text = answer.kind === "ended" ? answer.stdout : "";
  const value = (name: string) => new RegExp(`/${name}:(\\d+)`).exec(text)?.[1];
  const [most, clone] = [value("max_user_namespaces"), value("unprivileged_userns_clone")];
  return {
    most: most === undefined ? undefined : Number(most),
    allowed: clone === undefined ? undefined : clone === "1",
    restricted: value("apparmor_restrict_unprivileged_userns") === "1",
  };
}

/** @param answer of `df -P -k`, whose columns POSIX fixes */
export function readDisk(path: string, answer: Answer): Disk | undefined {
  const line = output(answer)?.trim().split("\n").at(-1) ?? "";
  const [, total, , free] = /\s(\d+)\s+(\d+)\s+(\d+)\s+\d+%\s/.exec(line) ?? [];
  if (total === undefined || free === undefined) return undefined;
  return { path, total: Number(total) * 1024, free: Number(free) * 1024 };
}

/** Names as Docker gives them; Podman adds the registry. */
export function readImageNames(answer: Answer): string[] {
  const lines = (output(answer) ?? "").split("\n").filter((line) =>
    line !== "" && !line.startsWith("<none>")
  );
  return lines.map((line) => line.replace(/^(?:localhost|docker\.io)\/(?:library\/)?/, ""));
}
