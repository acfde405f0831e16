/** GPU-Jupyter's images, and which driver and card each of them needs. */

import { compareVersions } from "../system/version.ts";
import type { Card } from "./cards.ts";

export interface GpuImage {
  /** Tag of the full image; `_python-only` and `_slim` are appended to it. */
  tag: string;
  cuda: string;
  /** Oldest driver that every card may have, on Linux and on Windows (which WSL reports). */
  driver: { linux: string; windows: string };
  /** Older driver branches that the image's NVIDIA_REQUIRE_CUDA lets pass, and whether also for consumer cards. */
  branches: { listed: number[]; consumer: boolean };
  /** Oldest and newest compute capability that its PyTorch has kernels for; the newest as a generation. */
  capability: { oldest: string; newest: number };
}

/** Maxwell to Hopper: the CUDA 11.8 to 12.6 builds of PyTorch. [PyTorch RELEASE.md, CUDA support matrix] */
const TO_HOPPER = { oldest: "5.0", newest: 9 };

/** Volta to Blackwell: PyTorch 2.9 with CUDA 12.8. [the same; pytorch#157517] */
const TO_BLACKWELL = { oldest: "7.0", newest: 12 };

/**
 * Newest first. Drivers: CUDA 13.1 release notes, table of CUDA toolkits and their drivers. Branches: NVIDIA_REQUIRE_CUDA
 * of nvidia/cuda 12.9.1, 12.6.3, 12.5.1, 12.3.1, 12.0.0 and 11.8.0 on Docker Hub; 450, which the last two list for
 * Tesla cards alone, is left out. Capabilities: see above.
 */
export const GPU_IMAGES: GpuImage[] = [
  {
    tag: "v1.10_cuda-12.9_ubuntu-24.04",
    cuda: "12.9",
    driver: { linux: "575.57.08", windows: "576.57" },
    branches: { listed: [535, 550, 560, 565, 570], consumer: false },
    capability: TO_BLACKWELL,
  },
  {
    tag: "v1.9_cuda-12.6_ubuntu-24.04",
    cuda: "12.6",
    driver: { linux: "560.35.05", windows: "561.17" },
    branches: { listed: [470, 535, 550], consumer: false },
    capability: TO_HOPPER,
  },
  {
    tag: "v1.8_cuda-12.5_ubuntu-22.04",
    cuda: "12.5",
    driver: { linux: "555.42.06", windows: "555.85" },
    branches: { listed: [470, 535, 550], consumer: false },
    capability: TO_HOPPER,
  },
  {
    tag: "v1.7_cuda-12.3_ubuntu-22.04",
    cuda: "12.3",
    driver: { linux: "545.23.08", windows: "546.12" },
    branches: { listed: [470, 525, 535], consumer: true },
    capability: TO_HOPPER,
  },
  {
    tag: "v1.6_cuda-12.0_ubuntu-22.04",
    cuda: "12.0",
    driver: { linux: "525.85.12", windows: "528.33" },
    branches: { listed: [470, 510, 515], consumer: true },
    capability: TO_HOPPER,
  },
  {
    tag: "v1.6_cuda-11.8_ubuntu-22.04",
    cuda: "11.8",
    driver: { linux: "520.61.05", windows: "520.06" },
    branches: { listed: [470, 510, 515], consumer: true },
    capability: TO_HOPPER,
  },
];

/** Drivers from here on run later releases of the same CUDA generation. [CUDA compatibility guide, minor versions] */
const GENERATION_FLOOR: Record<string, number> = { "11": 450, "12": 525 };

const REPOSITORY = "cschranz/gpu-jupyter";

/** With the repository, as an engine takes it. */
export function imageName({ tag }: GpuImage): string {
  return `${REPOSITORY}:${tag}`;
}

/** What is known of an image by its name; undefined unless it names a CUDA release of the table. */
export function knownImage(name: string): GpuImage | undefined {
  const tag = /gpu-jupyter:(.+)$/.exec(name)?.[1];
  const cuda = /cuda-(\d+\.\d+)/.exec(tag ?? "")?.[1];
  // v1.5 differs from v1.6 in nothing that matters here.
  return GPU_IMAGES.find((image) => tag?.startsWith(image.tag)) ??
    GPU_IMAGES.find((image) => image.cuda === cuda);
}

/** Why a card can't be used with an image; undefined if it can. */
export function misfit(image: GpuImage, card: Card, windows: boolean): string | undefined {
  return driverMisfit(image, card, windows) ?? capabilityMisfit(image, card);
}

function driverMisfit(image: GpuImage, card: Card, windows: boolean): string | undefined {
  const least = windows ? image.driver.windows : image.driver.linux;
  if (compareVersions(card.driver, least) >= 0 || isListed(image, card)) return undefined;
  return `CUDA ${image.cuda} needs driver ${least} or newer for this card, and here is ${card.driver}`;
}

/** An older branch passes if the image lists it and CUDA runs on it; below the generation's floor data centre cards alone. */
function isListed({ cuda, branches }: GpuImage, { driver, kind }: Card): boolean {
  const branch = parseInt(driver, 10);
  const listed = branches.listed.includes(branch) && (branches.consumer || kind !== "consumer");
  return listed && (kind === "data centre" || branch >= (GENERATION_FLOOR[cuda.split(".")[0]!] ?? Infinity));
}

/** Why the image's PyTorch has no kernels for a card; undefined if it has, or if an old driver does not tell. */
export function capabilityMisfit({ capability }: GpuImage, card: Card): string | undefined {
  if (card.capability === undefined) return undefined;
  const { oldest, newest } = capability;
  if (compareVersions(card.capability, oldest) < 0) {
    return `its PyTorch needs compute capability ${oldest} or newer, and ${card.name} has ${card.capability}`;
  }
  if (parseInt(card.capability, 10) > newest) {
    return `its PyTorch knows no card beyond compute capability ${newest}.x, and ${card.name} has ${card.capability}`;
  }
}

/** The newest GPU-Jupyter image that all cards can be used with. */
export function newestFitting(cards: Card[], windows: boolean): GpuImage | undefined {
  return GPU_IMAGES.find((image) => cards.every((card) => misfit(image, card, windows) === undefined));
}
