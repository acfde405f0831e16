/** How the members share a machine: how many at a time, and which GPUs and how many threads each gets. */

import { Failure } from "../cli/failure.ts";
import type { Environment, Experiment } from "../experiment/experiment.ts";
import type { Host } from "../system/host.ts";
import { readCount } from "./members.ts";

export interface Workers {
  jobs: number;
  /** Of each worker, the id of its GPU; absent where none are dealt out. */
  gpus?: string[];
  /** Threads for each member; absent where one runs at a time. */
  threads?: number;
}

export interface WorkerOptions {
  jobs?: string;
  perGpu?: string;
  /** What `--gpus` says. */
  gpus?: Environment["gpus"];
  /** What `CUDA_VISIBLE_DEVICES` says. */
  visible?: string;
  /** The user has said how many threads there are to be. */
  hasThreads: boolean;
}

/**
 * Deals out GPUs, one to each worker or `perGpu` workers to each, and divides the processor's threads.
 *
 * @throws Failure(2) for a count that is none, and for more workers than there are shares of GPUs
 */
export function dealOut(
  experiment: Experiment,
  steps: string[],
  host: Host,
  options: WorkerOptions,
): Workers {
  const { jobs, perGpu, hasThreads } = options;
  const asked = jobs === undefined ? undefined : readCount("--jobs", jobs);
  const share = perGpu === undefined ? 1 : readCount("--per-gpu", perGpu);
  const ids = usesGpus(experiment, steps, options.gpus) ? gpuIds(host, options) : [];
  const shares = ids.flatMap((id) => Array.from({ length: share }, () => id));
  if (perGpu !== undefined && ids.length === 0) {
    throw new Failure(2, "--per-gpu needs a GPU, and the members get none here", {
      remedy: "Leave it out; --jobs says how many members run at a time",
    });
  }
  const count = asked ?? Math.max(1, shares.length);
  if (shares.length > 0 && count > shares.length) {
    throw new Failure(
      2,
      `--jobs ${count} needs ${count} shares of GPUs, and there are ${shares.length} (${ids.length} × ${share})`,
      { remedy: `Add --per-gpu ${Math.ceil(count / ids.length)}, or leave out --jobs` },
    );
  }
  // GPU by GPU, so that fewer workers than shares have a whole one each.
  const dealt = Array.from({ length: share }, () => ids).flat().slice(0, count);
  return {
    jobs: count,
    ...(dealt.length > 0 && { gpus: dealt }),
    ...(count > 1 && !hasThreads && { threads: Math.max(1, Math.floor(host.cores / count)) }),
  };
}

function usesGpus(
  { environment, steps }: Experiment,
  names: string[],
  option?: Environment["gpus"],
): boolean {
  if (option !== undefined) return option !== "none";
  return names.some((name) => (steps[name]?.gpus ?? environment.gpus) !== "none");
}

/** Those of `--gpus` where it names them, else those that the user's variable leaves, else all. */
function gpuIds({ gpus }: Host, { gpus: option, visible }: WorkerOptions): string[] {
  if (Array.isArray(option)) return option;
  const all = gpus.map((_, index) => String(index));
  const left = visible === undefined
    ? all
    : visible.split(",").map((id) => id.trim()).filter((id) =>
      all.includes(id) || gpus.some(({ uuid }) => uuid === id)
    );
  return typeof option === "number" ? left.slice(0, option) : left;
}
