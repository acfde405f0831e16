/** Whether the experiment can use a GPU here: card, driver, image, and the way into a container. */

import { CONTAINER_PROGRAMS } from "../container/program.ts";
import { type Card, type Cards, describeCards } from "./cards.ts";
import { type Finding, finding, ok } from "./findings.ts";
import {
  capabilityMisfit,
  GPU_IMAGES,
  type GpuImage,
  imageName,
  knownImage,
  misfit,
  newestFitting,
} from "./gpu_images.ts";
import {
  type CdiSpec,
  CONFIGURE_DOCKER,
  diagnoseCdi,
  diagnoseReload,
  diagnoseToolkit,
  INSTALL_TOOLKIT,
  MAKE_CDI,
} from "./toolkit.ts";
import { type Demands, demandsGpu, gpuSeverity } from "./demands.ts";

/** The container engines that are usable here. */
export interface Containers {
  any: boolean;
  podman: boolean;
  /** Docker, with systemd for its cgroups. */
  systemd: boolean;
}

/** In this order: cards, what the experiment asks of them, its image, and the way into a container. */
export function diagnoseGpu(probe: GpuProbe, demands: Demands, containers: Containers): Finding[] {
  const { cards } = probe.cards;
  const used = chosenCards(cards, demands);
  return [
    diagnoseCards(probe, demands),
    ...(cards.length > 0 ? diagnoseDemand(cards, demands) : []),
    ...(used.length > 0 ? [diagnoseImage(used, demands, probe.wsl)] : []),
    ...diagnoseWay(probe, demands, containers),
  ];
}

function diagnoseCards(probe: GpuProbe, demands: Demands): Finding {
  const { cards, expected, problem } = probe.cards;
  if (cards.length > 0) return ok(describeCards(cards));
  if (expected) {
    return finding(gpuSeverity(demands), `nvidia-smi lists no GPU: ${problem}`, driverRemedy(probe));
  }
  if (!demandsGpu(demands)) {
    return ok(
      demands.gpus === "none"
        ? "No NVIDIA driver, and none is needed"
        : "No NVIDIA driver, so the steps run on the CPU",
    );
  }
  const demand = `The experiment demands a GPU (gpus: ${[demands.gpus].flat().join(", ")})`;
  return finding("blocker", `${demand}, and there is no NVIDIA driver`, driverRemedy(probe));
}

/** The cards that the steps would see. */
function chosenCards(cards: Card[], { gpus }: Demands): Card[] {
  if (typeof gpus === "number") return cards.slice(0, gpus);
  return Array.isArray(gpus) ? gpus.flatMap((id) => cardOf(cards, id) ?? []) : cards;
}

function cardOf(cards: Card[], id: string): Card | undefined {
  return cards.find(({ uuid }, index) => id === String(index) || id === uuid);
}

/** A count or ids that go beyond the cards. */
function diagnoseDemand(cards: Card[], { gpus }: Demands): Finding[] {
  if (typeof gpus === "number" && gpus > cards.length) {
    const what = `The experiment demands ${gpus} GPUs, and ${cards.length} ${
      cards.length === 1 ? "is" : "are"
    } here`;
    return [finding("blocker", what, "Run it on a machine that has them, or lower gpus in experiment.yaml")];
  }
  if (!Array.isArray(gpus)) return [];
  const missing = gpus.filter((id) => cardOf(cards, id) === undefined);
  if (missing.length === 0) return [];
  const what = `The experiment demands GPU ${missing.join(", ")}, which is not here`;
  return [finding("blocker", what, "nvidia-smi -L lists the ids; correct gpus in experiment.yaml")];
}

function diagnoseImage(cards: Card[], demands: Demands, wsl: boolean): Finding {
  const newest = newestFitting(cards, wsl);
  const image = knownImage(demands.image);
  if (image === undefined) {
    const advice = newest === undefined
      ? "no GPU-Jupyter image fits"
      : `the newest that fits is ${imageName(newest)}`;
    return ok(`${demands.image} is no GPU-Jupyter image of a known CUDA release; of those, ${advice}`);
  }
  const problem = cards.map((card) => misfit(image, card, wsl)).find((one) => one !== undefined);
  if (problem !== undefined) {
    return finding(
      gpuSeverity(demands),
      `${demands.image} can't use this GPU: ${problem}`,
      imageRemedy(image, cards, wsl),
    );
  }
  const more = newest === undefined || newest.tag === image.tag
    ? ""
    : `; the newest that fits is ${imageName(newest)}`;
  return ok(`${demands.image} fits driver and card${more}`);
}

/** The cards can't use the image: another driver, another image, or both. */
function imageRemedy(image: GpuImage, cards: Card[], wsl: boolean): string {
  const update = ({ driver }: GpuImage) =>
    `Update the driver${wsl ? " of Windows" : ""} to ${wsl ? driver.windows : driver.linux} or newer`;
  const build = (other: GpuImage) => `deno task build --base ${imageName(other)}`;
  const fitting = newestFitting(cards, wsl);
  const knowsCards = (one: GpuImage) => cards.every((card) => capabilityMisfit(one, card) === undefined);
  if (fitting !== undefined) {
    const command = `on the newest image that fits: ${build(fitting)}`;
    return knowsCards(image) ? `${update(image)}, or build ${command}` : `Build ${command}`;
  }
  const newest = GPU_IMAGES.find(knowsCards);
  const someImage = (card: Card) => GPU_IMAGES.some((one) => capabilityMisfit(one, card) === undefined);
  if (newest === undefined && cards.some(someImage)) {
    return 'No GPU-Jupyter image is for all of these cards: name some by their ids, e.g. gpus: ["0"] in experiment.yaml';
  }
  if (newest === undefined) return "Use another card: no GPU-Jupyter image is for this one";
  return newest.tag === image.tag ? update(newest) : `${update(newest)}, then: ${build(newest)}`;
}

/** How a card comes into a container. */
function diagnoseWay(probe: GpuProbe, demands: Demands, containers: Containers): Finding[] {
  const { toolkit, cdi, desktop, cards: { cards } } = probe;
  const findings = toolkit === undefined ? [] : [diagnoseToolkit(toolkit)];
  if (cards.length === 0 || !containers.any) return findings;
  if (desktop === "Rancher Desktop") {
    findings.push(inContainers(demands, "Rancher Desktop has no CUDA", RANCHER_REMEDY));
  } else if (toolkit === undefined && desktop === undefined) {
    const what = "There is no NVIDIA Container Toolkit: containers can't use the GPU";
    findings.push(inContainers(demands, what, `${INSTALL_TOOLKIT}, then ${CONFIGURE_DOCKER}`));
  }
  if (toolkit !== undefined && desktop === undefined && containers.systemd) findings.push(diagnoseReload());
  if (toolkit !== undefined && (containers.podman || cdi.length > 0)) {
    findings.push(
      diagnoseCdi(cdi, cards[0]!.driver, demands.engine === "podman" ? gpuSeverity(demands) : "note"),
    );
  }
  return findings;
}

/** What only containers miss blocks nothing unless the experiment is to run in them: the host engine has the GPU. */
function inContainers(demands: Demands, message: string, remedy: string): Finding {
  const severity = gpuSeverity(demands);
  const inThem = CONTAINER_PROGRAMS.some((program) => program === demands.engine);
  return finding(severity === "blocker" && !inThem ? "warning" : severity, message, remedy);
}

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

const RANCHER_REMEDY =
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
function driverRemedy({ cards: { expected, problem = "" }, wsl }: GpuProbe): string {
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
