/** The members of a sweep on a cluster: handed over as arrays, looked at, cancelled, and taken in again as runs. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { duration, pluralize } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { loginOf, NotReached } from "../cluster/login.ts";
import { isActive, type SiteLimits, siteLimits } from "../cluster/slurm.ts";
import { type Job, placeThere, reasonOf, type Submission, Submissions } from "../cluster/submission.ts";
import { dataCache } from "../data/cache_folder.ts";
import type { Experiment } from "../experiment/experiment.ts";
import type { Plan } from "../plan/plan.ts";
import { runIds } from "../record/run_folder.ts";
import { type FoundSweep, type Member, writeSweep } from "../record/sweep_record.ts";
import { planElsewhere } from "../run/execute_run.ts";
import { type PreparedRun, prepareRuns, type RunRequest } from "../run/prepare_run.ts";
import {
  bringBack,
  codeOf,
  type Conditions,
  conditionsPath,
  jobOf,
  needsOf,
  requireOwn,
  settled,
  takeInRun,
} from "../run/run_elsewhere.ts";
import { concludeMember } from "../run/conclude.ts";
import { inParallel, writeJson } from "../system/files.ts";
import { inspectHost } from "../system/host.ts";
import { inWords } from "./members.ts";
import { outcomeOf } from "./member_record.ts";
import { runName, SilentTerminal } from "./run_members.ts";

/** Between two questions while nothing changes: it doubles up to a minute, so that many who wait are no storm. */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;

interface HandedOver {
  sweep: FoundSweep;
  request: RunRequest;
  cluster: Cluster;
  /** The first member, planned, with the environment made. */
  first: PreparedRun;
  environment: Parameters<typeof planElsewhere>[1];
  /** Indexes of the members. */
  todo: number[];
  /** What the site allows, where it was asked already. */
  limits?: Promise<SiteLimits>;
}

/** Plans members and shows the script that would hand them over. */
export async function scriptsOf(given: HandedOver): Promise<string[]> {
  const { cluster, first: { plan: planned, runs } } = given;
  const limits = siteLimits(loginOf(cluster.host));
  const { scripts } = await plan(given, 1, codeOf(cluster, planned, runs), limits);
  return scripts;
}

/** Hands members over; returns when the cluster has them. */
export async function handOver(given: HandedOver, terminal: Terminal): Promise<void> {
  const { sweep: { directory, record }, first, environment, cluster, todo } = given;
  const all = new Submissions(directory);
  const number = (await all.list()).length + 1;
  const elsewhere = planElsewhere(first, environment);
  const code = elsewhere.then(({ attempt }) => attempt.code.sha256);
  const limits = given.limits ?? siteLimits(loginOf(cluster.host));
  const [{ attempt, claims }, { submission, jobs, scripts, todo: now }] = await Promise.all([
    elsewhere,
    plan(given, number, code, limits), // while git is asked
  ]);
  await all.send(submission, jobs, await needsOf(jobs, attempt));
  const conditions: Conditions = { attempt: { ...attempt, job: { cluster: cluster.name } }, claims };
  for (const [line, index] of now.entries()) {
    Object.assign(record.members[index]!, {
      ...{ status: "submitted", run: jobs[line]!.run },
      ...{ problem: undefined, receipt: undefined, job: undefined },
    });
  }
  try {
    await Promise.all([
      writeJson(conditionsPath(directory, number), conditions),
      writeSweep(directory, record),
      all.keep(submission, jobs),
    ]);
    await all.submit(cluster, submission, scripts);
  } finally {
    nameJobs(record.members, submission);
    const handed = new Set(
      submission.arrays.flatMap(({ first, size }) => submission.runs.slice(first, first + size)),
    );
    for (const index of now) {
      const member = record.members[index]!;
      if (!handed.has(member.run!)) Object.assign(member, { status: "waiting", run: undefined });
    }
    await writeSweep(directory, record);
  }
  const ids = submission.arrays.map(({ job }) => job).join(", ");
  terminal.line(
    `${cluster.name} has ${pluralize(now.length, "member")} as job ${ids}; logs: ${all.outputOf(submission)}`,
  );
  if (now.length < todo.length) {
    terminal.note(
      `${todo.length - now.length} more are not handed over yet: the site lets you queue ${now.length}; ` +
        `deno task sweep --resume --on ${cluster.name} hands them over when there is room`,
    );
  }
}

async function plan(
  { sweep: { directory, record }, request, cluster, todo }: HandedOver,
  number: number,
  code: Promise<string>,
  limits: Promise<SiteLimits>,
): Promise<{ submission: Submission; jobs: Job<Plan>[]; scripts: string[]; todo: number[] }> {
  const [{ array, submitted }, prepare, taken] = await Promise.all([
    limits,
    prepareRuns(request),
    runIds(directory, "."),
  ]);
  const now = todo.slice(0, submitted);
  const jobs: Job<Plan>[] = [];
  const there = new Set(taken);
  for (const index of now) {
    const { values, run, status } = record.members[index]!;
    // What its nodes have left of it, it goes on with.
    const id = status === "interrupted" && run !== undefined
      ? run
      : runName(record.sweep, index, (run) => there.has(run));
    const parameters = { ...request.parameters, ...values };
    const prepared = await prepare(parameters, { run: id, folder: directory });
    jobs.push(await jobOf(prepared.plan, number, cluster));
  }
  const arrays: Submission["arrays"] = [];
  for (let at = 0; at < jobs.length; at += array) {
    const name = `${record.experiment.name}-${record.sweep}-${number}.${arrays.length + 1}`;
    arrays.push({ name, first: at, size: Math.min(array, jobs.length - at) });
  }
  const submission: Submission = {
    schema: 1,
    number,
    created: new Date().toISOString(),
    cluster: { name: cluster.name, file: cluster.file },
    there: placeThere(cluster, jobs[0]!.plan.experiment, directory, await code, await dataCache()),
    arrays,
    runs: jobs.map(({ run }) => run),
  };
  const { environment: { python }, experiment: { root } } = jobs[0]!.plan;
  const place = { python: jobs[0]!.plan.container === undefined ? python : "python3", root };
  return {
    submission,
    jobs,
    todo: now,
    scripts: new Submissions(directory).scripts(cluster, submission, place),
  };
}

function nameJobs(members: Member[], { arrays, runs }: Submission) {
  const jobs = new Map(
    arrays.flatMap(({ job, first, size }) =>
      Array.from(
        { length: size },
        (_, element) => [runs[first + element]!, job && `${job}_${element}`] as const,
      )
    ),
  );
  for (const member of members) member.job = jobs.get(member.run ?? "") ?? member.job;
}

/** What a look at the cluster showed. */
export interface Look {
  waiting: number;
  /** Why they wait, by how many. */
  reasons: Record<string, number>;
  running: number;
  /** Ended there, and not taken in yet. */
  ended: number;
  /** Members that are no business of the cluster any more, by their status. */
  others: Record<string, number>;
}

export function tellLook({ waiting, reasons, running, ended, others }: Look): string {
  const why = Object.keys(reasons).filter((reason) => reason !== "None").join("; ");
  const counts: [what: string, count: number][] = [
    ...Object.entries(others),
    ["running", running],
    [why === "" ? "waiting" : `waiting (${why})`, waiting],
    ["ended, not taken in", ended],
  ];
  return counts.filter(([, count]) => count !== 0).map(([what, count]) => `${count} ${what}`).join(", ");
}

/** Asks once what became of all members that were handed over; changes nothing. */
export async function lookAt({ directory, record }: FoundSweep): Promise<Look> {
  const all = new Submissions(directory);
  const states = await all.states(await all.list());
  const look: Look = { waiting: 0, reasons: {}, running: 0, ended: 0, others: {} };
  for (const { status, run } of record.members) {
    if (status !== "submitted") {
      look.others[status] = (look.others[status] ?? 0) + 1;
      continue;
    }
    const state = states.get(run ?? "");
    if (state === undefined || !isActive(state)) look.ended++;
    else if (/^(RUNNING|COMPLETING)/.test(state.state)) look.running++;
    else {
      look.waiting++;
      const reason = state.detail.replace(/^\(|\)$/g, "") || state.state;
      look.reasons[reason] = (look.reasons[reason] ?? 0) + 1;
    }
  }
  return look;
}

/** Cancels what waits and what runs there. */
export async function cancelAll({ directory }: FoundSweep): Promise<string[]> {
  const all = new Submissions(directory);
  const submissions = await all.list();
  await all.identify(submissions);
  const jobs = await all.cancel(submissions);
  if (jobs.length === 0) throw new Failure(2, "No member of this sweep was handed to a cluster");
  return jobs;
}

/**
 * Takes in the members that have ended, as runs with their verdicts.
 *
 * @returns how many are still at the cluster
 */
export async function takeIn(
  sweep: FoundSweep,
  experiment: Experiment,
  runs: string,
  terminal: Terminal,
): Promise<number> {
  const { directory, record } = sweep;
  const all = new Submissions(directory);
  const submissions = await all.list();
  await all.identify(submissions);
  submissions.forEach((one) => nameJobs(record.members, one));
  const states = await all.states(submissions);
  const conditions = new Map<number, Conditions>();
  const planned = new Map<string, Job<Plan>>();
  for (const submission of submissions) {
    const text = await Deno.readTextFile(conditionsPath(directory, submission.number));
    conditions.set(submission.number, JSON.parse(text));
    for (const job of await all.jobs<Plan>(submission)) if (job !== undefined) planned.set(job.run, job);
  }
  const host = await inspectHost();
  const since = performance.now();
  const silent = new SilentTerminal();
  const ended = record.members.flatMap((member, index) => {
    const state = states.get(member.run ?? "");
    return member.status === "submitted" && (state === undefined || !isActive(state))
      ? [{ member, index }]
      : [];
  });
  for (const submission of submissions) {
    const own = ended.map(({ member }) => planned.get(member.run!)).filter((job) => job !== undefined);
    await bringBack(all, submission, own.filter((job) => job.submission === submission.number), since);
  }
  await inParallel(ended, async ({ member }) => {
    const job = planned.get(member.run!);
    if (job === undefined) {
      return void Object.assign(member, {
        status: "failed",
        problem: "its line in the submission's file is damaged",
      });
    }
    try {
      await requireOwn(job, join(directory, member.run!));
      const node = await settled(job, since);
      const because = reasonOf(states.get(job.run));
      const prepared: PreparedRun = { experiment, host, plan: job.plan, runs };
      const { claims } = conditions.get(job.submission)!;
      const evidence = await takeInRun(
        prepared,
        node,
        { claims, created: submissions[job.submission - 1]!.created },
        (number) => conditions.get(number || job.submission)!.attempt,
        because,
        silent,
      );
      const run = { id: job.run, directory: job.directory, evidence };
      await concludeMember(run);
      Object.assign(member, await outcomeOf(run));
    } catch (error) {
      Object.assign(member, { status: "failed", problem: (error as Error).message.split("\n")[0] });
    }
  });
  await writeSweep(directory, record);
  for (const { member } of ended) {
    const { values, status, seconds, problem } = member;
    const took = seconds === undefined ? "" : `  ${duration(seconds)}`;
    terminal.line(`  ${inWords(values)}  ${status}${took}${problem === undefined ? "" : `  ${problem}`}`);
  }
  return record.members.filter(({ status }) => status === "submitted").length;
}

/** Waits until no member is at the cluster any more, and takes each in when it has ended. */
export async function watch(
  sweep: FoundSweep,
  experiment: Experiment,
  runs: string,
  terminal: Terminal,
  isStopped: () => boolean,
): Promise<number> {
  let wait = FIRST_WAIT_MS;
  let before = "";
  for (;;) {
    let left = 0;
    try {
      left = await takeIn(sweep, experiment, runs, terminal);
      const shown = tellLook(await lookAt(sweep));
      if (shown !== before) wait = FIRST_WAIT_MS;
      terminal.progress(shown);
      before = shown;
    } catch (error) {
      // A controller that is started again: what runs goes on.
      if (!(error instanceof NotReached)) throw error;
      terminal.progress(error.message);
      left = 1;
    }
    if (left === 0 || isStopped()) return left;
    const until = performance.now() + wait;
    while (performance.now() < until && !isStopped()) {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}
