/** Run folders: where they are, who holds one, and what became of the runs that were killed. */

import { hostname } from "node:os";
import { basename, join, resolve } from "node:path";
import { type Evidence, readEvidence, writeEvidence } from "./evidence.ts";
import { exists } from "./files.ts";
import { Failure } from "./failure.ts";
import { type Plan, PLAN_SCHEMA } from "./plan.ts";
import { endProcesses } from "./processes.ts";
import { callerFolder } from "./project_root.ts";
import { explainUnreadable } from "./provenance/alterations.ts";
import { didYouMean } from "./suggest.ts";

export { callerFolder } from "./project_root.ts";

/** Folder that holds the runs of every experiment: `--runs`, else `RUNS_DIR`, else `runs` in the project. */
export function runsRoot(root: string, option?: string): string {
  const chosen = option ?? Deno.env.get("RUNS_DIR");
  return chosen === undefined || chosen === "" ? join(root, "runs") : resolve(callerFolder(), chosen);
}

/** A name that sorts by time: 20261123T160512Z-3f9a. */
export function newRunId(now = new Date()): string {
  const time = now.toISOString().replace(/[-:]/g, "").replace(/\.\d+/, "");
  return `${time}-${crypto.randomUUID().slice(0, 4)}`;
}

/** The environment entry that every process of a run has. */
export function runMark(run: string): string {
  return `EXPERIMENT_RUN=${run}`;
}

interface Holder {
  host: string;
  pid: number;
  since: string;
}

/** The right to write to a run folder. The operating system drops it when this process ends, however it ends. */
export class RunLock {
  #file: Deno.FsFile;
  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * Takes a run folder.
   *
   * @param force Take it although another host seems to hold it; locks of this host are never broken.
   * @throws Failure(3) that says who holds it.
   */
  static async take(directory: string, force = false): Promise<RunLock> {
    const path = join(directory, ".lock");
    const file = await Deno.open(path, { read: true, write: true, create: true });
    const holder = await readHolder(path);
    if (!await file.tryLock(true)) {
      file.close();
      throw new Failure(3, `The run ${basename(directory)} is held by ${describeHolder(holder)}`, {
        remedy: "Wait until it ends, or stop that process",
      });
    }
    // Locks of a network file system do not always reach other hosts, so what the holder wrote counts too.
    if (holder !== undefined && holder.host !== hostname() && !force) {
      file.close();
      throw new Failure(
        3,
        `The run ${basename(directory)} is held by ${describeHolder(holder)}, another host`,
        {
          remedy: "Make sure that nothing runs there any more, then add --force",
        },
      );
    }
    const mine: Holder = { host: hostname(), pid: Deno.pid, since: new Date().toISOString() };
    await file.truncate();
    await file.seek(0, Deno.SeekMode.Start);
    await file.write(new TextEncoder().encode(JSON.stringify(mine)));
    return new RunLock(file);
  }

  async release() {
    await this.#file.truncate().catch(() => {});
    this.#file.close();
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch {
    return undefined; // nobody has held it, or it was let go
  }
}

function describeHolder(holder: Holder | undefined): string {
  return holder ? `process ${holder.pid} on ${holder.host} since ${holder.since}` : "another process";
}

export interface FoundRun {
  id: string;
  directory: string;
  evidence: Evidence;
}

/** Where the verdict of a run stands. */
export function verdictPath(directory: string): string {
  return join(directory, "verdict.json");
}

/** The runs of an experiment, newest first, read one by one. Folders without readable evidence are passed over. */
export async function* listRuns(runs: string, experiment: string): AsyncGenerator<FoundRun> {
  for (const id of await runIds(runs, experiment)) {
    const directory = join(runs, experiment, id);
    const evidence = await readEvidence(directory).catch(() => undefined);
    if (evidence !== undefined) yield { id, directory, evidence };
  }
}

/** Names of the folders of an experiment's runs, newest first. */
async function runIds(runs: string, experiment: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(join(runs, experiment))) {
      if (entry.isDirectory) names.push(entry.name);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotADirectory) {
      throw new Failure(2, `${runs} must be a folder for runs, and is a file`);
    }
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort().reverse();
}

/**
 * Finds a run by path, by id or its beginning, or the newest `reproduce` (else the newest run) without either.
 *
 * @throws Failure(2) if there is no such run, or more than one.
 */
export async function findRun(runs: string, experiment: string, asked?: string): Promise<FoundRun> {
  if (asked !== undefined && isPath(asked)) return await openRun(resolve(callerFolder(), asked), asked);
  if (asked === undefined || asked === "latest") return await newestRun(runs, experiment);
  const ids = await runIds(runs, experiment);
  const found = ids.filter((id) => asked !== "" && id.startsWith(asked));
  if (found.length === 1) return await openRun(join(runs, experiment, found[0]!), asked);
  if (found.length > 1) {
    throw new Failure(2, `"${asked}" is the beginning of ${found.length} runs: ${found.join(", ")}`);
  }
  throw new Failure(2, `There is no run "${asked}" in ${join(runs, experiment)}${didYouMean(asked, ids)}`, {
    remedy: "deno task report shows the newest; a path of a run folder will do, too",
  });
}

/** Whether a run was named by its folder, not by its id. */
export function isPath(asked: string): boolean {
  return /[/\\]/.test(asked) || asked === "." || asked === "..";
}

async function openRun(directory: string, asked: string): Promise<FoundRun> {
  const real = await Deno.realPath(directory).catch(() => {
    throw new Failure(2, `There is no run folder ${asked}`);
  });
  const evidence = await readEvidence(real).catch(async (error) => {
    throw await explainUnreadable(real, error);
  });
  return { id: basename(real), directory: real, evidence };
}

async function newestRun(runs: string, experiment: string): Promise<FoundRun> {
  let newest: FoundRun | undefined;
  for (const id of await runIds(runs, experiment)) {
    const found = await openRun(join(runs, experiment, id), id).catch((error) => {
      if (!(error instanceof Failure) || error.exitCode === 1) throw error; // altered: never passed over in silence
      return undefined;
    });
    if (found?.evidence.task === "reproduce") return found;
    newest ??= found;
  }
  if (newest !== undefined) return newest;
  throw new Failure(2, `There is no run of ${experiment} in ${join(runs, experiment)}`, {
    remedy: "deno task reproduce makes one",
  });
}

/** @throws Failure(2) if the folder holds no plan, or one of another version. */
export async function readPlan(directory: string): Promise<Plan> {
  const path = join(directory, "plan.json");
  let plan: Plan;
  try {
    plan = JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    throw new Failure(2, `Cannot read the plan of the run, ${path}: ${(error as Error).message}`);
  }
  if (typeof plan?.experiment?.text !== "string" || !Array.isArray(plan.steps)) {
    throw new Failure(2, `${path} is no plan of a run: it has no experiment and steps`);
  }
  if (plan.schema !== PLAN_SCHEMA) {
    throw new Failure(2, `${path} was written by another version of this project`);
  }
  return plan;
}

/**
 * Looks after runs whose runner was killed: ends what they left running and records them as interrupted.
 *
 * @returns the runs that were found so.
 */
export async function recoverRuns(runs: string, experiment: string): Promise<FoundRun[]> {
  const recovered: FoundRun[] = [];
  for (const id of await runIds(runs, experiment)) {
    const directory = join(runs, experiment, id);
    if (!await wasLeftLocked(directory)) continue;
    const lock = await RunLock.take(directory).catch(() => undefined);
    if (lock === undefined) continue; // somebody is at it
    try {
      const evidence = await readEvidence(directory).catch(() => undefined);
      if (evidence?.status !== "planned" && evidence?.status !== "running") continue;
      await endProcesses({ mark: runMark(id) });
      markInterrupted(evidence, "the runner ended without a word");
      await writeEvidence(directory, evidence);
      recovered.push({ id, directory, evidence });
    } finally {
      await lock.release();
    }
  }
  return recovered;
}

/** A holder that lets go empties the file; one that was killed leaves its name in it. */
async function wasLeftLocked(directory: string): Promise<boolean> {
  return await Deno.stat(join(directory, ".lock")).then(({ size }) => size > 0, () => false);
}

/** The record as it is to be read: one that says "running" while nobody holds the folder was interrupted. */
export async function asItEnded(found: FoundRun): Promise<FoundRun> {
  const { status } = found.evidence;
  if ((status === "planned" || status === "running") && !await isHeld(found.directory)) {
    markInterrupted(found.evidence, "the runner ended without a word");
  }
  return found;
}

/** Whether a living process works in the run folder. */
export async function isHeld(directory: string): Promise<boolean> {
  const file = await Deno.open(join(directory, ".lock"), { read: true }).catch(() => undefined);
  if (file === undefined) return false;
  try {
    return !await file.tryLock(false);
  } finally {
    file.close();
  }
}

/** Records that a run, its last attempt and the step it was at were interrupted. */
export function markInterrupted(evidence: Evidence, because: string) {
  const ended = new Date().toISOString();
  evidence.status = "interrupted";
  evidence.ended = ended;
  const attempt = evidence.attempts.at(-1);
  if (attempt && attempt.ended === undefined) {
    Object.assign(attempt, { ended, status: "interrupted", because });
  }
  for (const step of Object.values(evidence.steps)) {
    if (step.status === "running") Object.assign(step, { status: "interrupted", ended });
  }
}

/** Points `latest` at a run, in one move. */
export async function pointLatest(runs: string, experiment: string, run: string) {
  const link = join(runs, experiment, "latest");
  if (await exists(link) && !(await Deno.lstat(link)).isSymlink) return; // a folder of that name is somebody's
  const temporary = `${link}.${Deno.pid}`;
  await Deno.symlink(run, temporary);
  await Deno.rename(temporary, link);
}
