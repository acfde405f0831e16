/** A step in apptainer: a child process of the caller's, in the file system of a SIF file. */

import type { Plan, PlannedContainer, PlannedStep } from "../plan.ts";
import { mountArguments } from "./container.ts";
import { stepCommand } from "./step_command.ts";

/**
 * Nothing of the machine gets in that was not asked for: not the caller's variables and home, nor /tmp; and root does
 * not keep its rights.
 */
const ISOLATION = ["--cleanenv", "--contain", "--no-home", "--no-privs"];

export function apptainerCommand(plan: Plan, step: PlannedStep, resuming: boolean): string[] {
  const container = plan.container!;
  const { HOME = "/tmp", ...env } = step.env;
  return [
    ...["env", ...(container.unset ?? []).flatMap((name) => ["-u", name]), ...variables(env)],
    // Without --no-eval a shell in the container would expand $ and ` in the variables' values.
    ...["apptainer", "--quiet", "exec", ...ISOLATION, "--no-eval"],
    // HOME can't be a variable; with --no-home this only says where it is.
    ...["--home", HOME, "--workdir", container.scratch!],
    ...limits(container),
    ...(container.gpus === "none" ? [] : ["--nv"]),
    ...container.mounts.flatMap((mount) => mountArguments("apptainer", mount)),
    ...["--pwd", step.cwd, container.image.file!],
    ...stepCommand("python", step, resuming),
  ];
}

/** `--env` is a line of CSV or not, depending on the number of its equals signs; a variable carries any value. */
function variables(env: Record<string, string>): string[] {
  return Object.entries(env).map(([name, value]) => `APPTAINERENV_${name}=${value}`);
}

/** /dev/shm is the machine's own, so there is no limit to raise. */
function limits({ memory, cpus, network }: PlannedContainer): string[] {
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
