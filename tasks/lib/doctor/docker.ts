/** Docker: client, engine, and the rights to use it. */

import type { Failure } from "../cli/failure.ts";
import { explainEngine, idsOf } from "../container/client.ts";
import { compareVersions } from "../system/version.ts";
import { type Answer, jsonOf } from "./ask.ts";
import { type Finding, finding, ok } from "./findings.ts";

/** Docker as it answered; `unusable` has a client, and an engine that can't be reached. */
export type Docker =
  | { state: "missing" }
  | { state: "silent"; seconds: number }
  /** Podman's command of that name. */
  | { state: "imitated" }
  | { state: "unusable"; client?: string; failure: Failure }
  | DockerEngine;

/** A Docker whose engine answers; versions are as it writes them. */
export interface DockerEngine {
  state: "usable";
  client: string;
  server: string;
  /** Name of the machine it runs on. */
  host: string;
  desktop?: "Docker Desktop" | "Rancher Desktop";
  rootless: boolean;
  /** Ids in containers are other ids on this machine (`userns-remap`). */
  remapped: boolean;
  limitsMemory: boolean;
  /** systemd keeps its containers' devices, and gives back only those that it knows after a reload. */
  systemdCgroups: boolean;
  /** Where it keeps images. */
  root: string;
}

/** Engines from here on keep neighbours on the same network away from ports that are bound to 127.0.0.1. */
const LOOPBACK_SAFE = "28.0.0";

/** @param version answer of `docker version`, @param info of `docker info`, both as JSON */
export function readDocker(version: Answer, info: Answer): Docker {
  if (version.kind === "missing") return { state: "missing" };
  if (version.kind === "silent") return { state: "silent", seconds: version.seconds };
  const said = jsonOf(version);
  // Podman's JSON has another spelling, and no server.
  if (/Emulate Docker CLI/i.test(version.stderr) || said?.Client?.APIVersion !== undefined) {
    return { state: "imitated" };
  }
  const client = said?.Client?.Version;
  const server = said?.Server?.Version;
  if (server === undefined) {
    return { state: "unusable", client, failure: explainEngine("docker", version.stderr) };
  }
  return { state: "usable", client, server, ...readInfo(jsonOf(info) ?? {}) };
}

// deno-lint-ignore no-explicit-any
function readInfo(info: any): Omit<DockerEngine, "state" | "client" | "server"> {
  return {
    host: info.Name ?? "",
    desktop: desktopOf(`${info.OperatingSystem} ${info.Name}`),
    ...idsOf(info),
    limitsMemory: info.MemoryLimit !== false,
    systemdCgroups: info.CgroupDriver === "systemd",
    root: info.DockerRootDir ?? "",
  };
}

function desktopOf(names: string): DockerEngine["desktop"] {
  if (/docker.desktop/i.test(names)) return "Docker Desktop";
  return /rancher.desktop/i.test(names) ? "Rancher Desktop" : undefined;
}

export function diagnoseDocker(docker: Exclude<Docker, { state: "missing" }>): Finding[] {
  switch (docker.state) {
    case "silent":
      return [
        finding(
          "warning",
          `Docker did not answer within ${docker.seconds} s`,
          "Restart it: sudo systemctl restart docker",
        ),
      ];
    case "imitated":
      return [
        finding(
          "note",
          "The command docker is Podman's imitation",
          "Use Podman by its name: --engine podman",
        ),
      ];
    case "unusable": {
      const { message, details } = docker.failure;
      const client = docker.client === undefined ? "" : `; the client is ${docker.client}`;
      return [finding("warning", `${message}${client}`, details.remedy ?? "docker version tells more")];
    }
    case "usable":
      return diagnoseEngine(docker);
    default:
      return docker satisfies never;
  }
}

function diagnoseEngine(
  { client, server, desktop, rootless, remapped, limitsMemory }: DockerEngine,
): Finding[] {
  const kind = [desktop, rootless ? "rootless" : undefined].filter((one) => one !== undefined).join(", ");
  const findings = [
    ok(`Docker Engine ${server}${kind && ` (${kind})`}, client ${client}; this user may use it`),
  ];
  // In a desktop's virtual machine, and rootless, ports are published by a program on this side.
  if (compareVersions(server, LOOPBACK_SAFE) < 0 && desktop === undefined && !rootless) {
    findings.push(finding(
      "warning",
      `Docker Engine ${server}: machines on the same network can reach ports that are bound to 127.0.0.1`,
      `Update it to ${LOOPBACK_SAFE} or newer; until then JupyterLab's token is what keeps others out`,
    ));
  }
  if (remapped) {
    findings.push(finding(
      "warning",
      "Docker remaps user ids (userns-remap): steps and repairs run with this machine's ids (--userns host), " +
        "JupyterLab can't; files that other containers write belong to nobody you know",
      "For JupyterLab: deno task jupyter --engine podman or --engine host; or remove userns-remap from " +
        "/etc/docker/daemon.json",
    ));
  }
  if (!limitsMemory) {
    findings.push(finding(
      "note",
      "Docker can't limit a container's memory here",
      rootless
        ? "Let systemd delegate cgroups (cgroup version 2) to the user"
        : "Start the kernel with cgroup_enable=memory",
    ));
  }
  return findings;
}
