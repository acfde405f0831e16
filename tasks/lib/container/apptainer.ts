/** The program apptainer: how a step in it is reached, and what its failures mean. */

import { stripVTControlCharacters } from "node:util";
import { Failure } from "../cli/failure.ts";
import type { Plan } from "../plan/plan.ts";
import { type Finished, run, type RunOptions, signalGroup } from "../system/command.ts";
import { groupMembers, send } from "../system/processes.ts";
import type { ProcessHandle, Supervised } from "../system/supervise.ts";
import { lastLine } from "./client.ts";

/** @throws Failure(3) if the program is not there; a non-zero exit code is a result. */
export async function apptainer(args: string[], options: RunOptions = {}): Promise<Finished> {
  try {
    return await run(["apptainer", ...args], options);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(3, "Cannot use Apptainer: there is no program apptainer on PATH", {
      remedy: "On a cluster: module load apptainer; elsewhere install Apptainer (https://apptainer.org)",
    });
  }
}

/** The version of the program; @throws Failure(3) if it is not there or does not work. */
export async function requireApptainer(): Promise<string> {
  const { code, stdout, stderr } = await apptainer(["--version"], { timeoutMs: 30_000 });
  const version = /\d+\.\d+\S*/.exec(stdout)?.[0];
  if (code === 0 && version !== undefined) return version;
  throw new Failure(3, `Cannot use Apptainer: ${lastProblem(stderr) || "it did not answer within 30 s"}`, {
    remedy: "apptainer --version tells more",
  });
}

/** Labels of the image that a SIF was made from; none where apptainer can't tell them. */
export async function imageLabels(file: string): Promise<Record<string, string>> {
  const { code, stdout } = await apptainer(["inspect", "--json", "--labels", file]);
  return code === 0 ? JSON.parse(stdout).data?.attributes?.labels ?? {} : {};
}

/** What apptainer says before it gives up, without its marks. */
export function lastProblem(stderr: string): string {
  const fatal = stripVTControlCharacters(stderr).split("\n").filter((line) => FATAL.test(line)).at(-1);
  return (fatal ?? lastLine(stderr)).replace(FATAL, "").trim();
}

const FATAL = /^FATAL:\s*/;

/**
 * Without a terminal apptainer passes each signal on to the step. A signal to the whole group would reach the step twice,
 * which ends one that is saving; and ending apptainer itself would leave the process behind that mounts the SIF.
 */
export function apptainerHandle(pid: number): ProcessHandle {
  let killed = false;
  const toStep = async (signal: Deno.Signal) => {
    const members = (await groupMembers(pid)).filter((member) => member !== pid);
    if (members.length === 0) signalGroup(pid, "SIGTERM"); // it has not started yet
    members.forEach((member) => send(member, signal));
  };
  return {
    interrupt: () => toStep("SIGINT"),
    kill: async () => {
      if (killed) return signalGroup(pid, "SIGKILL");
      killed = true;
      await toStep("SIGKILL");
    },
  };
}

/** Apptainer's own exit code, which may be a step's as well. */
const GAVE_UP = 255;

/** @throws Failure(3) if apptainer could not start the step. */
export function concludeApptainer(plan: Plan, ended: Supervised, stderr: string) {
  const lastWords = lastLine(stderr);
  if (ended.code !== GAVE_UP || ended.stoppedBy !== undefined || !FATAL.test(lastWords)) return;
  throw explainApptainer(plan.container!.image.name, lastProblem(lastWords));
}

/** What apptainer's last words mean when it could not start a step. */
export function explainApptainer(image: string, message: string): Failure {
  const cause = START_PROBLEMS.find(([pattern]) => pattern.test(message));
  return new Failure(3, `Cannot start ${image} with Apptainer: ${cause?.[1] ?? message}`, {
    remedy: cause?.[2],
    problems: cause === undefined ? [] : [{ message: `apptainer says: ${message}` }],
  });
}

const START_PROBLEMS: [pattern: RegExp, meaning: string, remedy: string][] = [
  [
    /cgroup/i,
    "this machine lets it set no limits",
    "Leave out --memory and --cpus (in experiment.yaml: memory, cpus), and set limits where jobs are submitted, e.g. " +
    "sbatch --mem; it needs cgroups v2 under systemd",
  ],
  [
    /network|cni/i,
    "this machine lets it make no network of its own, so the step would have the machine's",
    "Leave out --network none (in experiment.yaml: network), or ask an administrator to allow it in apptainer.conf",
  ],
  [
    /user namespace|newuidmap|clone_newuser|operation not permitted/i,
    "this user may not make user namespaces",
    "Ask an administrator to allow them (sysctl kernel.unprivileged_userns_clone=1, " +
    "kernel.apparmor_restrict_unprivileged_userns=0), or for Apptainer with its setuid program",
  ],
  [
    /\/dev\/fuse|fuse: /i,
    "it may not mount the SIF file: /dev/fuse is not there or not for this user",
    "Ask an administrator to make /dev/fuse usable (mode 0666), as it is on ordinary machines",
  ],
  [
    /squashfs|image format not recognized|could not open image|reading descriptors/i,
    "its SIF file is damaged or gone",
    "Remove the file if it is there, so that it is made again; its path is in --plan",
  ],
  [
    /executable file not found/i,
    "it has no python on its PATH",
    "Use an image with Python, such as the experiment's own",
  ],
  [/no space left|quota/i, "the disk is full", "Free some space, or keep runs elsewhere: --runs DIR"],
];
