/** The container that a step runs in: how it is reached while it runs, and what became of it. */

import { basename } from "node:path";
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
import { type ContainerProgram, PROGRAMS } from "../container/program.ts";
import type { Plan, PlannedContainer, PlannedStep } from "../plan/plan.ts";
import { isRunLocked } from "../record/run_lock.ts";
import { signalGroup } from "../system/command.ts";
import type { ProcessHandle, Supervised } from "../system/supervise.ts";
import { AHEAD } from "../system/waiting_process.ts";
import { containerName } from "./container.ts";
import type { StepRuntime } from "./engine.ts";

/** A step in a container is reached by the container's name, and the container is removed when it has ended. */
export function containerRuntime(program: ContainerProgram, plan: Plan, step: PlannedStep): StepRuntime {
  const name = containerName(plan.run, step.name);
  return {
    env: {},
    reach: containerHandle(program, name),
    endsAll: true,
    ...(PROGRAMS[program].waits && runsNothingElse(plan.container!) && {
      ahead: { command: waitingCommand, discard: () => removeContainer(program, name) },
    }),
    conclude: (...ended) => concludeContainer(plan, step, program, ...ended),
  };
}

/** The image starts no program of its own before the step, which might read what the step waits for. */
function runsNothingElse({ entrypoint: [program] }: PlannedContainer): boolean {
  return program === undefined || INITS.includes(basename(program));
}

/** Programs that do nothing but start another and pass signals on. */
const INITS = ["tini", "dumb-init", "catatonit", "docker-init"];

/** Its standard input stays open, and without a value the client takes the variable from its own environment. */
function waitingCommand([program, run, ...options]: string[]): string[] {
  return [program!, run!, "--interactive", "--env", AHEAD, ...options];
}

/**
 * Signals go to the container by its name: the client passes on only what comes after the container has started, and
 * ending the client would leave the container running.
 */
function containerHandle(program: ContainerProgram, name: string): (pid: number) => ProcessHandle {
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
 * @param stderr its end, by the client and the step
 * @returns what went wrong, if the container explains it.
 * @throws Failure(3) if the container could not be started.
 */
async function concludeContainer(
  plan: Plan,
  step: PlannedStep,
  program: ContainerProgram,
  ended: Supervised,
  stderr: string,
  meanwhile: (work: Promise<unknown>) => void,
): Promise<string | undefined> {
  const name = containerName(plan.run, step.name);
  if (ended.code === 0) {
    meanwhile(removeContainer(program, name));
    return undefined;
  }
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
    const { image, mounts } = plan.container!;
    const root = plan.experiment.root;
    const folders = [
      { path: root, name: "the project's folder" },
      ...mounts.map(({ source }) => ({ path: source })),
    ];
    throw await explainStart(program, image.name, info?.error || stderr, folders);
  }
  // A busy engine ends it long before it is gone.
  if (info === undefined || info.removing) return "its container was removed by somebody else while it ran";
  if (isOutOfReach(stderr) && info.running) return `the connection to ${program} was lost while it ran`;
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

/** A folder or file that a container was to see, with what the user calls it. */
export interface SeenFolder {
  path: string;
  name?: string;
  remedy?: string;
}

/**
 * What an engine's message at the start of a container means.
 *
 * @param folders what the container was to see
 */
export async function explainStart(
  program: ContainerProgram,
  image: string,
  message: string,
  folders: SeenFolder[] = [],
): Promise<Failure> {
  const text = lastLine(message).replace(/^.*Error response from daemon: /, "");
  const problems = [{ message: `${program} says: ${text}` }];
  if (GPU_PROBLEM.test(message)) {
    return new Failure(3, `Cannot start a container of ${image}: ${program} has no access to NVIDIA GPUs`, {
      remedy: `${await remedyForGpu(program)}. Or run without: --gpus none. More: deno task doctor`,
      problems,
    });
  }
  if (FOLDER_PROBLEM.test(message)) {
    const { what, remedy } = unseenFolder(message, folders);
    return new Failure(3, `Cannot start a container of ${image}: the engine can't see ${what}`, {
      remedy,
      problems,
    });
  }
  const cause = START_PROBLEMS.find(([pattern]) => pattern.test(message));
  if (cause === undefined) return new Failure(3, `Cannot start a container of ${image}: ${text}`);
  const [, meaning, remedy] = cause;
  return new Failure(3, `Cannot start a container of ${image}: ${meaning}`, { remedy, problems });
}

const FOLDER_PROBLEM =
  /bind source path does not exist|mount.*permission denied|error while creating mount source|statfs .*no such file/i;

/** The folder that the engine names: the longest that fits, since one may lie in another. */
function unseenFolder(message: string, folders: SeenFolder[]): { what: string; remedy: string } {
  const named = folders.filter(({ path }) => message.includes(path));
  const found = named.sort((a, b) => b.path.length - a.path.length)[0];
  if (found === undefined) return { what: "a folder that the container needs", remedy: shareRemedy("it") };
  const what = found.name === undefined ? found.path : `${found.name} (${found.path})`;
  return { what, remedy: found.remedy ?? shareRemedy(found.path) };
}

function shareRemedy(folder: string): string {
  return `Share ${folder} with the engine (Docker Desktop: Settings, Resources, File sharing), or keep it elsewhere`;
}

const GPU_PROBLEM = /could not select device driver|nvidia-container|unresolvable CDI|nvidia\.com\/gpu/i;

/** Looks at driver, toolkit and CDI specification only now, since that takes programs of their own. */
async function remedyForGpu(program: ContainerProgram): Promise<string> {
  const [{ probeGpu }, { gpuRemedy }] = await Promise.all([
    import("../doctor/probe.ts"),
    import("../doctor/gpu.ts"),
  ]);
  return gpuRemedy(program, await probeGpu());
}

const START_PROBLEMS: [pattern: RegExp, meaning: string, remedy: string][] = [
  [
    /executable file not found|no such file or directory.*(?:python|tini)/i,
    "it has no python on its PATH",
    "Use an image with Python, such as the experiment's own: deno task build",
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
    if (await isRunLocked(labels[LABELS.directory] ?? "")) continue;
    await removeContainer(program, id);
    reaped.push(labels[LABELS.run] ?? "unknown");
  }
  return reaped;
}
