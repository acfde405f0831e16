/** A step in apptainer: a child process of the caller, in the file system of a SIF file. */

import { isForApptainer } from "../../container/sif_origin.ts";
import type { ContainerLimits } from "../../experiment/experiment.ts";
import type { GpuRequest } from "../../plan/gpus.ts";
import type { Mount, Plan, PlannedStep } from "../../plan/plan.ts";
import { bindArguments, readableMounts } from "../container.ts";
import { type Engine, type ServerPlace, stepCommand, type StepRuntime } from "../engine.ts";

export const ENGINE: Engine = {
  name: "apptainer",
  choose: async (...asked) => await (await import("../choose_apptainer.ts")).chooseApptainer(...asked),
  takes: (image) => isForApptainer(image) ? "alone" : "not",
  command: apptainerCommand,
  runtime: apptainerRuntime,
  server: {
    kind: "process",
    place: ({ argv, env, cwd }, at) => ({ argv: inApptainer(serverSandbox(at, env), argv), cwd }),
    shell: (command, at) => ({
      argv: inApptainer(serverSandbox(at), command.length > 0 ? command : ["bash"]),
      cwd: at.root,
    }),
    prepare: async ({ sif }) => await Deno.mkdir(sif!.scratch, { recursive: true, mode: 0o700 }),
  },
};

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

function apptainerCommand(plan: Plan, step: PlannedStep, resuming: boolean): string[] {
  const { image, unset = [], mounts, scratch, gpus, ...limits } = plan.container!;
  const { HOME: home = "/tmp", ...env } = step.env;
  return inApptainer(
    {
      file: image.file!,
      unset,
      env,
      mounts,
      cwd: step.cwd,
      home,
      scratch: scratch!,
      gpus: step.gpus ?? gpus,
      limits,
    },
    stepCommand("python", step, resuming),
  );
}

async function apptainerRuntime(plan: Plan, { secrets = [] }: PlannedStep): Promise<StepRuntime> {
  const { apptainerHandle, concludeApptainer } = await import("../../container/apptainer.ts");
  const scratch = plan.container!.scratch!;
  const clear = () => Deno.remove(scratch, { recursive: true }).catch(() => {});
  return {
    env: variablesByName(secrets),
    reach: apptainerHandle,
    prepare: async () => {
      await clear(); // of an attempt that was killed
      await Deno.mkdir(scratch);
    },
    conclude: async (ended, stderr) => {
      await clear();
      concludeApptainer(plan, ended, stderr);
      return undefined;
    },
  };
}

function serverSandbox(
  { root, tokenFile, data, env, sif }: ServerPlace,
  more: Record<string, string> = {},
): Sandbox {
  const { image: { file }, unset, scratch, gpus, limits } = sif!;
  return {
    ...{ file: file!, unset, scratch, gpus, limits, cwd: root, home: "/tmp" },
    env: { ...env, ...more },
    mounts: [
      { source: root, target: root },
      { source: tokenFile, target: tokenFile, readOnly: true },
      ...readableMounts(data),
    ],
  };
}

/** What Apptainer 1.4 can't be told in the path of a mount; it was seen to take all else. */
const LINE_BREAKS = /[\n\r]/;

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
    ...sandbox.mounts.flatMap((mount) => bindArguments("apptainer", LINE_BREAKS, mount)),
    ...["--pwd", sandbox.cwd, sandbox.file],
    ...command,
  ];
}

function variablesByName(names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [`APPTAINERENV_${name}`, Deno.env.get(name) ?? ""]));
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
