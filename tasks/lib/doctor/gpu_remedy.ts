/** What to do where a GPU can't be used. */

import type { Cards } from "./cards.ts";
import { type CdiSpec, CONFIGURE_DOCKER, INSTALL_TOOLKIT, MAKE_CDI } from "./toolkit.ts";

/** What is known of the GPU and the way to it; `probeGpu` finds it out. */
export interface GpuProbe {
  cards: Cards;
  /** Version of the NVIDIA Container Toolkit. */
  toolkit?: string;
  cdi: CdiSpec[];
  /** The desktop program whose virtual machine Docker or nerdctl runs in. */
  desktop?: "Docker Desktop" | "Rancher Desktop";
  /** The driver is the one of Windows: this is WSL. */
  wsl: boolean;
}

export const RANCHER_REMEDY =
  "Use Docker Engine, Docker Desktop with WSL 2 or Podman for GPUs, or run without containers: --engine host";

/**
 * What to do where a GPU was demanded and a program can't give it.
 *
 * @param program engine that was to give it
 */
export function gpuRemedy(
  program: "docker" | "podman" | "nerdctl" | "apptainer" | "host",
  probe: GpuProbe,
): string {
  const { cards, toolkit, cdi, desktop } = probe;
  if (desktop === "Rancher Desktop" && (program === "docker" || program === "nerdctl")) return RANCHER_REMEDY;
  if (cards.cards.length === 0) return driverRemedy(probe);
  if (program === "host") {
    return "The driver works; check that the environment's framework was built for CUDA";
  }
  if (program === "apptainer") return "The driver works; see what apptainer exec --nv IMAGE nvidia-smi says";
  if (toolkit === undefined && desktop === undefined) {
    return `${INSTALL_TOOLKIT}, then ${program === "podman" ? MAKE_CDI : CONFIGURE_DOCKER}`;
  }
  if (program === "podman") {
    return `${cdi.length === 0 ? "Describe the card for Podman" : "Describe the card anew"}: ${MAKE_CDI}`;
  }
  return `Tell the engine of the NVIDIA Container Toolkit: ${CONFIGURE_DOCKER}`;
}

/** What to do where `nvidia-smi` lists no card. */
export function driverRemedy({ cards: { expected, problem = "" }, wsl }: GpuProbe): string {
  if (/version mismatch/i.test(problem)) {
    return "Restart the machine: the driver was updated, and the old one still runs";
  }
  if (/did not answer/.test(problem)) {
    return "Restart the machine; before that, sudo dmesg tells what the driver said";
  }
  if (/No devices were found/i.test(problem)) {
    return "See whether the card is there (lspci | grep -i nvidia); in a container or a job, ask for it when you start it";
  }
  if (wsl) return "Install NVIDIA's driver in Windows, none in WSL, then: wsl --update";
  if (expected) {
    return "Load the driver (sudo modprobe nvidia) or install it again; Secure Boot may refuse it";
  }
  return "On a machine with an NVIDIA card install its driver, until nvidia-smi lists the card (Ubuntu: sudo ubuntu-drivers install); else use another machine, or gpus: optional in experiment.yaml";
}
