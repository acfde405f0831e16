/** submission-N.json: runs that were handed to a cluster together, so that they are found again from the record alone. */

import { join } from "node:path";
import * as z from "zod/mini";
import { Failure } from "../cli/failure.ts";
import { INSIDE } from "../system/product.ts";
import { writeAtomic, writeJson } from "../system/files.ts";
import { readRecord } from "../system/records.ts";
import { Folder } from "../system/regular_file.ts";
import { batchScript } from "./batch_script.ts";
import type { Cluster } from "./cluster.ts";
import { askAccounting, askQueue, findJob, isActive, type JobState, Refused, submit } from "./slurm.ts";

const submissionSchema = z.object({
  schema: z.literal(1),
  number: z.number(),
  created: z.string(),
  /** The cluster's name and file. */
  cluster: z.object({ name: z.string(), file: z.optional(z.string()) }),
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

export interface JobStep {
  name: string;
  argv: string[];
  command: string[];
  /** The command that goes on where an earlier start has left the step; absent where it can't. */
  resumed?: string[];
  cwd: string;
  env: Record<string, string>;
  /** Goes before the node's own PATH. */
  path?: string;
  out: string;
  timeout?: number;
  optional?: boolean;
  /** Made for the step, and removed after it. */
  folders?: string[];
}

/** So long a controller may take to accept what it was sent: before that nothing is handed over again. */
const LATE_MS = 600_000;

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

  /** What runs write to beside their own folders: Slurm's messages. */
  outputOf(number: number): string {
    return this.#path(number, "out");
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
      batchScript(cluster, {
        ...{ name, first, size, ...place },
        jobs: this.#path(submission.number, "jobs.jsonl"),
        program: join(INSIDE, "cluster", "run_member.py"),
        output: this.outputOf(submission.number),
      })
    );
  }

  /**
   * Hands runs over. Their record is there before Slurm is asked, so that nothing is handed over twice.
   *
   * @throws Failure(3) if Slurm refuses an array; those before it are handed over
   */
  async submit(cluster: Cluster, submission: Submission, jobs: Job[], scripts: string[]) {
    const { number, arrays } = submission;
    await writeAtomic(
      this.#path(number, "jobs.jsonl"),
      jobs.map((job) => JSON.stringify(job) + "\n").join(""),
    );
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
      for (const array of unknown) array.job = await findJob(array.name);
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
    const jobs = submissions.flatMap(({ arrays }) => arrays.flatMap(({ job }) => job ?? []));
    const queue = await askQueue(jobs);
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
    const accounted = await askAccounting([...forgotten]);
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
}

/** Handed over, and not known yet whether Slurm has it. */
const UNKNOWN: JobState = { state: "PENDING", detail: "Slurm has not answered yet" };

/** What stopped a run of which its node has said nothing, as it goes on after "stopped by". */
export function reasonOf(state: JobState | undefined): string {
  if (state === undefined || isActive(state)) {
    return "something that neither its node nor Slurm has recorded";
  }
  const known: Record<string, string> = {
    TIMEOUT: "its time limit",
    NODE_FAIL: "the failure of its node",
    OUT_OF_MEMORY: "its memory limit",
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
