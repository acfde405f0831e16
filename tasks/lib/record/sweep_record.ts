/** sweep.json: what ties the runs of a sweep together. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { exists, sha256, sha256File, writeAtomic, writeJson } from "../system/files.ts";
import { Folder, readTextIfThere } from "../system/regular_file.ts";
import { checkRecord, parseJson } from "../system/records.ts";
import { canonicalJson } from "./canonical_json.ts";
import { RECEIPT } from "./receipt.ts";
import { runIds, SWEEPS } from "./run_folder.ts";
import type { Member, SweepRecord } from "./sweep_schema.ts";
import { type RunVerdict, verdictPath } from "./verdict.ts";

export type { Member, SweepRecord };

export const SWEEP_SCHEMA = 1;

const FILE = "sweep.json";

export function sweepPath(directory: string): string {
  return join(directory, FILE);
}

/** Whether a folder holds the record of a sweep. */
export async function isSweep(directory: string): Promise<boolean> {
  return await exists(sweepPath(directory));
}

/** Folder of all sweeps of an experiment. */
export function sweepsFolder(runs: string, experiment: string): string {
  return join(runs, experiment, SWEEPS);
}

export async function writeSweep(directory: string, record: SweepRecord): Promise<void> {
  await writeJson(sweepPath(directory), record);
}

/** @throws Failure(2) if the folder holds no record of a sweep, or one that this version cannot read. */
export async function readSweep(directory: string): Promise<SweepRecord> {
  const path = sweepPath(directory);
  const text = await readTextIfThere(path, { within: new Folder(directory) });
  if (text === undefined) {
    throw new Failure(2, `${directory} is not the folder of a sweep: it holds no ${FILE}`);
  }
  const { sweepSchema } = await import("./sweep_schema.ts");
  return checkRecord(parseJson(text, path), path, sweepSchema, "the record of a sweep");
}

export interface FoundSweep {
  directory: string;
  record: SweepRecord;
}

/**
 * Finds a sweep by its id or the beginning of it, or the newest without one.
 *
 * @throws Failure(2) if there is none, or more than one.
 */
export async function findSweep(runs: string, experiment: string, asked?: string): Promise<FoundSweep> {
  const ids = await runIds(join(runs, experiment), SWEEPS);
  const found = asked === undefined
    ? ids.slice(0, 1)
    : ids.filter((id) => asked !== "" && id.startsWith(asked));
  if (found.length === 1) {
    const directory = join(sweepsFolder(runs, experiment), found[0]!);
    return { directory, record: await readSweep(directory) };
  }
  if (found.length > 1) throw new Failure(2, `"${asked}" is the beginning of ${found.length} sweeps`);
  const which = asked === undefined ? `There is no sweep of ${experiment}` : `There is no sweep "${asked}"`;
  throw new Failure(2, `${which} in ${sweepsFolder(runs, experiment)}`, {
    remedy: "deno task sweep --seeds 10 makes one",
  });
}

/** What is said of a sweep, by the hashes of its record, its verdict and the receipts of its members. */
function stateSweep(record: SweepRecord, verdict: RunVerdict, files: Record<string, string>) {
  return {
    schema: SWEEP_SCHEMA,
    sweep: record.sweep,
    experiment: record.experiment.name,
    status: record.status,
    ended: record.ended,
    holds: verdict.holds,
    verdicts: verdict.checks.map(({ claim, verdict }) => ({ claim, verdict })),
    members: record.members.map(({ values, status, run, receipt }) => ({ values, status, run, receipt })),
    files,
  };
}

/** Draws up the receipt of a sweep that has just been judged. */
export async function writeSweepReceipt(
  directory: string,
  record: SweepRecord,
  verdict: RunVerdict,
): Promise<void> {
  const files = Object.fromEntries(
    await Promise.all(
      [FILE, "verdict.json"].map(async (name) => [name, await sha256File(join(directory, name))] as const),
    ),
  );
  const text = canonicalJson(stateSweep(record, verdict, files));
  await writeAtomic(join(directory, RECEIPT), `{"sha256":"${sha256(text)}","statement":${text}}`);
}

/** What of a sweep that has ended is not as its receipt says, each as a sentence. */
export async function findSweepAlterations(directory: string, record: SweepRecord): Promise<string[]> {
  const within = new Folder(directory);
  const text = await readTextIfThere(join(directory, RECEIPT), { within });
  if (text === undefined) return record.status === "running" ? [] : [`${RECEIPT}: not there any more`];
  const [, hash, statement = ""] = /^\{"sha256":"(.{64})","statement":(.*)\}$/s.exec(text) ?? [];
  if (sha256(statement) !== hash) return [`${RECEIPT}: other bytes than were written`];
  const stated = JSON.parse(statement) as ReturnType<typeof stateSweep>;
  const altered: string[] = [];
  for (const [name, expected] of Object.entries(stated.files ?? {})) {
    if (name !== FILE && name !== "verdict.json") continue;
    const found = await sha256File(join(directory, name)).catch(() => undefined);
    if (found !== expected) altered.push(`${name}: other bytes than the receipt states`);
  }
  for (const { run, receipt } of stated.members ?? []) {
    if (run === undefined || receipt === undefined || !/^[\w-]+$/.test(run)) continue;
    const found = await sha256File(join(directory, run, RECEIPT)).catch(() => undefined);
    if (found !== receipt) {
      altered.push(`${run}/${RECEIPT}: ${found === undefined ? "not there any more" : "other bytes"}`);
    }
  }
  return altered;
}

/** Takes back what was said of a sweep that goes on. */
export async function removeSweepVerdict(directory: string) {
  for (const path of [verdictPath(directory), join(directory, RECEIPT)]) {
    await Deno.remove(path).catch(() => {});
  }
}
