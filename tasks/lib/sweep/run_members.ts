/** Carries out the members of a sweep, some at a time, and keeps its record. */

import { join } from "node:path";
import { duration } from "../cli/format.ts";
import { Terminal } from "../cli/terminal.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { readEvidence } from "../record/evidence.ts";
import { RECEIPT } from "../record/receipt.ts";
import { recoverRuns } from "../record/recover.ts";
import { type FoundRun, readPlan, SWEEPS } from "../record/run_folder.ts";
import { type FoundSweep, type Member, writeSweep } from "../record/sweep_record.ts";
import { concludeRun } from "../run/conclude.ts";
import { executeRun } from "../run/execute_run.ts";
import { type PreparedRun, prepareRun, type RunRequest } from "../run/prepare_run.ts";
import { exists, sha256File } from "../system/files.ts";
import { inWords } from "./members.ts";
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
  let stopped = false;
  const stop = () => void (stopped = true);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, stop);
  const table = new LiveTable(record.members, todo.length, workers.jobs, terminal);
  const waiting = [...todo];
  let written = 0;
  const save = async () => {
    if (performance.now() - written < WRITE_MS) return;
    written = performance.now();
    await writeSweep(directory, record);
  };
  const work = async (worker: number) => {
    for (let index = waiting.shift(); index !== undefined && !stopped; index = waiting.shift()) {
      const member = record.members[index]!;
      Object.assign(member, { status: "running", problem: undefined, receipt: undefined });
      table.begin(index);
      await save();
      await runMember(given, index, worker, () => stopped);
      if (member.status === "interrupted" && !stopped) stopped = true;
      table.end(index);
      await save();
    }
  };
  try {
    await Promise.all(Array.from({ length: workers.jobs }, (_, worker) => work(worker)));
  } finally {
    table.close();
    for (const signal of signals) Deno.removeSignalListener(signal, stop);
    await writeSweep(directory, record);
  }
  return stopped;
}

/** Runs one member, or goes on with it where it was interrupted; its entry in the record says how it went. */
async function runMember(
  { sweep: { directory, record }, runs, experiment, request, workers }: MembersRequest,
  index: number,
  worker: number,
  isStopped: () => boolean,
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
    await concludeRun(run);
    await Promise.all(remaining);
    const problem = Object.entries(evidence.steps).map(([name, { problem }]) =>
      problem === undefined ? undefined : `${name}: ${problem}`
    ).find((one) => one !== undefined);
    Object.assign(member, {
      status: evidence.status === "done" ? "done" : evidence.status === "failed" ? "failed" : "interrupted",
      seconds: Object.values(evidence.steps).reduce((sum, { seconds = 0 }) => sum + seconds, 0),
      ...(evidence.status === "failed" && { problem }),
      code: evidence.attempts.at(-1)!.code.sha256,
      receipt: await sha256File(join(run.directory, RECEIPT)),
    });
  } catch (error) {
    Object.assign(
      member,
      isStopped()
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
  const number = runOf(sweep, index);
  let run = number;
  for (let again = 2; await exists(join(directory, run)); again++) run = `${number}-${again}`;
  return await prepareRun({ ...request, place: { run, folder: directory } });
}

function runOf(sweep: string, index: number): string {
  return `${sweep}-${String(index + 1).padStart(4, "0")}`;
}

/** What became of members while their runner was killed: their own records tell. */
export async function recoverMembers({ directory, record }: FoundSweep, runs: string) {
  await recoverRuns(join(runs, record.experiment.name, SWEEPS), record.sweep);
  for (const [index, member] of record.members.entries()) {
    if (member.status !== "running" && member.status !== "waiting") continue;
    // The record may be older than the run by a second: the folder's name says whose it is.
    member.run ??= await exists(join(directory, runOf(record.sweep, index)))
      ? runOf(record.sweep, index)
      : undefined;
    member.status = member.run === undefined ? "waiting" : "interrupted";
  }
}

/** A member's output is in its log; beside the others it would only be noise. */
class SilentTerminal extends Terminal {
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
