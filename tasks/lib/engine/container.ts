/** A step as a container of docker, podman or nerdctl, whose command lines are nearly the same. */

import { Failure } from "../cli/failure.ts";
import { LABELS } from "../container/client.ts";
import { type ContainerProgram, PROGRAMS } from "../container/program.ts";
import type { ContainerLimits } from "../experiment/experiment.ts";
import type { GpuRequest } from "../plan/gpus.ts";
import type { Mount, Plan, PlannedContainer, PlannedStep } from "../plan/plan.ts";
import { stepCommand } from "./engine.ts";

/** The command line that runs a step. */
export function stepContainer(
  program: ContainerProgram,
  plan: Plan,
  step: PlannedStep,
  resuming: boolean,
): string[] {
  const container = plan.container!;
  const [entrypoint, ...before] = container.entrypoint;
  return [
    ...[program, "run", "--name", containerName(plan.run, step.name), ...labels(plan)],
    ...userArguments(container),
    ...isolation(program, plan.engine.version ?? "", container),
    ...limitArguments(container),
    ...gpuArguments(program, step.gpus ?? container.gpus),
    ...container.mounts.flatMap((mount) => mountArguments(program, mount)),
    ...["--workdir", step.cwd],
    ...Object.entries(step.env).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
    // Without a value: the client takes it from its own environment, and no command line shows it.
    ...(step.secrets ?? []).flatMap((name) => ["--env", name]),
    ...(entrypoint === undefined ? [] : ["--entrypoint", entrypoint]),
    container.image.id,
    ...before,
    ...stepCommand("python", step, resuming),
  ];
}

/** The name of a step's container; a run has one at a time for each step. */
export function containerName(run: string, step: string): string {
  return `experiment-${run}-${step}`;
}

function labels({ run, directory, experiment }: Plan): string[] {
  const given = {
    [LABELS.role]: "step",
    [LABELS.run]: run,
    [LABELS.directory]: directory,
    [LABELS.project]: experiment.root,
  };
  return Object.entries(given).flatMap(([name, value]) => ["--label", `${name}=${value}`]);
}

/** Group 100 owns the home folder and the packages of the images that GPU-Jupyter is made from. */
function userArguments({ user, keepId, hostIds }: PlannedContainer): string[] {
  return [
    ...(keepId ? ["--userns", "keep-id"] : []),
    ...(hostIds ? ["--userns", "host"] : []),
    ...["--user", user, "--group-add", "100"],
  ];
}

function isolation(program: ContainerProgram, version: string, { network }: PlannedContainer): string[] {
  const { takesNoLog, takesNoHealthcheck } = PROGRAMS[program];
  return [
    ...["--pull", "never", "--security-opt", "no-new-privileges"],
    // The output is read as it comes; a copy of it in the engine's own files would only fill its disk.
    ...(takesNoLog(version) ? ["--log-driver", "none"] : []),
    // The check of GPU-Jupyter asks every three seconds for a Jupyter server, which no step is.
    ...(takesNoHealthcheck(version) ? ["--no-healthcheck"] : []),
    ...(network === undefined ? [] : ["--network", network]),
  ];
}

/** Arguments of `docker run` for limits: sizes such as `8g`, processors such as `1.5`. */
export function limitArguments({ shmSize, memory, cpus }: Omit<ContainerLimits, "network">): string[] {
  return [
    ...(shmSize === undefined ? [] : ["--shm-size", shmSize]),
    // Without swap of its own: a limit that the step can swap around would only make it slow.
    ...(memory === undefined ? [] : ["--memory", memory, "--memory-swap", memory]),
    ...(cpus === undefined ? [] : ["--cpus", cpus]),
  ];
}

/** Arguments that give a container its GPUs, in the program's own words. */
export function gpuArguments(program: ContainerProgram, gpus: GpuRequest): string[] {
  return gpus === "none" ? [] : PROGRAMS[program].gpuArguments(gpus);
}

/**
 * Arguments that bind a folder or file.
 *
 * @throws Failure(2) for a path that the program can't be told.
 */
export function mountArguments(program: ContainerProgram, mount: Mount): string[] {
  return bindArguments(program, PROGRAMS[program].refused, mount);
}

/**
 * `--mount` and not `--volume`, in which a colon in a path would end it, and which makes folders that are not there.
 *
 * @param refused characters of a path that the program can't be told
 * @throws Failure(2) for a path with one of them.
 */
export function bindArguments(
  program: string,
  refused: RegExp,
  { source, target, readOnly }: Mount,
): string[] {
  for (const path of [source, target]) refuseCharacters(program, refused, path);
  const fields = ["type=bind", `source=${source}`, `target=${target}`, ...(readOnly ? ["readonly"] : [])];
  return ["--mount", fields.map(csvField).join(",")];
}

/** Folders to read in a container, at the paths they have here. */
export function readableMounts(folders: string[] = []): Mount[] {
  return folders.map((path) => ({ source: path, target: path, readOnly: true }));
}

function csvField(field: string): string {
  return /[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

function refuseCharacters(program: string, refused: RegExp, path: string) {
  const found = refused.exec(path)?.[0];
  if (found === undefined) return;
  throw new Failure(
    2,
    `Cannot mount ${path}: ${program} takes no ${JSON.stringify(found)} in a path`,
    { remedy: "Rename the folder, or use another engine (--engine)" },
  );
}
