/** From what was found on this machine to the findings. Starts nothing. */

import type { Answer } from "./ask.ts";
import { readCards } from "./cards.ts";
import { readDocker } from "./docker.ts";
import { type EngineAnswers, judgeEngines, readEngines, usableEngines } from "./engines.ts";
import type { Group } from "./findings.ts";
import { type GpuProbe, judgeGpu } from "./gpu.ts";
import { isWsl, judgeMachine, type Machine } from "./machine.ts";
import { judgePrograms, type Programs } from "./programs.ts";
import { type CdiSpec, readToolkit } from "./toolkit.ts";
import type { Wanted } from "./wanted.ts";

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

export interface Probes extends Omit<GpuProbes, "kernel"> {
  answers: GpuAnswers & EngineAnswers & { git: Answer };
  machine: Machine;
  programs: Omit<Programs, "git">;
}

export function judge(probes: Probes, wanted: Wanted): Group[] {
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
      findings: judgePrograms({ ...programs, git: answers.git }, usable.length > 0, wanted),
    },
    {
      topic: "Engines",
      findings: judgeEngines(engines, wanted, { gpu: cards, inside: machine.image !== undefined }),
    },
    { topic: "GPU", findings: judgeGpu(gpu, wanted, containers) },
    { topic: "Machine", findings: judgeMachine(machine, wanted) },
  ];
}

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
