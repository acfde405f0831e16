/** Who works in a run folder. */

import { hostname } from "node:os";
import { basename, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import {
  describeHolder,
  type FileLock,
  isLocked,
  readHolder,
  tryAcquire,
  wasLeft,
} from "../system/file_lock.ts";

/**
 * The right to write to a run folder.
 *
 * @param force Take it although another host seems to have it; locks of this host are never broken.
 * @throws Failure(3) that says who has it.
 */
export async function acquireRun(directory: string, force = false): Promise<FileLock> {
  await refuseOtherHost(directory, force);
  return await tryAcquire(lockOf(directory), "writing to it") ?? await refuse(directory);
}

/**
 * Makes sure that nobody works in a run folder; nothing is written.
 *
 * @throws as `acquireRun`
 */
export async function requireFreeRun(directory: string): Promise<void> {
  await refuseOtherHost(directory, false);
  if (await isRunLocked(directory)) await refuse(directory);
}

async function refuse(directory: string): Promise<never> {
  const holder = describeHolder(await readHolder(lockOf(directory)));
  throw new Failure(3, `The run ${basename(directory)} is locked by ${holder}`, {
    remedy: "Wait until it ends, or stop that process",
  });
}

/** Locks of a network file system do not always reach other hosts, so what the holder wrote counts too. */
async function refuseOtherHost(directory: string, force: boolean) {
  const holder = await readHolder(lockOf(directory));
  if (holder === undefined || holder.host === hostname() || force) return;
  throw new Failure(
    3,
    `The run ${basename(directory)} is locked by ${describeHolder(holder)}, another host`,
    { remedy: "Make sure that nothing runs there any more, then add --force" },
  );
}

/** Whether a process that worked in the run folder is still at it, or was killed. */
export function wasRunLeft(directory: string): boolean {
  return wasLeft(lockOf(directory));
}

/** Whether a living process works in the run folder. */
export async function isRunLocked(directory: string): Promise<boolean> {
  return await isLocked(lockOf(directory));
}

/** The same, also of a process on another host, whose lock may not reach this one. */
export async function isRunHeld(directory: string): Promise<boolean> {
  const holder = await readHolder(lockOf(directory));
  return holder !== undefined && holder.host !== hostname() || await isRunLocked(directory);
}

function lockOf(directory: string): string {
  return join(directory, ".lock");
}
