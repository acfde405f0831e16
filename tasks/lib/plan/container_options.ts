/** What a user says on the command line about the steps' containers. */

import { resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { type ContainerLimits, type Environment, SIZE_PATTERN } from "../experiment/experiment.ts";
import { callerFolder } from "../system/project_root.ts";

/**
 * The options `--shm-size`, `--memory`, `--cpus`, `--network`, `--gpus` and `--mount`, checked; absent is not said.
 */
export interface ContainerOptions {
  limits: ContainerLimits;
  gpus?: Environment["gpus"];
  /** Absolute paths of folders to read. */
  mounts: string[];
}

/** @throws Failure(2) for a value of the wrong form, or a folder that is not there. */
export function containerOptions(
  options: {
    gpus?: string;
    "shm-size"?: string;
    memory?: string;
    cpus?: string;
    network?: string;
    mount: string[];
  },
): ContainerOptions {
  const { gpus, memory, cpus, network, mount } = options;
  const shmSize = options["shm-size"];
  checkSize("--shm-size", shmSize);
  checkSize("--memory", memory);
  if (cpus !== undefined && !(Number(cpus) > 0)) {
    throw new Failure(
      2,
      `--cpus must be a number of processors such as 2 or 0.5, current value is "${cpus}"`,
    );
  }
  return {
    limits: { shmSize, memory, cpus, ...(network === "none" && { network }) },
    gpus: gpus === undefined ? undefined : parseGpuOption(gpus),
    mounts: mount.map(existingFolder),
  };
}

function checkSize(option: string, value?: string) {
  if (value === undefined || SIZE_PATTERN.test(value)) return;
  throw new Failure(2, `${option} must be a size such as 8g, current value is "${value}"`);
}

/** `none`, `optional`, `all`, a count, or device ids: `0,2` or `GPU-…`; one id alone is written `0,`. */
export function parseGpuOption(text: string): Environment["gpus"] {
  if (text === "none" || text === "optional" || text === "all") return text;
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  const ids = text.split(",").map((id) => id.trim()).filter((id) => id !== "");
  // A bare 0 could be a count or the first device.
  if (text !== "0" && ids.length > 0 && ids.every((id) => /^(?:\d+|(?:GPU|MIG)-[\w-]+)$/.test(id))) {
    return ids;
  }
  throw new Failure(
    2,
    `--gpus must be none, optional, all, a count or device ids such as 0,2, current value is "${text}"`,
  );
}

function existingFolder(given: string): string {
  const path = resolve(callerFolder(), given);
  try {
    Deno.statSync(path);
    return Deno.realPathSync(path);
  } catch {
    throw new Failure(2, `Cannot mount ${given}: there is no such folder`);
  }
}
