/** Slurm's commands: what is asked of them, and what their answers mean. */

import { Failure } from "../cli/failure.ts";
import type { Finished } from "../system/command.ts";
import type { Cluster } from "./cluster.ts";
import { type Login, loginOf, NotReached } from "./login.ts";

/** A busy controller takes its time; beyond this it is not known whether it has heard. */
const ANSWER_MS = 60_000;

/** What Slurm says of an element of an array. */
export interface JobState {
  /** E.g. PENDING, RUNNING, TIMEOUT. */
  state: string;
  /** Why it waits, or the node that it runs on. */
  detail: string;
}

/** States in which an element is still Slurm's. */
const ACTIVE =
  /^(PENDING|RUNNING|COMPLETING|CONFIGURING|SUSPENDED|RE[QS]\w+|STAGE_OUT|SIGNALING|STOPPED|SPECIAL_EXIT)/;

/** Whether Slurm still has to do with it; what is not active will not change any more. */
export function isActive({ state }: JobState): boolean {
  return ACTIVE.test(state);
}

/** Refusals of `sbatch`, and the key of the cluster's file that they are about; none for what no file can change. */
const REFUSALS: [pattern: RegExp, key?: keyof Cluster][] = [
  [/submit limit|policy|max\w*jobs/i],
  [/invalid account/i, "account"],
  [/partition/i, "partition"],
  [/account/i, "account"],
  [/qos/i, "qos"],
  [/feature|constraint/i, "constraint"],
  [/gres|gpu/i, "gpus"],
  [/memory/i, "memory"],
  [/time limit/i, "time"],
  [/cpu|node configuration/i, "cpus"],
];

/** Slurm has not taken the job, and never will: it may be handed over again. */
export class Refused extends Failure {}

/**
 * Submits a batch script, once: where no answer comes, the job is looked for by its name.
 *
 * @returns the job's number
 * @throws Failure(3) if Slurm refuses it, can't be reached, or does not answer and has no job of that name
 */
export async function submit(cluster: Cluster, name: string, script: string): Promise<string> {
  const login = loginOf(cluster.host);
  const { code, signal, stdout, stderr } = await slurm(login, ["sbatch", "--parsable"], script)
    .catch((error): Finished => {
      if (!(error instanceof NotReached)) throw error;
      return { code: 1, signal: "SIGPIPE", stdout: "", stderr: error.message };
    });
  const id = /^(\d+)(;|$)/m.exec(stdout.trim())?.[1];
  if (code === 0 && id !== undefined) return id;
  if (signal !== undefined || /timed out|communication|contact/i.test(stderr)) {
    const found = await findJob(login, name).catch(() => undefined);
    if (found !== undefined) return found;
    throw new Failure(3, `Slurm did not say whether it has taken the job ${name}: ${lastLine(stderr)}`, {
      remedy: `Look with: squeue --name ${name}. deno task sweep --watch looks for it by that name, too`,
    });
  }
  const refusal = REFUSALS.find(([pattern]) => pattern.test(stderr));
  const key = refusal?.[1];
  const said = key === undefined || cluster[key] === undefined ? "" : ` (${key}: ${cluster[key]})`;
  throw new Refused(3, `Slurm refuses the job: ${lastLine(stderr)}${said}`, {
    remedy: refusal !== undefined && key === undefined
      ? `The site's limits are reached: wait until jobs of yours have ended, then go on: deno task sweep --resume --on ${cluster.name}`
      : `Say ${key ?? "what is missing"} in hosts/${cluster.name}.yaml; sinfo shows the partitions`,
  });
}

/** The number of the newest job of a name, running or ended not long ago. */
export async function findJob(login: Login, name: string): Promise<string | undefined> {
  const queue = ["squeue", "--noheader", "--states=all", `--name=${name}`, "--format=%F"];
  const { stdout } = await slurm(login, queue);
  const queued = stdout.match(/^\s*\d+\s*$/gm)?.at(-1)?.trim();
  if (queued) return queued;
  const asked = ["sacct", "-n", "-P", "-X", `--name=${name}`, "--format=JobID"];
  const accounted = await slurm(login, asked).catch(() => undefined); // a site may do without
  return /^\d+/m.exec(accounted?.stdout.trim() ?? "")?.[0];
}

/**
 * Asks for all elements of some arrays at once.
 *
 * @param jobs numbers of arrays
 * @returns by `JOB_ELEMENT`; what Slurm has forgotten is not in it
 * @throws NotReached if Slurm does not answer
 */
export async function askQueue(login: Login, jobs: string[]): Promise<Map<string, JobState>> {
  if (jobs.length === 0) return new Map();
  const asked = ["squeue", "--noheader", "--array", "--states=all", `--jobs=${jobs.join(",")}`];
  const { code, stdout, stderr } = await slurm(login, [...asked, "--format=%i|%T|%R"]);
  // Of a job that has ended some time ago it knows nothing any more.
  if (code !== 0 && !/invalid job id/i.test(stderr)) {
    throw new NotReached(3, `Slurm does not answer: ${lastLine(stderr)}`, {
      remedy: "Ask again later: what runs there goes on",
    });
  }
  return readStates(stdout);
}

/** What the accounting knows of elements that the queue has forgotten; nothing where there is none. */
export async function askAccounting(login: Login, jobs: string[]): Promise<Map<string, JobState>> {
  if (jobs.length === 0) return new Map();
  const asked = ["sacct", "-n", "-P", "-X", `--jobs=${jobs.join(",")}`, "--format=JobID,State,NodeList"];
  const { code, stdout } = await slurm(login, asked).catch(() => ({ code: 1, stdout: "" }));
  return code === 0 ? readStates(stdout) : new Map();
}

function readStates(text: string): Map<string, JobState> {
  const states = new Map<string, JobState>();
  for (const line of text.split("\n")) {
    const [id, state, detail = ""] = line.trim().split("|");
    if (id && state) states.set(id, { state: state.split(" ")[0]!, detail });
  }
  return states;
}

/** Ends what waits, and asks what runs to save and end; Slurm itself would let it only half a minute. */
export async function cancel(login: Login, jobs: string[]) {
  const waiting = await slurm(login, ["scancel", "--state=PENDING", ...jobs]);
  const running = await slurm(login, ["scancel", "--signal=TERM", "--batch", "--state=RUNNING", ...jobs]);
  for (const { code, stderr } of [waiting, running]) {
    if (code === 0 || /invalid job id/i.test(stderr)) continue;
    throw new Failure(3, `Slurm does not cancel ${jobs.join(", ")}: ${lastLine(stderr)}`);
  }
}

/** How much may be handed over at a time. */
export interface SiteLimits {
  /** Elements of one array. */
  array: number;
  /** Jobs that the user may have queued; absent where there is no limit, or none can be asked for. */
  submitted?: number;
}

/** What the site allows, as far as it says. */
export async function siteLimits(login: Login): Promise<SiteLimits> {
  const [config, association, queued] = await Promise.all([
    slurm(login, ["scontrol", "show", "config"]),
    ownAssociations(login).catch(() => undefined),
    slurm(login, ["squeue", "--noheader", "--array", "--me", "--format=%i"]),
  ]);
  const largest = Number(/^MaxArraySize\s*=\s*(\d+)/m.exec(config.stdout)?.[1] ?? 1001);
  const limits = association?.code === 0 ? association.stdout.match(/^\d+$/gm)?.map(Number) ?? [] : [];
  const mine = queued.stdout.match(/^\s*\d\S*\s*$/gm)?.length ?? 0;
  // Of several accounts nobody has said which is meant: the site refuses what is too much.
  return {
    array: Math.max(1, largest - 1),
    ...(limits.length > 0 && { submitted: Math.max(0, Math.max(...limits) - mine) }),
  };
}

/** A site may do without accounting. */
async function ownAssociations(login: Login) {
  const { stdout } = await login.run(["id", "-un"]);
  const user = stdout.trim().split("\n").at(-1);
  return await slurm(login, ["sacctmgr", "-n", "-P", "show", "assoc", `user=${user}`, "format=MaxSubmit"]);
}

async function slurm(login: Login, argv: string[], input?: string): Promise<Finished> {
  const missing = `Cannot start "${argv[0]}": Slurm's commands are not on ${login.host ?? "this machine"}`;
  let ended: Finished | undefined;
  try {
    ended = await login.run(argv, {
      timeoutMs: ANSWER_MS,
      keep: "all",
      ...(input !== undefined && { input: new TextEncoder().encode(input) }),
    });
  } catch (error) {
    if (!(error instanceof Failure) || login.host !== undefined) throw error;
  }
  if (ended !== undefined && ended.code !== NOT_THERE) return ended;
  throw new Refused(3, missing, {
    remedy: login.host === undefined
      ? "Log in to a node of the cluster on which sbatch is there, or name its login node: host: in the cluster's file"
      : `host: in the cluster's file must be a node on which somebody who logs in has sbatch`,
  });
}

/** Exit code of a shell that does not find a program. */
const NOT_THERE = 127;

function lastLine(text: string): string {
  const line = text.trim().split("\n").at(-1) ?? "";
  return line.replace(/^\w+: (error: )?(Batch job submission failed: )?/, "") || "no answer";
}
