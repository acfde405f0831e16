/** Carries out the members of a sweep, some at a time, and keeps its record. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { duration } from "../cli/format.ts";
import { Terminal } from "../cli/terminal.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { readEvidence } from "../record/evidence.ts";
import { recoverRuns } from "../record/recover.ts";
import { type FoundRun, readPlan, runIds, SWEEPS } from "../record/run_folder.ts";
import { isRunHeld } from "../record/run_lock.ts";
import { type FoundSweep, type Member, writeSweep } from "../record/sweep_record.ts";
import { concludeMember } from "../run/conclude.ts";
import { executeRun } from "../run/execute_run.ts";
import { type PreparedRun, prepareRun, type RunRequest } from "../run/prepare_run.ts";
import { experimentOf } from "./judge_sweep.ts";
import { numbersOf, outcomeOf } from "./member_record.ts";
import { inWords } from "./members.ts";
import { Readers } from "./read_members.ts";
import type { Workers } from "./workers.ts";

export interface MembersRequest {
  sweep: FoundSweep;
  /** Folder of the runs of all experiments. */
  runs: string;
  experiment: Experiment;
  /** What every member asks for; values, place and share of the machine are added. */
  request: RunRequest;
  workers: Workers;
  /** Indexes of the members to run. */
  todo: number[];
}

/** The record is written at most so often while members come and go, so that 10,000 of them cost little. */
const WRITE_MS = 1000;

/**
 * Runs members until none is left or a stop is asked for. A member that fails is recorded, and the others go on.
 *
 * @returns whether a stop was asked for
 */
export async function runMembers(given: MembersRequest, terminal: Terminal): Promise<boolean> {
  const { sweep: { directory, record }, workers, todo } = given;
  using stop = new Stop();
  const table = new LiveTable(record.members, todo.length, workers.jobs, terminal);
  const waiting = [...todo];
  let written = 0;
  const save = async () => {
    if (performance.now() - written < WRITE_MS) return;
    written = performance.now();
    await writeSweep(directory, record);
  };
  const work = async (worker: number) => {
    for (let index = waiting.shift(); index !== undefined && !stop.asked; index = waiting.shift()) {
      const member = record.members[index]!;
      Object.assign(member, {
        ...{ status: "running", problem: undefined },
        ...{ receipt: undefined, found: undefined, evidence: undefined },
      });
      table.begin(index);
      await save();
      await runMember(given, index, worker, stop);
      if (member.status === "interrupted") stop.asked = true;
      table.end(index);
      await save();
    }
  };
  try {
    await Promise.all(Array.from({ length: workers.jobs }, (_, worker) => work(worker)));
  } finally {
    table.close();
    await writeSweep(directory, record);
  }
  return stop.asked;
}

/** Whether the user, or what runs this, asks for an end. */
class Stop implements Disposable {
  static readonly #SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  readonly #listener = () => void (this.asked = true);
  asked = false;

  constructor() {
    for (const signal of Stop.#SIGNALS) Deno.addSignalListener(signal, this.#listener);
  }

  [Symbol.dispose]() {
    for (const signal of Stop.#SIGNALS) Deno.removeSignalListener(signal, this.#listener);
  }
}

/** Runs one member of a sweep that others fill, too; the sweep's record is left alone. */
export async function runOneMember(given: MembersRequest): Promise<Member> {
  const { sweep, runs, request, todo: [index] } = given;
  const member = sweep.record.members[index!]!;
  await recoverMembers(sweep, runs, request.force);
  if (member.status === "done") return member;
  if (member.status === "running") {
    throw new Failure(3, `The run ${member.run} is at it on another machine`, {
      remedy: "Make sure that nothing runs there any more, then add --force",
    });
  }
  using stop = new Stop();
  await runMember(given, index!, 0, stop);
  return member;
}

/** Runs one member, or goes on with it where it was interrupted; its entry in the record says how it went. */
async function runMember(
  { sweep: { directory, record }, runs, experiment, request, workers }: MembersRequest,
  index: number,
  worker: number,
  stop: Stop,
) {
  const member = record.members[index]!;
  const silent = new SilentTerminal();
  const gpu = workers.gpus?.[worker];
  const own: RunRequest = {
    ...request,
    parameters: { ...request.parameters, ...member.values },
    threads: workers.threads,
    ...(gpu !== undefined && { container: { ...request.container, gpus: [gpu] } }),
  };
  const remaining: Promise<unknown>[] = [];
  try {
    const prepared = await takeUp(own, directory, member, experiment, runs) ??
      await prepareNew(own, directory, record.sweep, index);
    member.run = prepared.plan.run;
    const evidence = await executeRun(
      prepared,
      { ...own, resume: prepared.resumed !== undefined },
      silent,
      { meanwhile: (work) => remaining.push(work.catch(() => {})), started: () => {} },
    );
    const run: FoundRun = { id: prepared.plan.run, directory: prepared.plan.directory, evidence };
    await concludeMember(run);
    await Promise.all(remaining);
    Object.assign(member, await outcomeOf(run));
  } catch (error) {
    Object.assign(
      member,
      stop.asked
        ? { status: "interrupted" }
        : { status: "failed", problem: (error as Error).message.split("\n")[0] },
    );
  }
}

/** The interrupted run of a member, to be gone on with where it was. */
async function takeUp(
  request: RunRequest,
  directory: string,
  { run }: Member,
  experiment: Experiment,
  runs: string,
): Promise<PreparedRun | undefined> {
  if (run === undefined) return undefined;
  const folder = join(directory, run);
  const evidence = await readEvidence(folder).catch(() => undefined);
  const plan = await readPlan(folder).catch(() => undefined);
  if (evidence?.status !== "interrupted" || plan === undefined || plan.directory !== folder) return undefined;
  const { inspectHost } = await import("../system/host.ts");
  const prepared = await prepareRun({ ...request, place: { run, folder: directory } });
  return {
    ...prepared,
    experiment,
    host: await inspectHost(),
    plan,
    runs,
    resumed: { id: run, directory: folder, evidence },
  };
}

/** A run of its own: the sweep's id with the number of the member, and of the try where it was run before. */
async function prepareNew(
  request: RunRequest,
  directory: string,
  sweep: string,
  index: number,
): Promise<PreparedRun> {
  return await prepareRun({
    ...request,
    place: { run: runName(sweep, index, (run) => isThere(join(directory, run))), folder: directory },
  });
}

/**
 * The id of a member's next run.
 *
 * @param isTaken whether there is a run of that id already
 */
export function runName(sweep: string, index: number, isTaken: (run: string) => boolean): string {
  const number = runOf(sweep, index);
  let run = number;
  for (let again = 2; isTaken(run); again++) run = `${number}-${again}`;
  return run;
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function runOf(sweep: string, index: number): string {
  return `${sweep}-${String(index + 1).padStart(4, "0")}`;
}

/**
 * What became of members whose runner was killed, or that ran on other machines: their own records tell.
 *
 * @param force take over what another machine seems to be at
 * @returns the members whose evidence was read whole
 */
export async function recoverMembers(sweep: FoundSweep, runs: string, force = false): Promise<Set<Member>> {
  const { directory, record } = sweep;
  using readers = new Readers(record.members.filter(isOpen).length);
  const tries = newestTries(await runIds(directory, "."), record.sweep);
  for (const [index, member] of record.members.entries()) {
    // The record may be older than the run: the folder's name says whose it is.
    if (isOpen(member)) Object.assign(member, { run: tries.get(index) ?? member.run, status: "waiting" });
  }
  const begun = record.members.filter((member) => isOpen(member) && member.run !== undefined);
  const read = new Set<Member>();
  if (begun.length === 0) return read;
  const claims = numbersOf((await experimentOf(sweep)).claims, record.steps);
  const entries = await readers.read({ directory, runs: begun.map(({ run }) => run!), claims });
  for (const [index, member] of begun.entries()) {
    const entry = entries[index];
    Object.assign(member, entry ?? { status: "interrupted" });
    if (entry?.found !== undefined) read.add(member);
  }
  const left = begun.filter(({ status }) => status === "interrupted");
  const ids = left.flatMap(({ run = [] }) => run);
  await recoverRuns(join(runs, record.experiment.name, SWEEPS), record.sweep, ids);
  for (const member of left) {
    if (!force && await isRunHeld(join(directory, member.run!))) member.status = "running";
  }
  return read;
}

function isOpen({ status }: Member): boolean {
  return status === "running" || status === "waiting" || status === "interrupted";
}

/** The last run of each member, by its index. */
function newestTries(names: readonly string[], sweep: string): Map<number, string> {
  const found = new Map<number, { run: string; again: number }>();
  for (const run of names) {
    const [, number, again = "1"] = /^(\d+)(?:-(\d+))?$/.exec(run.slice(sweep.length + 1)) ?? [];
    if (number === undefined || !run.startsWith(`${sweep}-`)) continue;
    const index = Number(number) - 1;
    if ((found.get(index)?.again ?? 0) < Number(again)) found.set(index, { run, again: Number(again) });
  }
  return new Map([...found].map(([index, { run }]) => [index, run]));
}

/** A member's output is in its log; beside the others it would only be noise. */
export class SilentTerminal extends Terminal {
  override line() {}
  override raw() {}
  override note() {}
  override progress() {}
  override clearProgress() {}
}

/** A line for each member that ends, and below them what runs and how long it may take. */
class LiveTable {
  readonly #begun = new Map<number, number>();
  readonly #seconds: number[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #width: number;
  #ended = 0;

  constructor(
    readonly members: Member[],
    readonly total: number,
    readonly jobs: number,
    readonly terminal: Terminal,
  ) {
    this.#width = Math.max(...members.map(({ values }) => inWords(values).length));
    this.#timer = setInterval(() => this.#show(), 1000);
  }

  begin(index: number) {
    this.#begun.set(index, performance.now());
    this.#show();
  }

  end(index: number) {
    const seconds = (performance.now() - this.#begun.get(index)!) / 1000;
    this.#begun.delete(index);
    const { values, status, problem } = this.members[index]!;
    this.#ended++;
    if (status === "done") this.#seconds.push(seconds);
    const style = status === "done" ? "green" : status === "failed" ? "red" : "yellow";
    this.terminal.line(
      `  ${inWords(values).padEnd(this.#width)}  ${this.terminal.paint(status.padEnd(11), style)}  ` +
        `${duration(seconds)}${problem === undefined ? "" : `  ${problem}`}`,
    );
    this.#show();
  }

  close() {
    clearInterval(this.#timer);
    this.terminal.clearProgress();
  }

  #show() {
    if (this.#begun.size === 0) return;
    const count = (status: Member["status"]) => this.members.filter((one) => one.status === status).length;
    const failed = count("failed");
    const mean = this.#seconds.reduce((sum, one) => sum + one, 0) / this.#seconds.length;
    const left = Number.isFinite(mean)
      ? `, about ${duration(mean * Math.ceil((this.total - this.#ended) / this.jobs))} left`
      : "";
    this.terminal.progress(
      `${count("done")} of ${this.members.length} done, ${this.#begun.size} running, ${failed} failed${left}`,
    );
  }
}
