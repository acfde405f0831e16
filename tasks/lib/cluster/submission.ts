/** submission-N.json: runs that were handed to a cluster together, so that they are found again from the record alone. */

import { basename, dirname, join, relative } from "node:path";
import * as z from "zod/mini";
import { Failure } from "../cli/failure.ts";
import type { Terminal } from "../cli/terminal.ts";
import { shellQuote } from "../system/command.ts";
import { INSIDE } from "../system/product.ts";
import { writeAtomic, writeJson } from "../system/files.ts";
import { readRecord } from "../system/records.ts";
import { Folder } from "../system/regular_file.ts";
import { batchScript } from "./batch_script.ts";
import { type Cluster, clusterSchema } from "./cluster.ts";
import { type DataThere, type DataToSend, sendData } from "./data_there.ts";
import { bring, type Login, loginOf, make, NotReached, send, write } from "./login.ts";
import { type Moved, relocate } from "./relocate.ts";
import {
  askAccounting,
  askQueue,
  cancel,
  findJob,
  isActive,
  type JobState,
  Refused,
  submit,
} from "./slurm.ts";

const submissionSchema = z.object({
  schema: z.literal(1),
  number: z.number(),
  created: z.string(),
  /** The cluster's name and file. */
  cluster: z.object({ name: z.string(), file: z.optional(z.string()) }),
  /** Where all of it is, where that is behind a login node. */
  there: z.optional(z.object({
    /** The login node, as ssh takes it. */
    host: clusterSchema.shape.host,
    /** Folder that stands for the one of this record. */
    directory: z.string(),
    /** Copy of the project, by the hash of its sources: what has been handed over does not change any more. */
    root: z.string(),
    /** The project's folder here. */
    project: z.string(),
    /** Where data are kept here, and there for all experiments; absent in what was handed over before there were any. */
    data: z.optional(z.object({ here: z.string(), there: z.string() })),
  })),
  /** Lines of the jobs' file that each array runs. */
  arrays: z.array(z.object({
    /** By which Slurm knows the job, and by which it is found where its number is not known. */
    name: z.string(),
    first: z.number(),
    size: z.number(),
    /** Slurm's number; absent until it has answered. */
    job: z.optional(z.string()),
  })),
  /** Ids of the runs, by line. */
  runs: z.array(z.string()),
});

export type Submission = z.infer<typeof submissionSchema>;

/**
 * Where a submission to a cluster behind a login node is there; nothing for a cluster whose files are seen here.
 *
 * @param code SHA-256 of the sources
 * @param cache where data are kept here
 */
export function placeThere(
  { host, folder }: Cluster,
  experiment: { name: string; root: string },
  directory: string,
  code: string,
  cache: string,
): Submission["there"] {
  if (host === undefined) return undefined;
  const own = join(folder!, experiment.name);
  return {
    host,
    directory: join(own, basename(directory)),
    root: join(own, `code-${code.slice(0, 16)}`),
    project: experiment.root,
    // No experiment can be called that.
    data: { here: cache, there: join(folder!, ".data") },
  };
}

/** One line of the jobs' file: all that a node has to know of a run. */
export interface Job<Plan = unknown> {
  submission: number;
  run: string;
  directory: string;
  /** It is queued again when its time is short. */
  requeue: boolean;
  steps: JobStep[];
  /** For who takes the run in again. */
  plan: Plan;
}

/** A planned step as the node runs it; `tasks/inside/cluster/run_member.py` reads it as JSON. */
export interface JobStep {
  name: string;
  argv: string[];
  command: string[];
  /** It is started on so many nodes, by srun and torchrun. */
  nodes?: number;
  /** The command that goes on where an earlier start has left the step; absent where it can't. */
  resumed?: string[];
  cwd: string;
  env: Record<string, string>;
  /** Goes before the node's own PATH. */
  path?: string;
  out: string;
  timeout?: number;
  optional?: boolean;
  /** Data that it reads, behind a login node: they must still be what was copied there. */
  data?: DataThere[];
  /** Made for the step, and removed after it. */
  folders?: string[];
  /** The container that it runs in. */
  container?: {
    program: "podman" | "apptainer";
    /** As the user names it. */
    image: string;
    /** The image in the command, and the container's name: of a program whose containers stay. */
    id?: string;
    name?: string;
  };
}

/** What a cluster behind a login node lacks, and is sent. */
export interface Needs {
  /** Files of the project, relative to it. */
  sources: string[];
  /** Folders that the steps find there, by their paths here. */
  folders: string[];
  data: DataToSend[];
}

/** So long a controller may take to accept what it was sent: before that nothing is handed over again. */
const LATE_MS = 600_000;

/** The records of what was handed over, `submission-N.json` and so on in one folder. */
export class Submissions {
  constructor(readonly directory: string) {}

  #path(number: number, extension: string): string {
    return join(this.directory, `submission-${number}.${extension}`);
  }

  /** All of them, oldest first. */
  async list(): Promise<Submission[]> {
    const found: Submission[] = [];
    const names = await Array.fromAsync(Deno.readDir(this.directory)).catch(() => []);
    const numbers = names.flatMap(({ name }) => /^submission-(\d+)\.json$/.exec(name)?.[1] ?? []).map(Number);
    const within = new Folder(this.directory);
    for (const number of numbers.sort((a, b) => a - b)) {
      const path = this.#path(number, "json");
      found.push(await readRecord(path, submissionSchema, "the record of a submission", { within }));
    }
    return found;
  }

  /** What runs write to beside their own folders: Slurm's messages; with the login node, where it is behind one. */
  outputOf(submission: Submission): string {
    const path = this.#path(submission.number, "out");
    const { host } = submission.there ?? {};
    return host === undefined ? path : `${host}:${this.#thereOf(submission, path)}`;
  }

  /** The planned runs of a submission, by line; `undefined` where a line is damaged. */
  async jobs<Plan>({ number }: Submission): Promise<(Job<Plan> | undefined)[]> {
    const text = await Deno.readTextFile(this.#path(number, "jobs.jsonl"));
    return text.trimEnd().split("\n").map((line) => {
      try {
        return JSON.parse(line) as Job<Plan>;
      } catch {
        return undefined;
      }
    });
  }

  /** The scripts of the arrays that so many runs are handed over in. */
  scripts(
    cluster: Cluster,
    submission: Submission,
    place: { python: string; root: string },
  ): string[] {
    return submission.arrays.map(({ name, first, size }) =>
      batchScript(
        cluster,
        this.#thereOf(submission, {
          ...{ name, first, size, ...place },
          jobs: this.#path(submission.number, "jobs.jsonl"),
          program: join(INSIDE, "cluster", "run_member.py"),
          output: this.#path(submission.number, "out"),
        }),
      )
    );
  }

  /** The folders of this machine, as the cluster has them. */
  #moved({ there }: Submission): Moved[] {
    if (there === undefined) return [];
    return [
      [this.directory, there.directory],
      [INSIDE, join(there.directory, "inside")],
      [there.project, there.root],
      ...there.data === undefined ? [] : [[there.data.here, there.data.there] as const],
    ];
  }

  #thereOf<T>(submission: Submission, value: T): T {
    return submission.there === undefined ? value : relocate(value, this.#moved(submission));
  }

  /** A value in which a run there names its folders, as they are called here. */
  hereOf<T>(submission: Submission, value: T): T {
    if (submission.there === undefined) return value;
    return relocate(value, this.#moved(submission).map(([here, there]) => [there, here]));
  }

  /**
   * Copies to a cluster behind a login node what its nodes need: the sources, the task runner's own Python, and the jobs;
   * nothing where they see the files of this machine.
   *
   * @throws Failure(3) if it can't be reached, or has no room
   */
  async send(submission: Submission, jobs: Job[], { sources, folders, data }: Needs) {
    const { there, number } = submission;
    if (there?.host === undefined) return;
    const { host, directory, root, project } = there;
    await send(host, project, root, sources);
    await send(host, INSIDE, join(directory, "inside"));
    await make(host, this.#thereOf(submission, folders));
    const program = join(directory, "inside", "cluster", "data_there.py");
    await sendData(host, program, data, (value) => this.#thereOf(submission, value));
    const told = jobs.map(({ plan: _, ...job }) => this.#thereOf(submission, job));
    await write(host, this.#thereOf(submission, this.#path(number, "jobs.jsonl")), linesOf(told));
  }

  /**
   * Brings here what the nodes behind a login node have left of runs; nothing where their files are seen here.
   *
   * @param what only what they have printed by now, or all
   */
  async bring(submission: Submission, jobs: Job[], what: "printed" | "all" = "all") {
    if (submission.there?.host === undefined) return;
    const { host, directory } = submission.there;
    const left = jobs.flatMap((job) => {
      const own = relative(this.directory, job.directory);
      const names = job.steps.map(({ name }) => name);
      requirePlain(own === "" ? names : [own, ...names]);
      const inFolder = (name: string) => own === "" ? name : `${own}/${name}`;
      const printed = names.map((name) => `node-${name}.log`);
      const all = ["node.json", ...printed, ...names.map((name) => `${name}/`)];
      return (what === "all" ? all : printed).map(inFolder);
    });
    // With what Slurm itself says of them.
    if (what === "all") left.push(basename(this.#path(submission.number, "out")));
    await bring(host, directory, this.directory, left);
  }

  /** Writes down what the nodes have to know of the runs. */
  async keep({ number }: Submission, jobs: Job[]) {
    await writeAtomic(this.#path(number, "jobs.jsonl"), linesOf(jobs));
  }

  /**
   * Hands runs over that are kept. Their record is there before Slurm is asked, so that nothing is handed over twice.
   *
   * @throws Failure(3) if Slurm refuses an array; those before it are handed over
   */
  async submit(cluster: Cluster, submission: Submission, scripts: string[]) {
    const { number, arrays } = submission;
    await writeJson(this.#path(number, "json"), submission);
    for (const [index, array] of arrays.entries()) {
      try {
        array.job = await submit(cluster, array.name, scripts[index]!);
      } catch (error) {
        // What was not sent, and what Slurm has refused, is not looked for by its name for ever.
        const sent = error instanceof Refused ? index : index + 1;
        submission.arrays = arrays.slice(0, sent);
        await writeJson(this.#path(number, "json"), submission);
        throw error;
      }
      await writeJson(this.#path(number, "json"), submission);
    }
  }

  /** Looks for jobs by their names whose numbers nobody heard. */
  async identify(submissions: Submission[]) {
    for (const submission of submissions) {
      const unknown = submission.arrays.filter(({ job }) => job === undefined);
      if (unknown.length === 0) continue;
      for (const array of unknown) array.job = await findJob(loginOf(submission.there?.host), array.name);
      const isOld = Date.now() - Date.parse(submission.created) > LATE_MS;
      // Slurm has never heard of them: they may be handed over again.
      if (isOld) submission.arrays = submission.arrays.filter(({ job }) => job !== undefined);
      await writeJson(this.#path(submission.number, "json"), submission);
    }
  }

  /**
   * What Slurm says of the runs, by their ids: those that it has, and those that have ended not long ago. One question
   * for all of them.
   */
  async states(submissions: Submission[]): Promise<Map<string, JobState>> {
    const states = new Map<string, JobState>();
    for (const [host, own] of Map.groupBy(submissions, ({ there }) => there?.host)) {
      for (const [run, state] of await statesAt(loginOf(host), own)) states.set(run, state);
    }
    return states;
  }

  /**
   * Where copies of what was handed over, and what it has left, still lie behind a login node; nothing removes them by
   * itself. The experiment's whole folder there, with the sources, where no other run is in it.
   */
  async left(submissions: Submission[]): Promise<{ host: string; folder: string }[]> {
    const found: { host: string; folder: string }[] = [];
    for (const [, [own]] of Map.groupBy(submissions, ({ there }) => `${there?.host}:${there?.directory}`)) {
      const { host, directory } = own!.there ?? {};
      if (host === undefined || directory === undefined) continue;
      const experiment = dirname(directory);
      const { code, stdout } = await loginOf(host).run(["ls", "-1A", "--", experiment]);
      const names = code === 0 ? stdout.split("\n").filter((name) => name !== "") : [];
      if (!names.includes(basename(directory))) continue;
      const isAlone = names.every((name) => name === basename(directory) || name.startsWith("code-"));
      found.push({ host, folder: isAlone ? experiment : directory });
    }
    return found;
  }

  /** Says where that is, and how it is removed, now that all of it is here. */
  async tellLeft(submissions: Submission[], terminal: Terminal) {
    const left = await this.left(submissions).catch((error): [] => {
      if (error instanceof NotReached) return []; // nobody needs it now
      throw error;
    });
    for (const { host, folder } of left) {
      const remove = shellQuote(["ssh", host, shellQuote(["rm", "-r", "--", folder])]);
      terminal.line(`All of it is here; copies are still on ${host}, and can be removed: ${remove}`);
    }
  }

  /** Ends what waits, and asks what runs to save and end. */
  async cancel(submissions: Submission[]): Promise<string[]> {
    const jobsOf = (own: Submission[]) => own.flatMap(({ arrays }) => arrays.flatMap(({ job }) => job ?? []));
    for (const [host, own] of Map.groupBy(submissions, ({ there }) => there?.host)) {
      const jobs = jobsOf(own);
      if (jobs.length > 0) await cancel(loginOf(host), jobs);
    }
    return jobsOf(submissions);
  }
}

/** Names in the record of a stranger lead nowhere else. */
function requirePlain(names: string[]) {
  const odd = names.find((name) => name === "" || name.startsWith(".") || name !== basename(name));
  if (odd !== undefined) {
    throw new Failure(2, `The submission's file names "${odd}", which is no folder of it`);
  }
}

function linesOf(values: unknown[]): string {
  return values.map((value) => JSON.stringify(value) + "\n").join("");
}

async function statesAt(login: Login, submissions: Submission[]): Promise<Map<string, JobState>> {
  const jobs = submissions.flatMap(({ arrays }) => arrays.flatMap(({ job }) => job ?? []));
  const queue = await askQueue(login, jobs);
  const states = new Map<string, JobState>();
  const forgotten = new Set<string>();
  for (const { arrays, runs } of submissions) {
    for (const { job, first, size } of arrays) {
      for (let element = 0; element < size; element++) {
        if (job === undefined) {
          states.set(runs[first + element]!, UNKNOWN);
          continue;
        }
        const state = queue.get(`${job}_${element}`);
        if (state === undefined) forgotten.add(job);
        else states.set(runs[first + element]!, state);
      }
    }
  }
  const accounted = await askAccounting(login, [...forgotten]);
  for (const { arrays, runs } of submissions) {
    for (const { job, first, size } of arrays) {
      for (let element = 0; job !== undefined && element < size; element++) {
        const state = accounted.get(`${job}_${element}`);
        const run = runs[first + element]!;
        if (state !== undefined && !states.has(run)) states.set(run, state);
      }
    }
  }
  return states;
}

/** Handed over, and not known yet whether Slurm has it. */
const UNKNOWN: JobState = { state: "PENDING", detail: "Slurm has not answered yet" };

/** What {@link reasonOf} says of a run that has used up its memory; its node may only have seen that a process was killed. */
export const MEMORY_LIMIT = "its memory limit";

/**
 * Whether Slurm's own programs say so in what a step printed: of what `srun` starts, no more than an exit code comes back,
 * and the job's state says nothing. Seen with Slurm 22.05; other releases word it otherwise.
 */
export function saysOutOfMemory(printed: string): boolean {
  return OUT_OF_MEMORY.test(printed);
}

const OUT_OF_MEMORY = /^(?:slurmstepd|srun)\S*:.*(?:oom[-_ ]kill|out of memory|exceeded .*memory limit)/im;

/** So much of the end of what Slurm says of a submission is read for each run that has ended without a word. */
const SAID_BYTES = 1_000_000;

/**
 * Whether Slurm's messages say so of a job: where a site ends jobs for their memory without cgroups
 * (`OverMemoryKill`), that is all there is, and the job's state is FAILED.
 *
 * @param directory of the run, which lies in that of a submission, or is that itself
 * @param job Slurm's number of the element
 */
export async function isSaidOutOfMemory(
  directory: string,
  submission: number,
  job: string,
): Promise<boolean> {
  for (const folder of [directory, dirname(directory)]) {
    const said = await endOf(join(folder, `submission-${submission}.out`), SAID_BYTES);
    const isOfJob = new RegExp(`\\bStepId=${RegExp.escape(job)}\\b`);
    if (said.split("\n").some((line) => isOfJob.test(line) && OUT_OF_MEMORY.test(line))) return true;
  }
  return false;
}

/** The end of a text file; empty where there is none. */
export async function endOf(path: string, bytes: number): Promise<string> {
  const file = await Deno.open(path).catch(() => undefined);
  if (file === undefined) return "";
  const { size } = await file.stat();
  await file.seek(Math.max(0, size - bytes), Deno.SeekMode.Start);
  return await new Response(file.readable).text();
}

/** What stopped a run of which its node has said nothing, as it goes on after "stopped by". */
export function reasonOf(state: JobState | undefined): string {
  if (state === undefined || isActive(state)) {
    return "something that neither its node nor Slurm has recorded";
  }
  const known: Record<string, string> = {
    TIMEOUT: "its time limit",
    NODE_FAIL: "the failure of its node",
    OUT_OF_MEMORY: MEMORY_LIMIT,
    CANCELLED: "scancel",
    PREEMPTED: "preemption",
    DEADLINE: "its deadline",
    BOOT_FAIL: "the failure of its node to start",
  };
  return known[state.state] ?? `Slurm (${state.state})`;
}

/** @throws Failure(2) where a step needs what can't be had on a node */
export function refuseOnNode(name: string, what: string): never {
  throw new Failure(2, `"${name}" can't run on a cluster: ${what}`);
}
