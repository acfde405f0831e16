/** The virtual environment of the `host` engine: made once from a lock, and used as long as the lock is unchanged. */

import { basename, dirname, join, relative, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Experiment, PackageChoices } from "../experiment/experiment.ts";
import { exists, sha256InPlan } from "../system/files.ts";
import type { Host } from "../system/host.ts";
import { includedFiles } from "./included_files.ts";
import { checkSource, type EnvironmentSource, findSource } from "./source.ts";
import {
  environmentCache,
  type ExpectedEnvironment,
  hasWorkingPython,
  isVacant,
  misfit,
  readStamp,
  writeStamp,
} from "./stamp.ts";

/** What an environment is made from, and where. */
export interface EnvironmentOptions extends PackageChoices {
  /** Absolute path of the project. */
  root: string;
  /**
   * Files of any format, or a folder of such, absolute or relative to the root; without them, and without `install`,
   * the Python that is found is used as it is.
   */
  requirements?: string | readonly string[];
  /** The host has a GPU that the experiment is to use: take the lock with CUDA. */
  gpu: boolean;
  /** Download more than 1 GB without asking. */
  yes?: boolean;
  /**
   * Folder of the environment. Without it, in the root: `.venv`, or `.venv-NAME` for requirements in a folder of their
   * own, each with `-cuda` at its end for a GPU. VENV_DIR goes before all.
   */
  directory?: string;
  /** Gets the few lines a user should see. */
  announce: (line: string) => void;
  /** Gets a line for each step of an installation. */
  progress?: (line: string) => void;
  /** Ends an installation, leaving nothing behind. */
  signal?: AbortSignal;
  /** Steps that can do without may: a package of `install` that can't be had is left out. */
  mayLack?: boolean;
  /** Normalized names of packages that are left out of a lock, since the environment beside this one has them. */
  without?: readonly string[];
}

/** An environment that is there and fits its lock. */
export interface PreparedEnvironment {
  /** Absolute path of the interpreter. */
  python: string;
  /** Absolute path of the environment; empty if the Python that was found is used as it is. */
  directory: string;
  /** Absolute path of the file that it was made from, and the file's SHA-256; both empty likewise. */
  lock: string;
  lockSha256: string;
  /** False if it was made from a requirements file without a lock. */
  locked: boolean;
  /** It was made just now, not reused. */
  made: boolean;
  /** Wall time. */
  seconds: number;
}

/** What the experiment wants of a Python environment on this host. */
export function environmentRequest({ root, environment, steps }: Experiment, host: Host) {
  const { requirements, gpus, extras, groups, install, python, torch, asOf, places } = environment;
  const gpu = gpus !== "none" && host.gpus.length > 0;
  const mayLack = Object.values(steps).every(({ optional }) => optional === true);
  return { root, requirements, gpu, extras, groups, install, python, torch, asOf, places, mayLack };
}

/**
 * Finds or makes the environment for a requirements file. Reusing one starts no process.
 *
 * @throws Failure(2) if the lock does not fit the requirements, Failure(3) if the environment can't be made here.
 */
export async function ensureEnvironment(options: EnvironmentOptions): Promise<PreparedEnvironment> {
  const started = performance.now();
  if (options.requirements === undefined && options.install === undefined) {
    const path = await pythonAsItIs(options.python);
    const none = { directory: "", lock: "", lockSha256: "", locked: false };
    return { python: path, ...none, made: false, seconds: secondsSince(started) };
  }
  return await ensure(options, Deno.env.get("VENV_DIR"), started);
}

/**
 * The interpreter that `ensureEnvironment` will most likely give, without making anything; for plans.
 *
 * @param note gets which files are used in place of others, or are passed over
 */
export async function expectedPython(
  options: Omit<EnvironmentOptions, "announce">,
  note: (line: string) => void = () => {},
): Promise<string> {
  if (options.requirements === undefined && options.install === undefined) {
    return await pythonAsItIs(options.python);
  }
  const expected = await readExpected(options, await sourceOf(options, note));
  const places = placesFor(options, Deno.env.get("VENV_DIR"), expected);
  return join(await firstFitting(places, expected) ?? places.main, "bin/python");
}

/** A shim may take a fifth of a second to say which Python it stands for; members of a sweep all ask. */
const asItIs = new Map<string, Promise<string>>();

/** The Python that PYTHON names or that is found, with the packages of the environment that it is in. */
async function pythonAsItIs(version?: string): Promise<string> {
  const range = version === undefined ? undefined : { oldest: version, newest: version, isExact: true };
  const key = JSON.stringify([version, Deno.env.get("PYTHON"), Deno.env.get("PATH")]);
  const find = async () => {
    const { findPython } = await import("./python.ts");
    const { path, environment } = await findPython({ range });
    return environment ?? path;
  };
  const known = asItIs.get(key) ?? find();
  asItIs.set(key, known);
  return await known;
}

/** Packages that are used beside those of the main environment. */
export interface AddedPackages {
  directory: string;
  /** To be put on PYTHONPATH beside the Python of the main environment. */
  pythonPath: string;
  /** Folder of its programs, e.g. `ruff`. */
  bin: string;
  made: boolean;
  seconds: number;
}

/**
 * Finds or makes the folder `.venv-test` with what only the tests need, so that they run on exactly the packages of the
 * experiment.
 *
 * @throws Failure as `ensureEnvironment`
 */
export async function ensureTestEnvironment(
  options: Omit<EnvironmentOptions, "gpu"> & { main: Pick<PreparedEnvironment, "python" | "directory"> },
): Promise<AddedPackages> {
  const { requirements = "test/requirements.txt", directory = ".venv-test" } = options;
  return await ensureAddedPackages({ ...options, requirements, directory });
}

/**
 * Finds or makes a folder of packages that holds nothing that the main environment has, and is used together with it.
 *
 * @param options `without`: what the main environment has of the lock, if it may have some of it
 * @throws Failure as `ensureEnvironment`
 */
export async function ensureAddedPackages(
  options: Omit<EnvironmentOptions, "gpu"> & {
    main: Pick<PreparedEnvironment, "python" | "directory">;
    directory: string;
  },
): Promise<AddedPackages> {
  const started = performance.now();
  const base = (await readStamp(options.main.directory))?.python.base ?? options.main.python;
  const made = await ensure({ ...options, gpu: false }, undefined, started, base);
  return {
    directory: made.directory,
    pythonPath: await sitePackages(made.directory),
    bin: join(made.directory, "bin"),
    made: made.made,
    seconds: made.seconds,
  };
}

async function sitePackages(directory: string): Promise<string> {
  const stamp = await readStamp(directory);
  return join(directory, `lib/python${minor(stamp?.python.version ?? "")}/site-packages`);
}

function minor(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}

async function sourceOf(options: Omit<EnvironmentOptions, "announce">, note: (line: string) => void) {
  return await findSource(options.root, [options.requirements ?? []].flat(), options, note);
}

async function ensure(
  options: EnvironmentOptions,
  override: string | undefined,
  started: number,
  base?: string,
): Promise<PreparedEnvironment> {
  const notes: string[] = [];
  const source = await sourceOf(options, (line) => notes.push(line));
  const expected = await readExpected(options, source, base);
  const places = placesFor(options, override, expected);
  const fitting = await firstFitting(places, expected);
  if (fitting === undefined) notes.forEach((line) => options.announce(line));
  const { directory, made } = fitting === undefined
    ? await makeOrAwait(options, source, places, expected)
    : { directory: fitting, made: false };
  return {
    python: join(directory, "bin/python"),
    directory,
    lock: expected.lock,
    lockSha256: expected.lockSha256,
    locked: source.ownLock || source.format.isLock,
    made,
    seconds: secondsSince(started),
  };
}

function secondsSince(started: number): number {
  return Math.round(performance.now() - started) / 1000;
}

/** Reads no more than is needed to recognize an environment, since every task begins with this. */
async function readExpected(
  { extras, groups, install, python, torch, asOf, without }: PackageChoices & { without?: readonly string[] },
  { lock, files, ownLock }: EnvironmentSource,
  base?: string,
): Promise<ExpectedEnvironment> {
  const read = async (path: string) => await Deno.readFile(path).catch(() => new Uint8Array());
  const digest = async (path: string) => await sha256InPlan(await read(path));
  const choices = Object.entries({ extras, groups, install, python, torch, asOf, without })
    .filter(([, value]) => value !== undefined);
  const others = await Promise.all([...files.slice(1), ...await includedFiles(files)].map(digest));
  const own = await digest(lock);
  // A lock holds what further files come to; what is chosen of it, it does not.
  const parts = [...(ownLock ? [] : others), ...(choices.length === 0 ? [] : [JSON.stringify(choices)])];
  const first = await digest(files[0] ?? lock);
  return {
    lock,
    lockSha256: parts.length === 0 ? own : await sha256InPlan([own, ...parts].join("\n")),
    requirementsSha256: others.length === 0 ? first : await sha256InPlan([first, ...others].join("\n")),
    base,
    asked: base === undefined ? Deno.env.get("PYTHON") : undefined,
  };
}

/** Where the environment may be, best first. */
interface Places {
  /** The user named it (VENV_DIR), so no other will do. */
  named: boolean;
  main: string;
  /** Beside a virtual environment of the user's that has the main name. */
  second: string;
  /** For a project folder that can't be written; a user without a home has none. */
  cache?: string;
}

function placesFor(
  options: Pick<EnvironmentOptions, "root" | "directory">,
  override: string | undefined,
  expected: ExpectedEnvironment,
): Places {
  const usual = options.directory ?? usualName(options.root, expected.lock);
  const main = override
    ? resolve(Deno.env.get("INIT_CWD") ?? options.root, override)
    : resolve(options.root, usual);
  const caches = environmentCache();
  const cache = caches && join(caches, expected.lockSha256.slice(0, 16), basename(usual));
  return { named: Boolean(override), main, second: `${main}-locked`, cache };
}

/** Experiments with other requirements, or with and without a GPU, would remake one folder in turns. */
function usualName(root: string, lock: string): string {
  const folder = (lock === "" ? "" : relative(root, dirname(lock))).replace(/^experiments\//, "");
  const name = folder.split(/[/\\]/).filter((part) => part !== "" && part !== "..").join("-");
  return [".venv", ...(name === "" ? [] : [name]), ...(lock.endsWith("-cuda.lock") ? ["cuda"] : [])].join(
    "-",
  );
}

async function firstFitting(places: Places, expected: ExpectedEnvironment): Promise<string | undefined> {
  const paths = places.named ? [places.main] : [places.main, places.second, places.cache];
  for (const path of paths) if (path !== undefined && await misfit(path, expected) === undefined) return path;
}

/** Makes the environment, or waits for another process that is making it. */
async function makeOrAwait(
  options: EnvironmentOptions,
  source: EnvironmentSource,
  places: Places,
  expected: ExpectedEnvironment,
): Promise<{ directory: string; made: boolean }> {
  await checkSource(source);
  const making = await import("./make_environment.ts");
  const chosen = await choosePlace(places, options);
  using target = await making.acquirePlace(chosen, places.named ? undefined : places.cache, options);
  const { directory } = target;
  if (await adopt(directory, expected)) return { directory, made: false };
  await making.makeEnvironment({ ...options, source, expected, target });
  return { directory, made: true };
}

/** True if the environment fits now: another process made it meanwhile, or only a comment of the requirements changed. */
async function adopt(directory: string, expected: ExpectedEnvironment): Promise<boolean> {
  const stamp = await readStamp(directory);
  const requirementsSha256 = stamp?.requirementsSha256 ?? expected.requirementsSha256;
  if (await misfit(directory, { ...expected, requirementsSha256 }) !== undefined || stamp === undefined) {
    return false;
  }
  if (requirementsSha256 !== expected.requirementsSha256) {
    await writeStamp(directory, { ...stamp, requirementsSha256: expected.requirementsSha256 });
  }
  return true;
}

/**
 * The main folder, unless a virtual environment that works and isn't ours has its name: that is left alone.
 *
 * @throws Failure(3) if the user named a folder that holds anything else: environments of ours are moved in when they
 * are finished, so one without a stamp is never ours.
 */
async function choosePlace({ main, second, named }: Places, { root, announce }: EnvironmentOptions) {
  if (named) {
    if (await readStamp(main) !== undefined || await isVacant(main)) return main;
    throw new Failure(
      3,
      `Cannot make an environment in ${main} (VENV_DIR): it is there, and this project did not make it`,
      {
        remedy: "Name a folder that is empty or not there yet, or unset VENV_DIR",
      },
    );
  }
  const strange = await exists(main) && await readStamp(main) === undefined && await hasWorkingPython(main);
  if (!strange) return main;
  const name = (path: string) => relative(root, path) || path;
  announce(`${name(main)} was not made by this project and is left as it is; using ${name(second)}`);
  return second;
}
