/** What a sweep needs where others run it: its image, its command and its share of a machine. */

import { Failure } from "../../cli/failure.ts";
import type { Experiment } from "../../experiment/experiment.ts";
import type { ContainerOptions } from "../../plan/container_options.ts";

/** Where the image keeps nothing: the runs lie on a volume that is mounted there. */
export const RUNS = "/runs";

/** User and group of the images, as GPU-Jupyter has them. */
export const [UID, GID] = [1000, 100];

export interface HandedOver {
  /** Id of the sweep, in whose folder all members meet. */
  sweep: string;
  experiment: string;
  title?: string;
  members: number;
  /** By its digest. */
  image: string;
  /** `gjt sweep …`, without the number of a member. */
  command: string[];
  /** GPUs of each member. */
  gpus: number;
  /** E.g. `L4`; any kind without it. */
  accelerator?: string;
  /** Of each member, as Kubernetes writes sizes. */
  limits: { shmSize: string; memory?: string; cpus?: string };
  /** Members that may run at a time. */
  jobs: number;
  /** Name of a volume that is there; without it one is asked for, where that can be. */
  volume?: string;
}

/** @throws Failure(2) unless the image is named by its digest */
export function requireDigest(image: string | undefined): string {
  if (image !== undefined && /^[a-z0-9][\w./:-]*@sha256:[0-9a-f]{64}$/.test(image)) return image;
  const found = image === undefined ? "there is no --image" : `current value is "${image}"`;
  throw new Failure(
    2,
    `--export needs --image NAME@sha256:…, by which every machine gets the same, ${found}`,
    {
      remedy:
        "deno task publish --push makes the image that holds the experiment and its runner, and prints its digest",
    },
  );
}

/** GPUs of one member: the most that one of its steps asks for; where "optional" or "all" is said, one. */
export function gpusOf(
  { environment, steps }: Experiment,
  names: readonly string[],
  option: ContainerOptions["gpus"],
): number {
  const asked = option !== undefined ? [option] : names.map((name) => steps[name]?.gpus ?? environment.gpus);
  return Math.max(...asked.map((gpus) => {
    if (gpus === "none") return 0;
    return Array.isArray(gpus) ? gpus.length : typeof gpus === "number" ? gpus : 1;
  }));
}

/** `8g` as Kubernetes writes it, `8Gi`. */
export function quantity(size: string): string {
  const [, number, unit = ""] = /^(\d+)([bkmg]?)$/i.exec(size) ?? [];
  return `${number}${{ "": "", b: "", k: "Ki", m: "Mi", g: "Gi" }[unit.toLowerCase()]}`;
}
