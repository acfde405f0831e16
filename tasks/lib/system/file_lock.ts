/**
 * Locks: a file that one process has to itself, and in which stands who. The operating system lets go of it when that
 * process ends, however it ends, so one that was killed blocks nobody.
 */

import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "../cli/failure.ts";

const POLL_MS = 100;

const PROBE_MS = 20;

/** Who has a lock, and what for. */
export interface Holder {
  host: string;
  pid: number;
  /** What is done meanwhile, as it goes on after "which is": `making /home/ada/.venv`. */
  doing?: string;
  /** UTC, ISO 8601. */
  since: string;
}

/** A lock that this process has until it is disposed of. */
export interface FileLock extends Disposable {
  /** Who had it before and was killed, or is on a host that this one's locks do not reach. */
  readonly leftBy?: Holder;
}

export interface LockRequest {
  /** What is done meanwhile, as it goes on after "which is". */
  doing: string;
  /** Told once, in words, who has it if that is somebody else. */
  onWait?: (holder: string) => void;
  signal?: AbortSignal;
}

/**
 * Waits until nobody else has the lock, and has it until it is disposed of. The file is there only meanwhile.
 *
 * @throws the signal's AbortError; Failure(3) where the file system has no locks; what the system says if the file
 * can't be made
 */
export async function acquire(path: string, { doing, onWait, signal }: LockRequest): Promise<FileLock> {
  for (let tell = onWait;;) {
    const lock = await tryAcquire(path, doing);
    if (lock !== undefined) return lock;
    if (tell !== undefined) tell(describeHolder(await readHolder(path)));
    tell = undefined;
    await delay(POLL_MS, undefined, { signal });
  }
}

/** As `acquire`, but without waiting: nothing where somebody else has the lock. */
export async function tryAcquire(path: string, doing: string): Promise<FileLock | undefined> {
  while (true) {
    const file = await openLocked(path);
    if (file === undefined) return undefined;
    if (!await isAt(file, path)) {
      file.close(); // the one before removed it after this process had opened it
      continue;
    }
    const leftBy = await readHolder(path);
    const holder: Holder = { host: hostname(), pid: Deno.pid, doing, since: new Date().toISOString() };
    await file.truncate();
    await file.write(new TextEncoder().encode(JSON.stringify(holder)));
    return { leftBy, [Symbol.dispose]: () => release(file, path) };
  }
}

/** Nothing where somebody else has it. */
async function openLocked(path: string): Promise<Deno.FsFile | undefined> {
  const file = await Deno.open(path, { read: true, write: true, create: true });
  let locked = false;
  try {
    // Who only looks whether it is locked has it for a moment.
    for (let tries = 0; !locked && tries < 3; tries++) {
      if (tries > 0) await delay(PROBE_MS);
      locked = await tryLock(file, path, true);
      if (!locked && await readHolder(path) !== undefined) break;
    }
    return locked ? file : undefined;
  } finally {
    if (!locked) file.close();
  }
}

/** Whether a living process has the lock; nothing is made. */
export async function isLocked(path: string): Promise<boolean> {
  const file = await Deno.open(path, { read: true }).catch(() => undefined);
  if (file === undefined) return false;
  using _ = file;
  return !await tryLock(file, path, false);
}

/** Whether the one who had the lock has not let go of it: it still has it, or was killed. */
export function wasLeft(path: string): boolean {
  // At once: of hundreds of runs each is asked, and to wait for an answer takes ten times as long as to give it.
  try {
    return Deno.statSync(path).size > 0;
  } catch {
    return false; // nobody has had it, or its folder is gone
  }
}

/** E.g. `process 12 on alpha, which is making /home/ada/.venv since 2026-11-23T16:05:12.000Z`. */
export function describeHolder(holder: Holder | undefined): string {
  if (holder === undefined) return "another process";
  const doing = holder.doing === undefined ? "" : `, which is ${holder.doing}`;
  return `process ${holder.pid} on ${holder.host}${doing} since ${holder.since}`;
}

/** Who wrote into the lock last; it may be writing just now. */
export async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const { host, pid, doing, since } = JSON.parse(await Deno.readTextFile(path));
    if (typeof host !== "string" || typeof pid !== "number" || typeof since !== "string") return undefined;
    return { host, pid, since, ...typeof doing === "string" && { doing } };
  } catch {
    return undefined; // nobody has had it, or it was let go of
  }
}

/**
 * Locks a file.
 *
 * @throws Failure(3) where the file system refuses, as network file systems do whose server has no locks
 */
async function tryLock(file: Deno.FsFile, path: string, exclusive: boolean): Promise<boolean> {
  try {
    return await file.tryLock(exclusive);
  } catch (error) {
    if (!REFUSED.test(String(error))) throw error;
    throw new Failure(
      3,
      `Cannot lock ${path}: its file system has no locks (${(error as Error).message}), ` +
        "so that two processes could write to the same files",
      { remedy: "Use a folder on a local disk, or have the network file system mounted with locks" },
    );
  }
}

/** ENOLCK, EOPNOTSUPP, ENOSYS and EINVAL, by what Linux and macOS number them. */
const REFUSED = /os error (?:37|95|38|22|77|102|45|78)\b|ENOLCK|EOPNOTSUPP|ENOTSUP|ENOSYS|not supported/i;

async function isAt(file: Deno.FsFile, path: string): Promise<boolean> {
  const [held, there] = await Promise.all([file.stat(), Deno.stat(path).catch(() => undefined)]);
  return held.ino === there?.ino && held.dev === there?.dev;
}

/** Removed while it is still locked: who opens it now makes a new one. */
function release(file: Deno.FsFile, path: string) {
  try {
    Deno.removeSync(path);
  } catch {
    // a folder that can't be written to any more; the lock itself goes with the file
    try {
      file.truncateSync();
    } catch {
      // nor can the disk
    }
  }
  file.close();
}
