/** A Debian machine made ready for the tests with real parts. */

import $, { type CommandBuilder } from "dax";
import { join } from "node:path";
import { Failure } from "../../cli/failure.ts";
import type { Terminal } from "../../cli/terminal.ts";
import { installApptainer } from "./apptainer.ts";
import { BASE_IMAGE, makeBaseImage } from "./base_image.ts";

const PACKAGES = [
  ...["docker.io", "iptables", "rootlesskit"], // Docker Engine, also without root
  ...["podman", "runc", "netavark", "aardvark-dns", "uidmap", "slirp4netns", "fuse-overlayfs"], // Podman
  "docker-registry", // somewhere to push to and pull from
  "iproute2", // ss, which says what listens where
  "mmdebstrap", // base images without a registry
  ...["texlive-latex-base", "texlive-science"], // LaTeX with siunitx, for the numbers of papers
  ...["chromium", "fonts-dejavu-core"], // a browser for the reports
  "python3-venv", // an environment for uv and Poetry
  ...["r-base-core", "r-cran-irkernel"], // a kernel of another language
  "faketime", // a clock that goes back
  ...["zsh", "fish"], // shells to complete in
  ...["slurm-wlm", "munge", "slurmdbd", "mariadb-server"], // a cluster, with its accounting
  ...["openssh-server", "rsync"], // a login node
  "docker-compose", // which dev containers of several files need
  ...["xz-utils", "bzip2", "openssl"], // archives to unpack, certificates to distrust
];

/**
 * Installs Docker Engine, Podman with and without root, Apptainer, a registry, a browser, R, uv and Poetry; does nothing
 * twice. Once an
 * engine answers, it also makes the base image. A part that can't be had is named, and its tests are ignored.
 *
 * @throws Failure(3) where this is not root on a Debian, or a package can't be had.
 */
export async function prepareMachine(terminal: Terminal): Promise<{ missing: string[] }> {
  if (Deno.uid() !== 0) throw new Failure(3, "Cannot prepare this machine: only root can install packages");
  await installPackages();
  await addUser();
  await allowPodman();
  const missing: string[] = [];
  await installApptainer().catch(({ message }) => missing.push(`Apptainer (${message})`));
  if ((await $`docker info`.quiet().noThrow()).code !== 0) missing.push("a Docker Engine that answers");
  else if (!await makeBaseImage()) missing.push(BASE_IMAGE);
  if (!await installTools()) missing.push(TOOLS.join(", "));
  for (const part of missing) terminal.note(`Missing: ${part}; its tests are ignored`);
  return { missing };
}

/** Programs that own formats of environment files. */
const TOOLS = ["uv", "poetry"];

/** In an environment of their own, so that Debian's Python stays as it is. */
async function installTools(): Promise<boolean> {
  const there = await Promise.all(TOOLS.map((name) => $`which ${name}`.quiet().noThrow()));
  if (there.every(({ code }) => code === 0)) return true;
  const folder = "/opt/environment-tools";
  const install = $`python3 -m venv ${folder} && ${folder}/bin/pip install -q uv poetry poetry-plugin-export`;
  if ((await install.quiet().noThrow()).code !== 0) return false;
  for (const name of TOOLS) await $`ln -sf ${folder}/bin/${name} /usr/local/bin/${name}`.quiet();
  return true;
}

async function installPackages() {
  const installed = await Promise.all(PACKAGES.map((name) => $`dpkg -s ${name}`.quiet().noThrow()));
  const wanted = PACKAGES.filter((_, index) => installed[index]!.code !== 0);
  if (wanted.length === 0) return;
  const install = $`apt-get update -qq && apt-get install -y -qq --no-install-recommends ${wanted}`;
  await must(`install ${wanted.join(", ")}`, install.env("DEBIAN_FRONTEND", "noninteractive"));
}

/** A user with other ids than root's and the images', and ids below it for Podman without root. */
async function addUser() {
  const group = $`getent group 5678 || groupadd --gid 5678 experiment-test`;
  const user = $`getent passwd 1234 || useradd --uid 1234 --gid 5678 --no-create-home experiment-test`;
  await must("add the group 5678", group);
  await must("add the user 1234", user);
  // Its network goes through this device; Deno itself keeps tasks from all devices.
  await $`chmod 666 /dev/net/tun`.quiet().noThrow();
}

/** Podman's own choices want cgroups v2 and the right to raise limits, which a machine inside another may lack. */
async function allowPodman() {
  const [own, place] = [join(import.meta.dirname!, "containers.conf"), "/etc/containers/containers.conf"];
  await must("configure Podman", $`test -e ${place} || install --mode=644 ${own} ${place}`);
}

async function must(what: string, command: CommandBuilder) {
  const { code, stderr } = await command.stdout("null").stderr("piped").noThrow();
  if (code !== 0) throw new Failure(3, `Cannot ${what}: ${stderr.trim().split("\n").at(-1)}`);
}
