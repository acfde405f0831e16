/** Making an environment: one process at a time, in a temporary folder that is moved in when it is complete. */

import { basename, dirname, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { run } from "../system/command.ts";
import { acquire } from "../system/file_lock.ts";
import { exists, freeSpace, isDiskFull, isReadOnly, makeOwnFolder, sha256 } from "../system/files.ts";
import type { PackageChoices } from "../experiment/experiment.ts";
import { type EnvironmentSource, pythonsFor } from "./source.ts";
import { installArguments } from "./install_arguments.ts";
import { endProcesses } from "../system/processes.ts";
import type { Contents, ContentsRequest } from "./format.ts";
import { ofLock } from "./exported.ts";
import { localRequirements, type Lock, normalize, readLock } from "./lock_file.ts";
import { dayFor, pythonsOn } from "./packages_of_then.ts";
import { ANY_PYTHON, describeRange, findPython, isNewer, type Python, type PythonRange } from "./python.ts";
import {
  environmentLock,
  type ExpectedEnvironment,
  isVacant,
  misfit,
  PLATFORM,
  readStamp,
  writeStamp,
} from "./stamp.ts";
import { InstallError, type Workplace } from "./tool.ts";
import { findUv, type Uv } from "./uv.ts";
import { bytes } from "../cli/format.ts";

interface Reporter {
  announce: (line: string) => void;
  progress?: (line: string) => void;
  signal?: AbortSignal;
}

/** The right to make an environment in a folder, until it is disposed of. */
export interface LockedPlace extends Disposable {
  directory: string;
  /** Folder beside it with the lock, the log and unfinished environments. */
  state: string;
}

/**
 * Takes a place, waiting while another process has it.
 *
 * @param instead Taken if the place can't be written.
 * @throws Failure(3) if neither can be written.
 */
export async function acquirePlace(
  directory: string,
  instead: string | undefined,
  reporter: Reporter,
): Promise<LockedPlace> {
  const state = `${directory}.state`;
  try {
    await makeOwnFolder(state);
    await checkWritable(dirname(directory));
    const lock = await acquire(environmentLock(directory), {
      doing: `making ${directory}`,
      onWait: (holder) => reporter.announce(`Waiting for ${holder}`),
      signal: reporter.signal,
    });
    return { directory, state, [Symbol.dispose]: () => lock[Symbol.dispose]() };
  } catch (error) {
    if (!isReadOnly(error)) throw asFailure(error, directory, undefined, reporter.signal);
    if (instead === undefined) {
      throw new Failure(3, `Cannot make the environment ${directory}: the folder can't be written`, {
        remedy: "Name a folder that can: VENV_DIR=/path/to/folder",
      });
    }
    reporter.announce(`${dirname(directory)} can't be written; the environment is kept in ${instead}`);
    return await acquirePlace(instead, undefined, reporter);
  }
}

/** A folder may be there from before, in a project that can no longer be written. */
async function checkWritable(folder: string) {
  const probe = await Deno.makeTempDir({ dir: folder, prefix: ".venv." });
  await Deno.remove(probe);
}

/** An environment that is to be made, in a place that is locked for it. */
export interface Making extends Reporter, PackageChoices {
  /** Absolute path of the project. */
  root: string;
  source: EnvironmentSource;
  expected: ExpectedEnvironment;
  gpu: boolean;
  /** Download more than 1 GB without asking. */
  yes?: boolean;
  target: LockedPlace;
  /** Normalized names of packages that are left out of the lock. */
  without?: readonly string[];
  /** Steps that can do without may: a package of `install` that can't be had is left out. */
  mayLack?: boolean;
  /** Minor version of the newest Python that may be tried, where newer ones had no files. */
  newestPython?: string;
}

/**
 * Makes an environment in a place that is locked, replacing the one that is there: finds a Python, says what it will
 * cost, installs beside the place, and moves it in.
 *
 * @throws Failure(3) with the cause, what to do, and the log of pip or uv; Failure(2) if it is larger than anybody
 * agreed to.
 */
export async function makeEnvironment(making: Making): Promise<void> {
  const { target, announce, signal, expected } = making;
  const started = performance.now();
  await removeLeftovers(target);
  const { source } = making;
  const lock = source.ownLock ? leavingOut(making.without, await readLock(expected.lock)) : undefined;
  // What conda's packages need of a Python is among them.
  const told = source.format.isConda ? undefined : await pythonsFor(source, making.python);
  const range = told ?? (source.format.isConda ? undefined : pythonsOfThen(making));
  const [python, uv] = await Promise.all([pythonFor(expected, range), findUv()]);
  const before = await whyNotAsItIs(target.directory, expected);
  if (before !== undefined) announce(before);
  notesOnPython(python, expected, range, making.asOf).forEach((note) => announce(note));
  const log = join(target.state, "log.txt");
  await Deno.remove(log).catch(() => {});
  const scratch = await Deno.makeTempDir({ dir: target.state, prefix: "making-" });
  const isConda = source.format.isConda === true;
  const directory = isConda ? target.directory : join(scratch, basename(target.directory));
  const place: Workplace = {
    ...{ python, directory, scratch, log, signal, mark: markOf(target.directory) },
    progress: making.progress ?? (() => {}),
  };
  let isBegun = false;
  let again: Partial<Making> | undefined;
  const there = new Set(await madeFolders(making.root));
  try {
    const request: ContentsRequest = { ...making, files: source.files, uv, place };
    const contents = lock === undefined
      ? await source.format.contents(request)
      : { ...lock, ...await ofLock(request, lock.packages, await localsOf(source)) };
    announce(announcement(making, contents, uv, python));
    contents.note && announce(contents.note);
    await checkDisk(contents, target.directory);
    confirmDownload(contents, making);
    if (isConda) await setAside(target, announce);
    isBegun = isConda;
    const installer = await contents.install();
    await checkStarts(directory, log);
    const packages = await countPackages(directory);
    if (!isConda) await relocate(directory, target.directory);
    await writeStamp(directory, {
      format: 1,
      lock: basename(expected.lock),
      lockSha256: expected.lockSha256,
      requirementsSha256: expected.requirementsSha256,
      python: isConda
        ? { ...await ownPython(directory), asked: expected.asked }
        : { version: python.version, base: python.path, asked: expected.asked },
      platform: PLATFORM,
      directory: target.directory,
      installer,
      packages,
      made: new Date().toISOString(),
      seconds: Math.round((performance.now() - started) / 1000),
    });
    signal?.throwIfAborted();
    if (isConda) await removeOld(target);
    else await moveIn(directory, target, announce);
  } catch (error) {
    if (isBegun) await Deno.remove(directory, { recursive: true }).catch(() => {});
    const older = told === undefined ? await olderPython(error, python, making) : undefined;
    again = older === undefined ? leavingOutOne(error, making) : { newestPython: minorOf(older) };
    if (again === undefined) throw asFailure(error, target.directory, log, signal);
    const instead = older === undefined
      ? "it is left out, and steps that import it will fail"
      : `Python ${older.version} is tried`;
    announce(`${(error as InstallError).problem.message}: ${instead}`);
  } finally {
    await hideMetadata(making.root, there);
    await Deno.remove(scratch, { recursive: true }).catch(() => {});
  }
  if (again !== undefined) return await makeEnvironment({ ...making, ...again });
  announce(`Made ${target.directory} in ${Math.round((performance.now() - started) / 1000)} s`);
}

function pythonsOfThen({ asOf, newestPython }: Making): PythonRange | undefined {
  if (asOf === undefined) return undefined;
  const range = pythonsOn(asOf);
  return newestPython === undefined ? range : { ...range, newest: newestPython };
}

/**
 * The next older Python of this machine, where a package of then has no file for the one that was taken: versions that
 * somebody pinned are often older than the day. Only where nobody said which Python it is to be.
 */
async function olderPython(error: unknown, python: Python, making: Making): Promise<Python | undefined> {
  const isOpen = making.asOf !== undefined && making.expected.base === undefined && !Deno.env.get("PYTHON");
  if (!isOpen || !(error instanceof InstallError) || error.problem.kind !== "build failed") return undefined;
  const oldest = ANY_PYTHON.oldest;
  for (
    let minor = Number(minorOf(python).split(".")[1]) - 1;
    minor >= Number(oldest.split(".")[1]);
    minor--
  ) {
    const range = { oldest: `3.${minor}`, newest: `3.${minor}`, isExact: true };
    const found = await findPython({ range }).catch(() => undefined);
    if (found !== undefined && minorOf(found) === `3.${minor}`) return found;
  }
}

/**
 * The rest of `install`, where all steps are optional: one package that no index has under that name, or that can't be built,
 * does not keep those from being run that do not import it. One whose version somebody chose is left out of nothing.
 */
function leavingOutOne(error: unknown, { mayLack, install = [] }: Making): Partial<Making> | undefined {
  const name = error instanceof InstallError ? error.problem.package?.split("==")[0] : undefined;
  if (!mayLack || name === undefined) return undefined;
  const rest = install.filter((one) => normalize(one) !== normalize(name));
  // A Python that was tried for its sake is no better for the others.
  return rest.length === install.length ? undefined : { install: rest, newestPython: undefined };
}

function minorOf({ version }: Python): string {
  return version.split(".").slice(0, 2).join(".");
}

function leavingOut(names: readonly string[] = [], lock: Lock): Lock {
  return { ...lock, packages: lock.packages.filter(({ name }) => !names.includes(name)) };
}

async function pythonFor({ base }: ExpectedEnvironment, range?: PythonRange): Promise<Python> {
  return await findPython({ range, candidates: base === undefined ? undefined : [base] });
}

/** What the user may not expect of the Python that is used. */
function notesOnPython(
  python: Python,
  { base }: ExpectedEnvironment,
  range: PythonRange | undefined,
  asOf: string | undefined,
): string[] {
  const notes: string[] = [];
  if (range !== undefined && isNewer(range, python)) {
    const made = describeRange(range);
    notes.push(
      asOf === undefined
        ? `Python ${python.version} is newer than the lock, which is for ${made}: it is tried all the same`
        : `Python ${python.version} is newer than ${asOf}, and no older one is here: its packages as of ${
          dayFor(asOf, python.version)
        } are taken`,
    );
  }
  if (asOf !== undefined && range !== undefined && !isNewer(range, python)) {
    const day = dayFor(asOf, python.version);
    if (day !== asOf) {
      notes.push(
        `Few packages of ${asOf} are for Python ${python.version}, the oldest that steps run on: those of ${day} are taken`,
      );
    }
  }
  if (python.environment !== undefined && base === undefined) {
    const theirs = dirname(dirname(python.environment));
    notes.push(
      `The environment ${theirs} is left as it is: the experiment gets one of its own, with the same Python`,
    );
  }
  return notes;
}

/**
 * Only the holder of the lock makes anything here, so whatever is unfinished was left by a process that was killed.
 * Its pip or uv may have outlived it, and would go on writing.
 */
async function removeLeftovers({ directory, state }: LockedPlace) {
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

async function whyNotAsItIs(directory: string, expected: ExpectedEnvironment): Promise<string | undefined> {
  if (await isVacant(directory)) return undefined;
  return `Making ${directory} again: ${await misfit(directory, expected)}`;
}

/** Folders that the requirements name, from the requirements' folder. */
async function localsOf({ files }: EnvironmentSource): Promise<string[]> {
  const found = await Promise.all(
    files.map(async (file) =>
      (await localRequirements([file])).map((argument) =>
        argument.startsWith(".") ? installArguments(dirname(file), [argument])[0]! : argument
      )
    ),
  );
  return found.flat();
}

/** How deep in a project a package may lie that it installs: `packages/one/src/one.egg-info`. */
const DEEPEST = 4;

/** What building a package leaves beside its sources is no file of the project's. */
async function hideMetadata(root: string, before: ReadonlySet<string>): Promise<void> {
  for (const path of await madeFolders(root)) {
    if (before.has(path)) continue;
    await Deno.writeTextFile(join(path, ".gitignore"), "*\n", { createNew: true }).catch(() => {});
  }
}

/** Folders such as setuptools makes, where they may lie. */
async function madeFolders(folder: string, depth = 0): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder)).catch(() => []);
  const found = await Promise.all(entries.map(async ({ name, isDirectory }) => {
    const path = join(folder, name);
    if (!isDirectory || name.startsWith(".") || name === "node_modules" || name === "runs") return [];
    if (name.endsWith(".egg-info") || name === "build") return [path];
    return depth < DEEPEST ? await madeFolders(path, depth + 1) : [];
  }));
  return found.flat();
}

async function ownPython(directory: string): Promise<{ version: string; base: string }> {
  const base = join(directory, "bin/python");
  const { stdout } = await run([base, "-c", "import platform; print(platform.python_version())"]);
  return { version: stdout.trim(), base };
}

function announcement(
  { target, expected, install = [] }: Making,
  { downloadMB, diskMB, tool: named }: Contents,
  uv: Uv | undefined,
  { version }: Python,
): string {
  const disk = diskMB === undefined ? "" : `, ${bytes(diskMB * 1e6)} on disk`;
  const size = downloadMB === undefined ? "" : ` (about ${bytes(downloadMB * 1e6)} to download${disk})`;
  const own = uv === undefined ? "pip" : `uv ${uv.version}`;
  const tool = named ?? `${own} on Python ${version}`;
  const from = basename(expected.lock) || install.join(" ");
  return `Making ${target.directory} from ${from}${size}, with ${tool}`;
}

/** What is downloaded without asking. */
const UNASKED_MB = 1000;

function confirmDownload({ downloadMB = 0 }: Contents, { yes, target }: Making) {
  if (downloadMB <= UNASKED_MB || yes) return;
  const size = bytes(downloadMB * 1e6);
  throw new Failure(
    2,
    `Cannot make ${target.directory} without being told to: it takes about ${size} of downloads`,
    {
      remedy: "Add --yes",
    },
  );
}

/** In whichever folder they are: Debian's Python, also as a package of conda's, has them in dist-packages. */
async function countPackages(directory: string): Promise<number> {
  let count = 0;
  for await (const { name } of Deno.readDir(join(directory, "lib"))) {
    for (const folder of ["site-packages", "dist-packages"]) {
      const packages = join(directory, "lib", name, folder);
      if (!name.startsWith("python") || !await exists(packages)) continue;
      for await (const entry of Deno.readDir(packages)) if (entry.name.endsWith(".dist-info")) count++;
    }
  }
  return count;
}

/** Downloads lie in the temporary folder until they are installed. */
async function checkDisk({ downloadMB = 0, diskMB = 0 }: Contents, directory: string) {
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
    `Cannot make the environment: ${folder} has ${bytes(freeMB * 1e6)} free, and about ${
      bytes(neededMB * 1e6)
    } is needed`,
    { remedy: `Free some space, or name a folder on another disk: ${variable}=/path/to/folder` },
  );
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
    const moved = SPELLINGS.reduce((now, spelt) => now.replaceAll(spelt(directory), spelt(target)), text);
    if (moved !== text) await Deno.writeTextFile(path, moved);
  }
}

/** A path in a script of venv: as it is, or as Python's shlex.quote() has an apostrophe, in newer releases. */
const SPELLINGS = [(path: string) => path, (path: string) => path.replaceAll("'", `'"'"'`)];

/** Puts the new environment in place of the old. */
async function moveIn(made: string, place: LockedPlace, announce: (line: string) => void) {
  await setAside(place, announce);
  await Deno.rename(made, place.directory);
  await removeOld(place);
}

/** Takes away what is there. One that is not ours is kept under another name. */
async function setAside({ directory, state }: LockedPlace, announce: (line: string) => void) {
  if (await isVacant(directory)) {
    await Deno.remove(directory).catch(() => {});
    return;
  }
  const ours = await readStamp(directory) !== undefined;
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const aside = ours ? join(state, `old-${time}`) : `${directory}.${time}.bak`;
  await Deno.rename(directory, aside);
  if (!ours) announce(`${directory} was not finished by this project; it is kept as ${aside}`);
}

async function removeOld({ state }: LockedPlace) {
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
