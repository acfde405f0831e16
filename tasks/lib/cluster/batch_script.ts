/** The batch script of an array of runs; pure. */

import { shellQuote } from "../system/command.ts";
import type { Cluster } from "./cluster.ts";

/** An array of runs, each of which is one line of a file. */
export interface BatchJob {
  /** By which the job is found again. */
  name: string;
  /** Number of array elements. */
  size: number;
  /** Line of the jobs' file that the array's first element runs. */
  first: number;
  /** File with one planned run on each line, absolute. */
  jobs: string;
  /** The Python that runs there what needs no environment. */
  python: string;
  /** What runs one line of that file, absolute. */
  program: string;
  /** File for what Slurm and the script itself say, absolute. */
  output: string;
  /** Working folder, absolute. */
  root: string;
}

/** What `sbatch` reads. Options that the cluster's file leaves out are left to the site. */
export function batchScript(cluster: Cluster, job: BatchJob): string {
  const { throttle, gpus, signal, nodes, torchrun } = cluster;
  const isSpread = torchrun.length > 0;
  const options: [name: string, value?: string | number][] = [
    ["job-name", job.name],
    ["array", `0-${job.size - 1}${throttle === undefined ? "" : `%${throttle}`}`],
    ["output", job.output.replaceAll("%", "%%")],
    ["open-mode", "append"],
    ["chdir", job.root],
    ["partition", cluster.partition],
    ["account", cluster.account],
    ["qos", cluster.qos],
    ["constraint", cluster.constraint],
    ["time", cluster.time],
    ["nodes", isSpread ? nodes ?? 1 : undefined],
    ["ntasks-per-node", isSpread ? 1 : undefined],
    ["cpus-per-task", cluster.cpus],
    ["mem", cluster.memory],
    [typeof gpus === "string" && gpus.includes("gpu") ? "gres" : isSpread ? "gpus-per-node" : "gpus", gpus],
    // To the script alone, which has become the program that runs the steps and passes it on.
    ["signal", signal === undefined ? undefined : `B:USR1@${signal}`],
  ];
  return [
    "#!/bin/bash",
    ...options.filter(([, value]) => value !== undefined).map(([name, value]) =>
      `#SBATCH --${name}=${quoted(String(value))}`
    ),
    "#SBATCH --requeue",
    ...cluster.options.map((option) => `#SBATCH ${option}`),
    "set -eo pipefail",
    ...cluster.modules.map((name) => `module load ${shellQuote([name])}`),
    ...cluster.prologue,
    `exec ${shellQuote([job.python, job.program, job.jobs])} $((${job.first} + SLURM_ARRAY_TASK_ID))`,
    "",
  ].join("\n");
}

/** As `sbatch` reads its lines: a blank would end the value. */
function quoted(value: string): string {
  return /^[\w./:=%@,+-]+$/.test(value) ? value : `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
}
