/** The NVIDIA Container Toolkit and its CDI specification, through which container engines reach a card. */

import { compareVersions } from "../system/version.ts";
import { type Answer, output } from "./ask.ts";
import { type Finding, finding, ok, type Severity } from "./findings.ts";

/** Vulnerabilities by the newest version that has them. [NVIDIA security bulletins] */
const VULNERABILITIES: [id: string, last: string][] = [
  ["CVE-2024-0132", "1.16.1"],
  ["CVE-2025-23359", "1.17.3"],
  ["CVE-2025-23266", "1.17.7"],
];

const SAFE = "1.17.8";

/** Minor version of the current line. [NVIDIA Container Toolkit documentation, 1.20.1, seen in November 2026] */
const CURRENT = "1.20";

const INSTALL_GUIDE =
  "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html";

/** A specification file that tells engines which devices and libraries a card consists of. */
export interface CdiSpec {
  path: string;
  /** Version of the driver that it was made for, where its libraries tell. */
  driver?: string;
}

/** Version of the toolkit: `nvidia-ctk` says it since 1.10, before that its library's program. */
export function readToolkit(ctk: Answer, cli: Answer): string | undefined {
  return /version (\d+(?:\.\d+)+)/.exec(output(ctk) ?? "")?.[1] ??
    /^(?:cli-)?version: (\d+(?:\.\d+)+)/m.exec(output(cli) ?? "")?.[1];
}

/** A CDI file in YAML or JSON; undefined if it is not about NVIDIA's GPUs. */
export function readCdi(path: string, text: string): CdiSpec | undefined {
  if (!/"?kind"?: *"?nvidia\.com\/gpu"?/.test(text)) return undefined;
  return { path, driver: /libcuda\.so\.(\d+\.\d+(?:\.\d+)?)/.exec(text)?.[1] };
}

/** Its known vulnerabilities go before its age. */
export function diagnoseToolkit(version: string): Finding {
  const said = `NVIDIA Container Toolkit ${version}`;
  const found = VULNERABILITIES.filter(([, last]) => compareVersions(version, last) <= 0).map(([id]) => id);
  if (found.length > 0) {
    const what = `${said} has ${found.join(", ")}: an image can take over this machine`;
    return finding("warning", what, `Update it to ${SAFE} or newer: ${UPDATE}`);
  }
  if (compareVersions(version, CURRENT) < 0) {
    return finding(
      "note",
      `${said} is older than the current line, ${CURRENT}`,
      `Update it: ${UPDATE}`,
    );
  }
  return ok(said);
}

/**
 * @param driver version of the running driver
 * @param severity of there being none
 */
export function diagnoseCdi(specs: CdiSpec[], driver: string, severity: Exclude<Severity, "ok">): Finding {
  const [spec] = specs;
  if (spec === undefined) {
    return finding(severity, "There is no CDI specification of NVIDIA's GPUs, which Podman needs", MAKE_CDI);
  }
  if (spec.driver !== undefined && spec.driver !== driver) {
    const what = `${spec.path} was made for driver ${spec.driver}, and ${driver} runs`;
    return finding("warning", `${what}: containers would not find its libraries`, MAKE_CDI);
  }
  return ok(`CDI specification ${spec.path}${spec.driver === undefined ? "" : ` for driver ${spec.driver}`}`);
}

/** Running containers then read "Failed to initialize NVML: Unknown Error". [nvidia-container-toolkit#48] */
export function diagnoseReload(): Finding {
  return finding(
    "note",
    "systemctl daemon-reload, which package updates run, takes the GPUs away from Docker's running containers",
    "sudo nvidia-ctk system create-dev-char-symlinks --create-all, once after each start of the machine; or " +
      '"exec-opts": ["native.cgroupdriver=cgroupfs"] in /etc/docker/daemon.json',
  );
}

/** Describes the cards anew; needed after each update of the driver. */
export const MAKE_CDI = "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml";

const UPDATE =
  "sudo apt-get install --only-upgrade nvidia-container-toolkit, or sudo dnf update nvidia-container-toolkit";

export const INSTALL_TOOLKIT = `Install the NVIDIA Container Toolkit: ${INSTALL_GUIDE}`;

/** Makes Docker find a toolkit that was installed after it. */
export const CONFIGURE_DOCKER =
  "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker";
