/** Podman: version, rootless set-up, and the ids that it may use. */

import { explainEngine } from "../container/client.ts";
import { compareVersions } from "../system/version.ts";
import { type Answer, jsonOf } from "./ask.ts";
import { type Finding, finding, ok } from "./findings.ts";

/** Podman as it answered. */
export type Podman =
  | { state: "missing" }
  | { state: "silent"; seconds: number }
  | { state: "unusable"; message: string; remedy: string }
  | PodmanEngine;

export interface PodmanEngine {
  state: "usable";
  version: string;
  rootless: boolean;
  /** It runs in a virtual machine (`podman machine`), or elsewhere. */
  remote: boolean;
  /** How many ids of users, and of groups, a container has. */
  ids: { users: number; groups: number };
  /** `v1` or `v2`. */
  cgroup: string;
  /** Where it keeps images. */
  root: string;
}

/** From here on `--gpus` does something. */
const GPUS_OPTION = "5.0";

/** An image has ids up to 65534, `nobody`. */
const IDS_WANTED = 65_535;

interface IdRange {
  size: number;
}

/** @param info answer of `podman info --format json` */
export function readPodman(info: Answer): Podman {
  if (info.kind === "missing") return { state: "missing" };
  if (info.kind === "silent") return { state: "silent", seconds: info.seconds };
  const said = info.code === 0 ? jsonOf(info) : undefined;
  if (said?.host === undefined) return { state: "unusable", ...explain(info.stderr) };
  const { host, store, version } = said;
  const count = (ranges?: IdRange[] | null) => (ranges ?? []).reduce((sum, { size }) => sum + size, 0);
  return {
    state: "usable",
    version: version?.Version ?? "unknown",
    rootless: host.security?.rootless === true,
    remote: host.serviceIsRemote === true,
    ids: { users: count(host.idMappings?.uidmap), groups: count(host.idMappings?.gidmap) },
    cgroup: host.cgroupVersion ?? "",
    root: store?.graphRoot ?? "",
  };
}

function explain(stderr: string): { message: string; remedy: string } {
  const { message, details: { remedy = "podman info tells more" } } = explainEngine("podman", stderr);
  // On macOS and Windows it lives in a virtual machine.
  return { message, remedy: /podman machine start/.test(stderr) ? "podman machine start" : remedy };
}

/** @param gpu whether there is a card that containers may want */
export function diagnosePodman(podman: Exclude<Podman, { state: "missing" }>, gpu: boolean): Finding[] {
  switch (podman.state) {
    case "silent":
      return [
        finding(
          "warning",
          `Podman did not answer within ${podman.seconds} s`,
          "podman --log-level=debug info tells where it waits",
        ),
      ];
    case "unusable":
      return [finding("warning", podman.message, podman.remedy)];
    case "usable":
      return diagnoseEngine(podman, gpu);
    default:
      return podman satisfies never;
  }
}

function diagnoseEngine({ version, rootless, remote, ids, cgroup }: PodmanEngine, gpu: boolean): Finding[] {
  const kind = [rootless ? "rootless" : "as root", ...(remote ? ["in a virtual machine"] : [])].join(", ");
  const findings = [ok(`Podman ${version} (${kind})`)];
  if (rootless && Math.min(ids.users, ids.groups) < IDS_WANTED) {
    findings.push(finding(
      "warning",
      `Rootless Podman has ${ids.users} user ids and ${ids.groups} group ids, and images use up to ${IDS_WANTED}`,
      "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER && podman system migrate",
    ));
  }
  if (rootless && cgroup === "v1") {
    findings.push(finding(
      "warning",
      "Rootless Podman can't limit memory or CPUs with cgroup version 1",
      "Start the kernel with systemd.unified_cgroup_hierarchy=1, or run without --memory and --cpus",
    ));
  }
  if (gpu && compareVersions(version, GPUS_OPTION) < 0) {
    findings.push(finding(
      "note",
      `Podman ${version} ignores --gpus; the tasks give it the devices of the CDI specification`,
      "On your own command lines write --device nvidia.com/gpu=all, or update to Podman 5",
    ));
  }
  return findings;
}
