/** A sweep as a task of SkyPilot: all members on one machine whose GPUs are dealt out, or one of them. Pure. */

import { shellQuote } from "../../system/command.ts";
import { GID, type HandedOver, RUNS, UID } from "./handed_over.ts";
import { jobName } from "./kubernetes.ts";

/** SkyPilot wants kinds: it takes the cheapest of these that is to be had. */
const COMMON_ACCELERATORS = ["T4", "L4", "A10G", "V100", "A100", "H100"];

/** What `deno task sweep --export skypilot` writes. */
export function skypilotTask(handed: HandedOver): unknown {
  const { gpus, accelerator, image, limits, volume } = handed;
  const kinds = accelerator === undefined ? COMMON_ACCELERATORS : [accelerator];
  const memory = limits.memory === undefined ? undefined : gigabytes(limits.memory);
  return {
    name: jobName(handed),
    resources: {
      image_id: `docker:${image}`,
      ...(gpus > 0 && { accelerators: kinds.map((kind) => `${kind}:${gpus}`) }),
      ...(limits.cpus !== undefined && { cpus: `${Math.ceil(Number(limits.cpus))}+` }),
      ...(memory !== undefined && { memory: `${memory}+` }),
    },
    // SkyPilot installs its own things as root; the experiment runs as the image's user.
    config: {
      docker: {
        run_options: ["--user=root", `--shm-size=${limits.shmSize.replace(/i$/, "").toLowerCase()}`],
      },
      kubernetes: {
        pod_config: { spec: { securityContext: { runAsUser: 0, runAsGroup: 0, fsGroup: GID } } },
      },
    },
    ...(volume !== undefined && { volumes: { [RUNS]: volume } }),
    envs: { MEMBER: "" },
    run: script(handed),
  };
}

/** SkyPilot takes a shell's lines and nothing else; every word from the experiment is quoted. */
function script({ command, experiment, sweep }: HandedOver): string {
  const record = `${RUNS}/${experiment}/sweeps/${sweep}/sweep.json`;
  const [first, others] = [shellQuote(command.slice(0, 2)), shellQuote(command.slice(2))];
  const again = shellQuote([
    ...command.slice(0, 2),
    ...experimentOf(command),
    ...runsOf(command),
    "--resume",
  ]);
  return [
    "set -eu",
    `mkdir -p ${RUNS} && chown ${UID}:${GID} ${RUNS}`,
    "cd /home/jovyan/work",
    // After a preemption the sweep goes on where it was.
    `if [ -n "$MEMBER" ]; then set -- ${first} --member "$MEMBER" ${others}`,
    `elif [ -e ${shellQuote([record])} ]; then set -- ${again}`,
    `else set -- ${first} ${others}; fi`,
    `exec setpriv --reuid=${UID} --regid=${GID} --clear-groups env HOME=/home/jovyan DENO_DIR=/opt/deno ` +
    `DENO_NO_UPDATE_CHECK=1 PATH="/opt/venv/bin:/opt/conda/bin:$PATH" "$@"`,
    "",
  ].join("\n");
}

function experimentOf([, , first]: string[]): string[] {
  return first === undefined || first.startsWith("--") ? [] : [first];
}

function runsOf(command: string[]): string[] {
  return ["--runs", "--id"].flatMap((name) =>
    command.slice(command.indexOf(name), command.indexOf(name) + 2)
  );
}

/** SkyPilot counts memory in GB. */
function gigabytes(quantity: string): number {
  const [, number, unit = ""] = /^(\d+)(\w*)$/.exec(quantity)!;
  const bytes = Number(number) * { "": 1, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 }[unit]!;
  return Math.max(1, Math.ceil(bytes / 1e9));
}
