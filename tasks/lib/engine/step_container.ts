/** The container that a step runs in: how it is reached while it runs, and what became of it. */

import { Failure } from "../cli/failure.ts";
import {
  client,
  type ContainerInfo,
  findContainers,
  inspectContainer,
  isOutOfReach,
  LABELS,
  lastLine,
  removeContainer,
} from "../container/client.ts";
import { CONTAINER_PROGRAMS, type ContainerProgram } from "../experiment/engine_name.ts";
import type { Plan, PlannedStep } from "../plan/plan.ts";
import { isHeld } from "../record/run_lock.ts";
import { signalGroup } from "../system/command.ts";
import type { ProcessHandle, Supervised } from "../system/supervise.ts";
import { containerName } from "./container.ts";

/** The program that runs the plan's containers; undefined for an engine without containers. */
export function containerProgram({ name }: Plan["engine"]): ContainerProgram | undefined {
  return CONTAINER_PROGRAMS.find((program) => program === name);
}

/**
 * Signals go to the container by its name: the client passes on only what comes after the container has started, and
 * ending the client would leave the container running.
 */
export function containerHandle(program: ContainerProgram, name: string): (pid: number) => ProcessHandle {
  return (pid) => ({
    interrupt: async () => {
      const { code } = await client(program, ["kill", "--signal", "INT", name], { timeoutMs: 5000 });
      if (code !== 0) signalGroup(pid, "SIGTERM"); // it has not started yet
    },
    kill: async () => {
      await client(program, ["kill", name], { timeoutMs: 5000 });
      signalGroup(pid, "SIGKILL");
    },
  });
}

/**
 * Removes the container of a step that has ended.
 *
 * @param said the end of what the client and the step wrote to standard error
 * @returns what went wrong, if the container explains it.
 * @throws Failure(3) if the container could not be started.
 */
export async function concludeContainer(
  plan: Plan,
  step: PlannedStep,
  program: ContainerProgram,
  ended: Supervised,
  said: string,
): Promise<string | undefined> {
  const name = containerName(plan.run, step.name);
  if (ended.code === 0) return void await removeContainer(program, name);
  let info: ContainerInfo | undefined;
  try {
    info = await inspectContainer(program, name);
    if (info !== undefined) await removeContainer(program, name);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return `${program} did not answer any more: ${error.message}; its container may still be there`;
  }
  if (ended.stoppedBy !== undefined) return undefined;
  if (neverStarted(info, ended)) {
    throw await explainStart(program, plan.container!.image.name, info?.error || lastLine(said));
  }
  if (info === undefined) return "its container was removed by somebody else while it ran";
  if (isOutOfReach(said) && info.running) return `the connection to ${program} was lost while it ran`;
  return info.oomKilled ? outOfMemory(plan, ended) : undefined;
}

/** 125 to 127 are the client's own exit codes where the command was not started, and may be a step's as well. */
function neverStarted(info: ContainerInfo | undefined, { code }: Supervised): boolean {
  if (code < 125 || code > 127) return false;
  return info === undefined || info.error !== "" || info.started.startsWith("0001-");
}

function outOfMemory({ container }: Plan, { code }: Supervised): string {
  const limit = container?.memory === undefined ? "the machine's" : `the limit of ${container.memory}`;
  return code === 137
    ? `out of memory: it reached ${limit}`
    : `exit code ${code}, after a process of it ran out of memory: it reached ${limit}`;
}

/** What an engine's message at the start of a container means. */
export async function explainStart(
  program: ContainerProgram,
  image: string,
  message: string,
): Promise<Failure> {
  const said = message.replace(/^.*Error response from daemon: /, "").replace(
    /\.?\s*See 'docker run --help'.*$/,
    "",
  );
  if (GPU_PROBLEM.test(message)) {
    return new Failure(3, `Cannot start a container of ${image}: ${program} has no access to NVIDIA GPUs`, {
      remedy: `${await remedyForGpu(program)}. Or run without: --gpus none. More: deno task doctor`,
      problems: [{ message: `${program} says: ${said}` }],
    });
  }
  const cause = START_PROBLEMS.find(([pattern]) => pattern.test(message));
  return new Failure(3, `Cannot start a container of ${image}: ${cause?.[1] ?? said}`, {
    remedy: cause?.[2],
    problems: cause === undefined ? [] : [{ message: `${program} says: ${said}` }],
  });
}

const GPU_PROBLEM = /could not select device driver|nvidia-container|unresolvable CDI|nvidia\.com\/gpu/i;

/** Looks at driver, toolkit and CDI specification only now, since that takes programs of their own. */
async function remedyForGpu(program: ContainerProgram): Promise<string> {
  const [{ probeGpu }, { gpuRemedy }] = await Promise.all([
    import("../doctor/probe.ts"),
    import("../doctor/gpu_remedy.ts"),
  ]);
  return gpuRemedy(program, await probeGpu());
}

const START_PROBLEMS: [pattern: RegExp, meaning: string, remedy: string][] = [
  [
    /executable file not found|no such file or directory.*(?:python|tini)/i,
    "it has no python on its PATH",
    "Use an image with Python, such as the experiment's own: deno task build",
  ],
  [
    /bind source path does not exist|mount.*permission denied|error while creating mount source/i,
    "the engine can't see the project's folder",
    "Share that folder with the engine (Docker Desktop: Settings, Resources, File sharing), or copy the project elsewhere",
  ],
  [/no such image|image not known/i, "the image is not there any more", "Make it again: deno task build"],
  [/no space left/i, "the engine's disk is full", "Free some space: docker system df shows what takes it"],
];

/**
 * Ends and removes the project's step containers that nobody looks after any more: their runner was killed, or lost its
 * engine.
 *
 * @returns the ids of the runs that they were of.
 */
export async function reapContainers(program: ContainerProgram, root: string): Promise<string[]> {
  const reaped: string[] = [];
  for (
    const { id, labels } of await findContainers(program, { [LABELS.project]: root, [LABELS.role]: "step" })
  ) {
    if (await isHeld(labels[LABELS.directory] ?? "")) continue;
    await removeContainer(program, id);
    reaped.push(labels[LABELS.run] ?? "unknown");
  }
  return reaped;
}
