/** What the experiment asks of this machine. */

import type { Environment, Experiment } from "../experiment/experiment.ts";
import type { Finding } from "./findings.ts";
import { GPU_IMAGES, imageName } from "./gpu_images.ts";

export interface Demands {
  /** Name of the experiment; absent where there is none. */
  name?: string;
  /** Image with CUDA that it runs in, or is built on. */
  image: string;
  gpus: Environment["gpus"];
  /** Container engine or `host`, where experiment.yaml names one. */
  engine?: string;
  /** Bytes of /dev/shm. */
  shmBytes?: number;
}

/** What GPU images are built on where experiment.yaml names none. */
export const NEWEST_IMAGE = imageName(GPU_IMAGES[0]!);

/** Without an experiment: the newest image, and a GPU if there is one. */
export const DEFAULT_DEMANDS: Demands = { image: NEWEST_IMAGE, gpus: "optional" };

/** Where the experiment names no image, the newest GPU-Jupyter's is looked at. */
export function demandsOf({ name, environment }: Experiment): Demands {
  const { image, gpus, engine, limits: { shmSize } } = environment;
  return {
    name,
    image: image ?? NEWEST_IMAGE,
    gpus,
    engine,
    shmBytes: shmSize === undefined ? undefined : sizeInBytes(shmSize),
  };
}

/** `8g` as engines read it: powers of 1024. */
export function sizeInBytes(size: string): number {
  const unit = "bkmg".indexOf(size.slice(-1).toLowerCase());
  return parseInt(size, 10) * 1024 ** Math.max(0, unit);
}

/** The experiment can't do without a GPU. */
export function demandsGpu({ gpus }: Pick<Demands, "gpus">): boolean {
  return gpus !== "none" && gpus !== "optional";
}

/** How grave it is that a GPU can't be used. */
export function gpuSeverity(demands: Pick<Demands, "gpus">): Exclude<Finding["severity"], "ok"> {
  if (demandsGpu(demands)) return "blocker";
  return demands.gpus === "none" ? "note" : "warning";
}
