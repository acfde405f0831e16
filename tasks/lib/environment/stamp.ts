/** The record inside an environment that says what it was made from, and whether it can be used again. */

import { join } from "node:path";
import { writeJson } from "../system/files.ts";
import { readRecordIfSound } from "../system/records.ts";
import type { Stamp } from "./stamp_schema.ts";

export type { Stamp };

/** What an environment must have been made from to be used. */
export interface ExpectedEnvironment {
  /** Absolute path of the lock, or of the requirements file. */
  lock: string;
  lockSha256: string;
  requirementsSha256: string;
  /** Interpreter that it must be made from, if that matters. */
  base?: string;
  /** Value of PYTHON. */
  asked?: string;
}

const STAMP = "environment.json";

/** An environment of another one, e.g. on a shared disk, does not fit. */
export const PLATFORM = `${Deno.build.os} ${Deno.build.arch}`;

/** Undefined if there is none, or it can't be read. */
export async function readStamp(directory: string): Promise<Stamp | undefined> {
  const { stampSchema } = await import("./stamp_schema.ts");
  return await readRecordIfSound(join(directory, STAMP), stampSchema);
}

/** Marks an environment as ours, as the last thing when it is made: without a stamp it is not used. */
export async function writeStamp(directory: string, stamp: Stamp): Promise<void> {
  await Deno.writeTextFile(join(directory, ".gitignore"), "*\n"); // as venv itself does from Python 3.13 on
  await writeJson(join(directory, STAMP), stamp);
}

/** Why an environment can't be used, as a phrase after "because"; undefined if it can. Starts no process. */
export async function misfit(directory: string, expected: ExpectedEnvironment): Promise<string | undefined> {
  const stamp = await readStamp(directory);
  if (stamp === undefined) return "it is not finished";
  if (stamp.directory !== directory) return `it was made for ${stamp.directory}`;
  if (stamp.platform !== PLATFORM) return `it was made on ${stamp.platform}`;
  if (stamp.lockSha256 !== expected.lockSha256) return "the lock has changed";
  if (stamp.requirementsSha256 !== expected.requirementsSha256) return "the requirements have changed";
  if (expected.base !== undefined && stamp.python.base !== expected.base) {
    return `it is for ${stamp.python.base}`;
  }
  if (!await isAskedFor(stamp, expected.asked)) return `PYTHON is now ${expected.asked}`;
  if (!await hasWorkingPython(directory)) return "its Python is gone";
}

async function isAskedFor({ python }: Stamp, asked: string | undefined): Promise<boolean> {
  if (!asked || asked === python.asked || asked === python.base) return true;
  const [one, other] = await Promise.all(
    [asked, python.base].map((path) => Deno.realPath(path).catch(() => path)),
  );
  return one === other;
}

/** It has an interpreter, and the links lead to one that is still installed. */
export async function hasWorkingPython(directory: string): Promise<boolean> {
  try {
    return (await Deno.stat(join(directory, "bin/python"))).isFile;
  } catch {
    return false;
  }
}

/** Who makes the environment has this lock. */
export function environmentLock(directory: string): string {
  return join(`${directory}.state`, "lock");
}

/** Nothing is there, or an empty folder; a link to one is something of the user's. */
export async function isVacant(directory: string): Promise<boolean> {
  const found = await Deno.lstat(directory).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  if (found === undefined) return true;
  return found.isDirectory && (await Array.fromAsync(Deno.readDir(directory))).length === 0;
}

/** Folder of the environments for projects that can't be written; a user without a home has none. */
export function environmentCache(): string | undefined {
  const home = Deno.env.get("HOME");
  const caches = Deno.env.get("XDG_CACHE_HOME") || (home && join(home, ".cache"));
  return caches ? join(caches, "experiment-environments") : undefined;
}

/** As `environmentsIn`, for the environments in the user's cache: those of all projects that can't be written. */
export async function cachedEnvironments(): Promise<string[]> {
  const cache = environmentCache();
  if (cache === undefined) return [];
  const found: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(cache)) {
      if (isDirectory && OF_A_LOCK.test(name)) found.push(...await environmentsIn(join(cache, name)));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.sort();
}

/** The beginning of the lock's SHA-256. */
const OF_A_LOCK = /^[0-9a-f]{16}$/;

/**
 * Folders below the root that this project's environments are in, and what was left over while making them; never a
 * virtual environment of the user's.
 */
export async function environmentsIn(root: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(root)) {
    if (!isDirectory || !name.startsWith(".venv")) continue;
    if (name.endsWith(".state") || await readStamp(join(root, name)) !== undefined) {
      found.push(join(root, name));
    }
  }
  return found.sort();
}
