/** sweep.json: what ties the runs of a sweep together. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { exists, writeAtomic } from "../system/files.ts";
import { Folder, readTextIfThere } from "../system/regular_file.ts";
import { checkLongRecord, parseJson } from "../system/records.ts";
import { runIds, SWEEPS } from "./run_folder.ts";
import type { ZodMiniType } from "zod/mini";
import type { Member, SweepRecord, SweepSummary } from "./sweep_schema.ts";

export type { Member, SweepRecord, SweepSummary };

/** Version of sweep.json. */
export const SWEEP_SCHEMA = 1;

export const SWEEP_FILE = "sweep.json";

export function sweepPath(directory: string): string {
  return join(directory, SWEEP_FILE);
}

/** Whether a folder holds the record of a sweep. */
export async function isSweep(directory: string): Promise<boolean> {
  return await exists(sweepPath(directory));
}

/** Folder of all sweeps of an experiment. */
export function sweepsFolder(runs: string, experiment: string): string {
  return join(runs, experiment, SWEEPS);
}

/** A member takes one line, so that 10,000 of them are a third less to read. */
export async function writeSweep(directory: string, record: SweepRecord): Promise<void> {
  const { members, ...rest } = record;
  const begin = JSON.stringify(rest, null, 2).replace(/\n\}$/, "");
  const lines = members.map((member) => `    ${JSON.stringify(member)}`).join(",\n");
  await writeAtomic(sweepPath(directory), `${begin},\n  "members": [\n${lines}\n  ]\n}\n`);
}

/** @throws Failure(2) if the folder holds no record of a sweep, or one that this version cannot read. */
export async function readSweep(directory: string): Promise<SweepRecord> {
  return await read(directory, ({ sweepSchema, memberSchema }) => [sweepSchema, memberSchema]);
}

/** What a list of sweeps shows; of 10,000 members that is a small part. @throws as {@link readSweep} */
export async function readSweepSummary(directory: string): Promise<SweepSummary> {
  return await read(
    directory,
    ({ sweepSummarySchema, listedMemberSchema }) => [sweepSummarySchema, listedMemberSchema],
  );
}

async function read<T extends { members: unknown[] }>(
  directory: string,
  choose: (schemas: typeof import("./sweep_schema.ts")) => [record: ZodMiniType<T>, member: ZodMiniType],
): Promise<T> {
  const path = sweepPath(directory);
  const text = await readTextIfThere(path, { within: new Folder(directory) });
  if (text === undefined) {
    throw new Failure(2, `${directory} is not the folder of a sweep: it holds no ${SWEEP_FILE}`);
  }
  const [schema, item] = choose(await import("./sweep_schema.ts"));
  return checkLongRecord(
    parseJson(text, path),
    path,
    schema,
    { list: "members", item },
    "the record of a sweep",
  );
}

/** A sweep whose record was read; `directory` is absolute. */
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
