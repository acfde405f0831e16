/** Making an environment: one process at a time, in a temporary folder that is moved in when it is complete. */

import { basename, dirname, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { run } from "../system/command.ts";
import { freeSpace, isDiskFull, isReadOnly, sha256 } from "../system/files.ts";
import { endProcesses } from "../system/processes.ts";
import {
  findUv,
  type Installation,
  InstallError,
  installWithPip,
  installWithUv,
  type Uv,
} from "./installer.ts";
import { type Lock, type LockedPackage, packagesFor, readLock } from "./lock_file.ts";
import { thisMachine } from "./markers.ts";
import { canInstall, findPython, type Python } from "./python.ts";
import { isVacant, misfit, PLATFORM, readStamp, type Wanted, writeStamp } from "./stamp.ts";

interface Reporter {
  announce: (line: string) => void;
  progress?: (line: string) => void;
  signal?: AbortSignal;
}

/** The right to make an environment in a folder; the operating system drops it when this process ends, however. */
export interface HeldPlace {
  directory: string;
  /** Folder beside it with the lock, the log and unfinished environments. */
  state: string;
  release: () => void;
}

/**
 * Takes a place, waiting while another process has it.
 *
 * @param instead Taken if the place can't be written.
 * @throws Failure(3) if neither can be written.
 */
export async function holdPlace(
  directory: string,
  instead: string | undefined,
  talk: Reporter,
): Promise<HeldPlace> {
  const state = `${directory}.state`;
  let file: Deno.FsFile;
  try {
    await Deno.mkdir(state, { recursive: true });
    file = await Deno.open(join(state, "lock"), { read: true, write: true, create: true });
    await checkWritable(dirname(directory));
  } catch (error) {
    if (!isReadOnly(error)) throw asFailure(error, directory);
    if (instead === undefined) {
      throw new Failure(3, `Cannot make the environment ${directory}: the folder can't be written`, {
        remedy: "Name a folder that can: VENV_DIR=/path/to/folder",
      });
    }
    talk.announce(`${dirname(directory)} can't be written; the environment is kept in ${instead}`);
    return await holdPlace(instead, undefined, talk);
  }
  await takeLock(file, join(state, "lock"), directory, talk);
  return { directory, state, release: () => file.close() };
}

/** A folder may be there from before, in a project that can no longer be written. */
async function checkWritable(folder: string) {
  const probe = await Deno.makeTempDir({ dir: folder, prefix: ".venv." });
  await Deno.remove(probe);
}

async function takeLock(file: Deno.FsFile, path: string, directory: string, { announce, signal }: Reporter) {
  try {
    for (let waiting = false; !await file.tryLock(true); waiting = true) {
      signal?.throwIfAborted();
      const holder = (await Deno.readTextFile(path).catch(() => "")).trim();
      if (!waiting) announce(`Waiting for ${holder || "another process"}, which is making ${directory}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await file.truncate();
    await file.seek(0, Deno.SeekMode.Start);
    await file.write(new TextEncoder().encode(`process ${Deno.pid}\n`));
  } catch (error) {
    file.close();
    throw asFailure(error, directory, undefined, signal);
  }
}

export interface Making extends Reporter {
  /** Absolute path of the requirements file. */
  requirements: string;
  wanted: Wanted;
  locked: boolean;
  held: HeldPlace;
}

/**
 * Makes an environment in a place that is held, replacing the one that is there.
 *
 * @throws Failure(3) with the cause, what to do, and the log of pip or uv.
 */
export async function makeEnvironment(making: Making): Promise<void> {
  const { held, announce, signal } = making;
  const started = performance.now();
  await removeLeftovers(held);
  const before = await whyNotAsItIs(held.directory, making.wanted);
  if (before !== undefined) announce(before);
  const plan = await planInstallation(making);
  announce(plan.announcement);
  await checkDisk(plan, held.directory);
  const log = join(held.state, "log.txt");
  await Deno.remove(log).catch(() => {});
  const scratch = await Deno.makeTempDir({ dir: held.state, prefix: "making-" });
  const directory = join(scratch, basename(held.directory));
  try {
    const installer = await install(plan, { directory, scratch, log, making });
    await checkStarts(directory, log);
    await relocate(directory, held.directory);
    await writeStamp(directory, {
      format: 1,
      lock: basename(making.wanted.lock),
      lockSha256: making.wanted.lockSha256,
      requirementsSha256: making.wanted.requirementsSha256,
      python: { version: plan.python.version, base: plan.python.path, asked: making.wanted.asked },
      platform: PLATFORM,
      directory: held.directory,
      installer,
      packages: plan.packages.length,
      made: new Date().toISOString(),
      seconds: Math.round((performance.now() - started) / 1000),
    });
    signal?.throwIfAborted();
    await moveIn(directory, held, announce);
  } catch (error) {
    throw asFailure(error, held.directory, log, signal);
  } finally {
    await Deno.remove(scratch, { recursive: true }).catch(() => {});
  }
  announce(`Made ${held.directory} in ${Math.round((performance.now() - started) / 1000)} s`);
}

/**
 * Only the holder of the lock makes anything here, so whatever is unfinished was left by a process that was killed.
 * Its pip or uv may have outlived it, and would go on writing.
 */
async function removeLeftovers({ directory, state }: HeldPlace) {
  const left = (await Array.fromAsync(Deno.readDir(state))).filter(({ name }) =>
    /^(?:making|old)-/.test(name)
  );
  if (left.length === 0) return;
  await endProcesses({ mark: markOf(directory) });
  for (const { name } of left) await Deno.remove(join(state, name), { recursive: true });
}

function markOf(directory: string): string {
  return `MAKING_ENVIRONMENT=${sha256(directory).slice(0, 16)}`;
}

async function whyNotAsItIs(directory: string, wanted: Wanted): Promise<string | undefined> {
  if (await isVacant(directory)) return undefined;
  return `Making ${directory} again: ${await misfit(directory, wanted)}`;
}

interface Plan {
  python: Python;
  uv?: Uv;
  packages: LockedPackage[];
  /** Megabytes, where the lock says. */
  downloadMB?: number;
  diskMB?: number;
  announcement: string;
}

async function planInstallation({ wanted, locked, held, requirements }: Making): Promise<Plan> {
  const [python, uv] = await Promise.all([
    findPython(wanted.base === undefined ? undefined : [wanted.base]),
    findUv(),
  ]);
  const lock: Lock = locked ? await readLock(wanted.lock) : { path: requirements, packages: [] };
  const packages = packagesFor(lock, thisMachine(python.version));
  const what = locked ? `${packages.length} packages` : `the packages of ${basename(requirements)}`;
  const size = lock.downloadMB === undefined
    ? ""
    : ` (about ${megabytes(lock.downloadMB)} to download, ${megabytes(lock.diskMB ?? 0)} on disk)`;
  const announcement = `Making ${held.directory}: ${what}${size}, with ${
    uv === undefined ? "pip" : `uv ${uv.version}`
  } on Python ${python.version}`;
  return { python, uv, packages, downloadMB: lock.downloadMB, diskMB: lock.diskMB, announcement };
}

function megabytes(count: number): string {
  return count >= 1000 ? `${(count / 1000).toFixed(1)} GB` : `${Math.round(count)} MB`;
}

/** Downloads lie in the temporary folder until they are installed. */
async function checkDisk({ downloadMB = 0, diskMB = 0 }: Plan, directory: string) {
  const temporary = Deno.env.get("TMPDIR") || "/tmp";
  const together = await device(temporary) === await device(dirname(directory));
  await checkFree(dirname(directory), diskMB + (together ? downloadMB : 0), "VENV_DIR");
  if (!together) await checkFree(temporary, downloadMB, "TMPDIR");
}

async function device(path: string): Promise<number | undefined> {
  return (await Deno.stat(path).catch(() => undefined))?.dev;
}

async function checkFree(folder: string, neededMB: number, variable: string) {
  const freeMB = await freeSpace(folder) / 1e6;
  if (freeMB >= neededMB) return;
  throw new Failure(
    3,
    `Cannot make the environment: ${folder} has ${megabytes(freeMB)} free, and about ${
      megabytes(neededMB)
    } is needed`,
    { remedy: `Free some space, or name a folder on another disk: ${variable}=/path/to/folder` },
  );
}

/** Installs with uv if it is there, else or after it could not reach an index, with pip; returns which. */
async function install(
  { python, uv, packages }: Plan,
  { directory, scratch, log, making }: { directory: string; scratch: string; log: string; making: Making },
): Promise<string> {
  const installation: Installation = {
    python,
    directory,
    scratch,
    packages,
    mark: markOf(making.held.directory),
    requirements: making.locked ? undefined : making.requirements,
    log,
    progress: making.progress ?? (() => {}),
    signal: making.signal,
  };
  if (uv !== undefined) {
    try {
      await installWithUv(uv, installation);
      return `uv ${uv.version}`;
    } catch (error) {
      const tryPip = error instanceof InstallError && ["unreachable", "no file"].includes(error.problem.kind);
      if (!tryPip || !canInstall(python)) throw error;
      making.announce(`${error.problem.message}; trying pip`);
      await Deno.remove(directory, { recursive: true }).catch(() => {});
    }
  }
  return `pip ${await installWithPip(installation)}`;
}

async function checkStarts(directory: string, log: string) {
  const { code, stderr } = await run([join(directory, "bin/python"), "-V"]);
  if (code === 0) return;
  throw new Failure(3, `Cannot start the new environment's Python: ${stderr.trim()}`, { log });
}

/** Scripts and settings name the folder in which they were installed; makes them name the one they are moved to. */
export async function relocate(directory: string, target: string): Promise<void> {
  const scripts: string[] = [];
  for await (const entry of Deno.readDir(join(directory, "bin"))) {
    if (entry.isFile) scripts.push(join(directory, "bin", entry.name));
  }
  for (const path of [join(directory, "pyvenv.cfg"), ...scripts]) {
    const { size } = await Deno.stat(path);
    if (size > 1_000_000) continue; // a program such as ruff, not a script
    const text = await Deno.readTextFile(path);
    if (text.includes(directory)) await Deno.writeTextFile(path, text.replaceAll(directory, target));
  }
}

/** Puts the new environment in place of the old. One that is not ours is kept under another name. */
async function moveIn(made: string, { directory, state }: HeldPlace, announce: (line: string) => void) {
  if (!await isVacant(directory)) {
    const ours = await readStamp(directory) !== undefined;
    const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
    const aside = ours ? join(state, `old-${time}`) : `${directory}.${time}.bak`;
    await Deno.rename(directory, aside);
    if (!ours) announce(`${directory} was not finished by this project; it is kept as ${aside}`);
  }
  await Deno.rename(made, directory);
  for await (const entry of Deno.readDir(state)) {
    if (entry.name.startsWith("old-")) await Deno.remove(join(state, entry.name), { recursive: true });
  }
}

function asFailure(error: unknown, directory: string, log?: string, signal?: AbortSignal): unknown {
  if (signal?.aborted) {
    return new Failure(130, `Interrupted while making ${directory}; nothing of it is left`);
  }
  if (error instanceof InstallError) {
    const { message, remedy } = error.problem;
    return new Failure(3, `Cannot make the environment ${directory}: ${message}`, { remedy, log });
  }
  if (isDiskFull(error)) {
    return new Failure(3, `Cannot make the environment ${directory}: the disk is full`, {
      remedy: "Free some space, or name a folder on another disk: VENV_DIR=/path/to/folder",
      log,
    });
  }
  return error;
}
