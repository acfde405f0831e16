/** Run folders: where they are, who holds one, and what became of the runs that were killed. */

import { join, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { type Plan, PLAN_SCHEMA } from "../plan/plan.ts";
import { exists } from "../system/files.ts";
import { callerFolder } from "../system/project_root.ts";
import { Folder, readTextIfThere } from "../system/regular_file.ts";
import { checkRecord, parseJson, refuseLong } from "../system/records.ts";
import { type Evidence, readEvidence } from "./evidence.ts";

/** Folder that holds the runs of every experiment: `--runs`, else `RUNS_DIR`, else `runs` in the project. */
export function runsRoot(root: string, option?: string): string {
  const chosen = option ?? Deno.env.get("RUNS_DIR");
  return chosen === undefined || chosen === "" ? join(root, "runs") : resolve(callerFolder(), chosen);
}

/** Folder, beside the runs of an experiment, that holds its sweeps with theirs. */
export const SWEEPS = "sweeps";

/** A name that sorts by time, within a second, too: its milliseconds are in the first half of 20261123T160512Z-1593fa. */
export function newRunId(now = new Date()): string {
  const time = now.toISOString().replace(/[-:]/g, "").replace(/\.\d+/, "");
  const milliseconds = now.getUTCMilliseconds().toString(16).padStart(3, "0");
  return `${time}-${milliseconds}${crypto.randomUUID().slice(0, 3)}`;
}

/** Of runs and sweeps; those before 0.2.0 have four digits at the end, by chance alone. */
export const RUN_ID = /^\d{8}T\d{6}Z-[0-9a-f]{4}(?:[0-9a-f]{2})?$/;

/** The environment entry that every process of a run has. */
export function runMark(run: string): string {
  return `EXPERIMENT_RUN=${run}`;
}

/** Where a run keeps a file of the authors' that its own is compared with, by the hash that was claimed. */
export function publishedPath(directory: string, hash: string): string {
  return join(directory, ".published", hash.replace(/[^\da-z]/gi, ""));
}

/** A run whose evidence was read; `directory` is absolute. */
export interface FoundRun {
  id: string;
  directory: string;
  evidence: Evidence;
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
export async function runIds(runs: string, experiment: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(join(runs, experiment))) {
      if (entry.isDirectory && entry.name !== SWEEPS) names.push(entry.name);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotADirectory) {
      throw new Failure(2, `${runs} must be a folder for runs, and is a file`);
    }
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort().reverse();
}

/** A plan beyond this (bytes) has more claims than anybody's: an experiment.yaml has at most 256 kB. */
const LARGEST_PLAN = 16 * 2 ** 20;

/** @throws Failure(2) if the folder holds no plan, or one of another version. */
export async function readPlan(directory: string): Promise<Plan> {
  const path = join(directory, "plan.json");
  const text = await readTextIfThere(path, { within: new Folder(directory), most: LARGEST_PLAN });
  if (text === undefined) throw new Failure(2, `Cannot read the plan of the run: there is no ${path}`);
  const value = parseJson(text, path) as Partial<Plan> | null;
  if (typeof value?.schema === "number" && value.schema !== PLAN_SCHEMA) {
    throw new Failure(2, `${path} was written by another version of this project`);
  }
  refuseLong({ steps: value?.steps }, path, "the plan of a run");
  const { planSchema } = await import("../plan/plan_schema.ts");
  return checkRecord(value, path, planSchema, "the plan of a run");
}

/** Points `latest` at a run, in one move. */
export async function pointLatest(runs: string, experiment: string, run: string) {
  const link = join(runs, experiment, "latest");
  if (await exists(link) && !(await Deno.lstat(link)).isSymlink) return; // a folder of that name is somebody's
  const temporary = `${link}.${Deno.pid}`;
  await Deno.symlink(run, temporary);
  await Deno.rename(temporary, link);
}
