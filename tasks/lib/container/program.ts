/** Docker and the programs with its command line. All that differs between them is in this table. */

import type { GpuRequest } from "../plan/gpus.ts";
import { compareVersions } from "../system/version.ts";

interface Program {
  title: string;
  /** How to get it. */
  install: string;
  /** How to get the right to use it. */
  allow: string;
  /** How to get an answer of it. */
  start: string;
  /**
   * Characters that it can't be told in the path of a mount. Docker 20.10 and Podman 4.3 were seen to take all others.
   */
  refused: RegExp;
  gpuArguments(gpus: Exclude<GpuRequest, "none">): string[];
  /** Of its version, whether it can be told to keep no copy of the output. */
  takesNoLog(version: string): boolean;
  /** Of its version, whether it can be told not to check the container's health. */
  takesNoHealthcheck(version: string): boolean;
  /** What is written to its `run --interactive` was seen to reach the container, and its end as well. */
  waits: boolean;
}

const always = () => true;

/** What differs between the programs, in one place. */
export const PROGRAMS = {
  docker: {
    title: "Docker",
    install: "Install Docker Engine, Docker Desktop, or Rancher Desktop in its dockerd mode",
    allow: "sudo usermod -aG docker $USER, then log in again; members of that group are as good as root",
    start: "Start it (sudo systemctl start docker, or Docker Desktop), or correct DOCKER_HOST",
    refused: /[\n\r]/,
    gpuArguments: asGpus,
    takesNoLog: always,
    takesNoHealthcheck: always,
    waits: true,
  },
  podman: {
    title: "Podman",
    install: "Install Podman (on Debian and Ubuntu: apt install podman)",
    allow: "Run it as a user who may, or see the rootless set-up of your engine",
    start: "Start it; podman version tells more",
    refused: /[\n\r]/,
    gpuArguments: asDevices,
    takesNoLog: always,
    takesNoHealthcheck: always,
    waits: true,
  },
  nerdctl: {
    title: "nerdctl",
    install: "Install nerdctl, or Rancher Desktop in its containerd mode",
    allow: "Run it as a user who may, or see the rootless set-up of your engine",
    start: "Start it; nerdctl version tells more",
    refused: /[\n\r,":]/,
    gpuArguments: asGpus,
    // By its source: the log driver "none" is in 2.0.0, --no-healthcheck in 2.1.3; older ones refuse to start.
    takesNoLog: (version) => compareVersions(version, "2.0.0") >= 0,
    takesNoHealthcheck: (version) => compareVersions(version, "2.1.3") >= 0,
    waits: false,
  },
} satisfies Record<string, Program>;

/** A program that runs containers as `docker` does. */
export type ContainerProgram = keyof typeof PROGRAMS;

export const CONTAINER_PROGRAMS = Object.keys(PROGRAMS) as ContainerProgram[];

/** Read as a line of CSV, so a list of devices is one quoted cell. */
function asGpus(gpus: Exclude<GpuRequest, "none">): string[] {
  return ["--gpus", Array.isArray(gpus) ? `"device=${gpus.join(",")}"` : String(gpus)];
}

/** Podman before version 5 ignores `--gpus`, so it gets the devices of the CDI specification. */
function asDevices(gpus: Exclude<GpuRequest, "none">): string[] {
  const ids = typeof gpus === "number" ? Array.from({ length: gpus }, (_, index) => String(index)) : gpus;
  return [ids].flat().flatMap((id) => ["--device", `nvidia.com/gpu=${id}`]);
}
