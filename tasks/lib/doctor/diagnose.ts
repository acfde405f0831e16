/** From what was found on this machine to the findings. Starts nothing. */

import type { Answer } from "./ask.ts";
import { readCards } from "./cards.ts";
import { readDocker } from "./docker.ts";
import { diagnoseEngines, type EngineAnswers, readEngines, usableEngines } from "./engines.ts";
import type { Group } from "./findings.ts";
import { diagnoseGpu, type GpuProbe } from "./gpu.ts";
import { diagnoseMachine, isWsl, type Machine } from "./machine.ts";
import { diagnosePrograms, type Programs } from "./programs.ts";
import { type CdiSpec, readToolkit } from "./toolkit.ts";
import type { Demands } from "./demands.ts";

/** What programs answered, by the name of the question. */
export interface GpuAnswers {
  nvidia_smi: Answer;
  nvidia_ctk: Answer;
  nvidia_container_cli: Answer;
  docker_version: Answer;
  docker_info: Answer;
}

/** What is known of the way to a GPU, before it is read. */
export interface GpuProbes {
  answers: GpuAnswers;
  cdi: CdiSpec[];
  /** The nerdctl on PATH is Rancher Desktop's. */
  rancher: boolean;
  kernel: string;
}

/** All that was found on this machine. */
export interface Probes extends Omit<GpuProbes, "kernel"> {
  answers: GpuAnswers & EngineAnswers & { git: Answer };
  machine: Machine;
  programs: Omit<Programs, "git">;
}

/** All groups in the order in which they are shown. */
export function diagnose(probes: Probes, demands: Demands): Group[] {
  const { answers, machine, programs } = probes;
  const engines = readEngines(answers);
  const usable = usableEngines(engines);
  const gpu = readGpu({ ...probes, kernel: machine.kernel });
  const cards = gpu.cards.cards.length > 0;
  const { docker } = engines;
  const containers = {
    any: usable.some((name) => name !== "apptainer"),
    podman: usable.includes("podman"),
    systemd: docker.state === "usable" && docker.systemdCgroups && !docker.rootless,
  };
  return [
    {
      topic: "Programs",
      findings: diagnosePrograms({ ...programs, git: answers.git }, usable.length > 0, demands),
    },
    {
      topic: "Engines",
      findings: diagnoseEngines(engines, demands, { gpu: cards, inside: machine.image !== undefined }),
    },
    { topic: "GPU", findings: diagnoseGpu(gpu, demands, containers) },
    { topic: "Machine", findings: diagnoseMachine(machine, demands) },
  ];
}

/** What bears on GPUs of all that was found. */
export function readGpu({ answers, cdi, rancher, kernel }: GpuProbes): GpuProbe {
  const docker = readDocker(answers.docker_version, answers.docker_info);
  const desktop = docker.state === "usable" ? docker.desktop : undefined;
  return {
    cards: readCards(answers.nvidia_smi),
    toolkit: readToolkit(answers.nvidia_ctk, answers.nvidia_container_cli),
    cdi,
    desktop: desktop ?? (rancher ? "Rancher Desktop" : undefined),
    wsl: isWsl({ kernel }),
  };
}
