/** A step in apptainer: a child process of the caller, in the file system of a SIF file. */

import type { ContainerLimits } from "../experiment/experiment.ts";
import type { GpuRequest } from "../plan/gpus.ts";
import type { Mount, Plan, PlannedStep } from "../plan/plan.ts";
import { mountArguments } from "./container.ts";
import { stepCommand } from "./step_command.ts";

/**
 * Nothing of the machine gets in that was not asked for: not the caller's variables and home, nor /tmp; and root does
 * not keep its rights.
 */
const ISOLATION = ["--cleanenv", "--contain", "--no-home", "--no-privs"];

/** What a command in apptainer gets of this machine. */
export interface Sandbox {
  /** The SIF file. */
  file: string;
  /** Names of the caller's variables that would change what apptainer does. */
  unset: string[];
  env: Record<string, string>;
  mounts: Mount[];
  cwd: string;
  home: string;
  /** Folder that is there, for what is written to /tmp. */
  scratch: string;
  gpus: GpuRequest;
  limits: Omit<ContainerLimits, "shmSize">;
}

export function apptainerCommand(plan: Plan, step: PlannedStep, resuming: boolean): string[] {
  const { image, unset = [], mounts, scratch, gpus, ...limits } = plan.container!;
  const { HOME: home = "/tmp", ...env } = step.env;
  return inApptainer(
    { file: image.file!, unset, env, mounts, cwd: step.cwd, home, scratch: scratch!, gpus, limits },
    stepCommand("python", step, resuming),
  );
}

/** The command line of a command in a SIF file. */
export function inApptainer(sandbox: Sandbox, command: string[]): string[] {
  return [
    ...["env", ...sandbox.unset.flatMap((name) => ["-u", name]), ...variables(sandbox.env)],
    // Without --no-eval a shell in the container would expand $ and ` in the variables' values.
    ...["apptainer", "--quiet", "exec", ...ISOLATION, "--no-eval"],
    // HOME can't be a variable; with --no-home this only says where it is.
    ...["--home", sandbox.home, "--workdir", sandbox.scratch],
    ...limitArguments(sandbox.limits),
    ...(sandbox.gpus === "none" ? [] : ["--nv"]),
    ...sandbox.mounts.flatMap((mount) => mountArguments("apptainer", mount)),
    ...["--pwd", sandbox.cwd, sandbox.file],
    ...command,
  ];
}

/** `--env` is a line of CSV or not, depending on the number of its equals signs; a variable carries any value. */
function variables(env: Record<string, string>): string[] {
  return Object.entries(env).map(([name, value]) => `APPTAINERENV_${name}=${value}`);
}

/** /dev/shm is the machine's own, so there is no limit to raise. */
function limitArguments({ memory, cpus, network }: Sandbox["limits"]): string[] {
  return [
    ...(network === undefined ? [] : ["--net", "--network", network]),
    ...(memory === undefined ? [] : ["--memory", memory, "--memory-swap", memory]),
    ...(cpus === undefined ? [] : ["--cpus", cpus]),
  ];
}

/** Places and not settings: what the caller says about them holds. */
const PLACES = /^APPTAINER_(?:CACHEDIR|TMPDIR|CONFIGDIR)$/;

/** Which of the caller's variables would set options of apptainer, mount folders, or reach the step. */
export function overridingVariables(names: string[]): string[] {
  return names.filter((name) => /^(?:APPTAINER|SINGULARITY)(?:ENV)?_/.test(name) && !PLACES.test(name))
    .sort();
}
