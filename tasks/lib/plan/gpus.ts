/** Which of the machine's GPUs an experiment gets. */

import { Failure } from "../cli/failure.ts";
import type { Environment } from "../experiment/experiment.ts";
import type { Host } from "../system/host.ts";

/** GPUs that a container gets: none, all, so many, or those with these ids. */
export type GpuRequest = "none" | "all" | number | string[];

/** The GPUs of a run: for a container `request`, for a process of this machine `env`. */
export interface GpuChoice {
  /** In words, with the reason. */
  said: string;
  /** What limits a process of this machine to them. */
  env: Record<string, string>;
  request: GpuRequest;
}

/**
 * Which GPUs the steps see, and in words why.
 *
 * @throws Failure(3) if the experiment demands GPUs that this machine lacks.
 */
export function chooseGpus(gpus: Environment["gpus"], host: Host): GpuChoice {
  const found = host.gpus.length;
  if (gpus === "none") return { said: "none asked for", env: { CUDA_VISIBLE_DEVICES: "" }, request: "none" };
  if (gpus === "optional") {
    return found === 0
      ? { said: "none here, so the steps run on the CPU", env: {}, request: "none" }
      : { said: listGpus(host), env: {}, request: "all" };
  }
  const wanted = gpus === "all" ? 1 : typeof gpus === "number" ? gpus : gpus.length;
  const missing = Array.isArray(gpus)
    ? gpus.filter((id) => !host.gpus.some(({ uuid }, index) => id === String(index) || id === uuid))
    : [];
  if (found < wanted || missing.length > 0) {
    const what = missing.length > 0 ? `GPU ${missing.join(", ")}` : wanted === 1 ? "a GPU" : `${wanted} GPUs`;
    throw new Failure(
      3,
      `The experiment demands ${what}, and nvidia-smi finds ${found === 0 ? "none" : found} here`,
      {
        remedy:
          "Run it on a GPU host (nvidia-smi must list the card; deno task doctor says what is missing), " +
          "or on the CPU: --gpus optional",
      },
    );
  }
  if (gpus === "all") return { said: listGpus(host), env: {}, request: "all" };
  const ids = typeof gpus === "number" ? Array.from({ length: gpus }, (_, index) => String(index)) : gpus;
  return {
    said: `${ids.join(", ")} of ${listGpus(host)}`,
    env: { CUDA_VISIBLE_DEVICES: ids.join(",") },
    request: gpus,
  };
}

function listGpus(host: Host): string {
  return host.gpus.map(({ name }, index) => `${index}: ${name}`).join(", ");
}
