/** Which of a project's files its environment is made from: locks go before specifications. */

import { basename, dirname, join, relative, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { PackageChoices } from "../experiment/experiment.ts";
import { type EnvironmentFormat, isNamed } from "./format.ts";
import { REQUIREMENTS } from "./formats/requirements.ts";
import { findLock, type LockChoices, readLock } from "./lock_file.ts";
import type { PythonRange } from "./python.ts";

/** The files that an environment is made from, found but not read. */
export interface EnvironmentSource {
  format: EnvironmentFormat;
  /** Absolute paths; empty where only `install` is given. */
  files: string[];
  /** The file that it is known by: its lock, or the first of the files; empty if there is none. */
  lock: string;
  /** The lock is one of `deno task lock`. */
  ownLock: boolean;
  /** What such a lock must cover beside the files. */
  choices?: LockChoices & { root: string };
}

/**
 * Finds what the named files, or those in a named folder, are made of. It reads as little as possible, since every task
 * begins with it.
 *
 * @param requirements absolute or relative to the root
 * @param note gets what was passed over
 * @throws Failure(2) if there is nothing of the kind, or files don't go together
 */
export async function findSource(
  root: string,
  requirements: readonly string[],
  { gpu, install, ...choices }: PackageChoices & { gpu?: boolean },
  note: (line: string) => void,
): Promise<EnvironmentSource> {
  const source = await sourceOf(root, requirements, { gpu, install }, note);
  if (choices.extras !== undefined || choices.groups !== undefined || choices.asOf !== undefined) {
    await refuseChoices(source, requirements, choices);
  }
  const { extras, groups, asOf } = choices;
  return source.ownLock ? { ...source, choices: { root, extras, groups, install, asOf } } : source;
}

/** Extras, groups or a day of what has none would be left out silently. */
async function refuseChoices(
  { files, format }: EnvironmentSource,
  requirements: readonly string[],
  choices: PackageChoices,
) {
  const formats = [format, ...await Promise.all(files.map(formatOf))];
  const wanted = { extras: choices.extras, groups: choices.groups, as_of: choices.asOf };
  for (const key of ["extras", "groups", "as_of"] as const) {
    if (wanted[key] === undefined || formats.some(({ has }) => has?.includes(key))) continue;
    const having = (await allFormats()).filter(({ has }) => has?.includes(key)).map(({ name }) => name);
    const names = files.map((file) => basename(file)).join(", ") || requirements.join(", ") || "install";
    const place = key === "as_of" ? undefined : choices.places?.[key];
    throw new Failure(
      2,
      `environment.${key} must be left out, since ${names} ${
        key === "as_of" ? "is resolved by its own tool" : `has no ${key}`
      }${place === undefined ? "" : ` (${place})`}`,
      {
        remedy: `Remove it, or name what ${
          key === "as_of" ? "can be resolved" : `has ${key}`
        } in environment.requirements: ${having.join(", ")}`,
      },
    );
  }
}

async function sourceOf(
  root: string,
  requirements: readonly string[],
  { gpu, install }: { gpu?: boolean; install?: string[] },
  note: (line: string) => void,
): Promise<EnvironmentSource> {
  const paths = requirements.map((path) => resolve(root, path));
  if (paths.length === 0) return onlyInstall(root, install ?? []);
  const folder = paths.length === 1 && await isFolder(paths[0]!) ? paths[0]! : undefined;
  const named = folder === undefined ? paths : [await lookIn(folder, root, note)];
  const formats = await Promise.all(named.map(formatOf));
  const format = formats[0]!;
  if (named.length > 1) refuseMixture(formats, named);
  const [file] = named;
  const lock = folder === undefined ? await lockBeside(format, file!) : undefined;
  if (lock !== undefined) {
    note(`${basename(file!)} is locked by ${basename(lock)}, which is used`);
    return { format: await formatOf(lock), files: [lock], lock, ownLock: false };
  }
  const own = format.canLock ? findLock(file!, gpu ?? false) : undefined;
  return { format, files: named, lock: own ?? file!, ownLock: own !== undefined };
}

/** @throws Failure(2) if a lock of `deno task lock` lacks what is required, or pins it otherwise. */
export async function checkSource({ lock, files, ownLock, choices }: EnvironmentSource): Promise<void> {
  for (const file of files) {
    if (await exists(file)) continue;
    throw new Failure(2, `Cannot find ${file}, which the experiment requires`, {
      remedy: "Create it, or correct environment.requirements in experiment.yaml",
    });
  }
  if (!ownLock) return;
  const { checkLock } = await import("./lock_coverage.ts");
  await checkLock(lock, files, choices);
}

/**
 * The Pythons that an environment may have: what experiment.yaml says, else what its lock was made for, or what its
 * files ask for; undefined if nobody says so.
 *
 * @param python minor version that experiment.yaml names
 */
export async function pythonsFor(
  { ownLock, lock, files }: EnvironmentSource,
  python?: string,
): Promise<PythonRange | undefined> {
  if (python !== undefined) return { oldest: python, newest: python, isExact: true };
  if (ownLock) return (await readLock(lock)).pythons;
  for (const file of files) {
    const { pythons } = await formatOf(file);
    const range = pythons?.(await Deno.readTextFile(file));
    if (range !== undefined) return range;
  }
}

/** `install: [-e, .]` alone: what the project itself requires. */
async function onlyInstall(root: string, install: readonly string[]): Promise<EnvironmentSource> {
  // Packages by their names, as a README gives them: there is no file.
  if (!install.some((argument) => argument.startsWith("."))) {
    return { format: REQUIREMENTS, files: [], lock: "", ownLock: false };
  }
  for (const name of ["pyproject.toml", "setup.cfg", "setup.py"]) {
    const path = join(root, name);
    if (await exists(path)) return { format: REQUIREMENTS, files: [], lock: path, ownLock: false };
  }
  throw new Failure(
    2,
    `Cannot install ${install.join(" ")}: there is no pyproject.toml, setup.cfg or setup.py`,
    {
      remedy: "Write one, or name requirements: environment: { requirements: requirements.txt }",
    },
  );
}

async function isFolder(path: string): Promise<boolean> {
  return (await Deno.stat(path).catch(() => undefined))?.isDirectory ?? false;
}

async function exists(path: string): Promise<boolean> {
  return (await Deno.stat(path).catch(() => undefined))?.isFile ?? false;
}

/** What no format takes is a list of requirements, whatever its name. */
async function formatOf(path: string): Promise<EnvironmentFormat> {
  if (isNamed(REQUIREMENTS, path)) return REQUIREMENTS;
  return (await allFormats()).find((format) => isNamed(format, path)) ?? REQUIREMENTS;
}

/** Most projects have a list of requirements, and then nothing of the others is loaded. */
async function allFormats(): Promise<readonly EnvironmentFormat[]> {
  return (await import("./formats/index.ts")).FORMATS;
}

function refuseMixture(formats: EnvironmentFormat[], paths: string[]) {
  const other = formats.findIndex((format) => format !== REQUIREMENTS && format.name !== "pyproject.toml");
  if (other < 0) return;
  throw new Failure(2, `${basename(paths[other]!)} must be the only one of environment.requirements`, {
    remedy: "Several files go together if they are requirements files or a pyproject.toml",
  });
}

async function lockBeside({ lockedBy = [] }: EnvironmentFormat, file: string): Promise<string | undefined> {
  for (const name of lockedBy) {
    const path = join(dirname(file), name);
    // A format may be of the lock and of what it is made from.
    if (path !== file && await exists(path)) return path;
  }
}

/** The best file of a folder; the list of formats is in the order of preference. */
async function lookIn(folder: string, root: string, note: (line: string) => void): Promise<string> {
  const entries = (await Array.fromAsync(Deno.readDir(folder))).filter(({ isFile }) => isFile);
  const names = entries.map(({ name }) => name).sort();
  const formats = await allFormats();
  const found: { name: string; format: EnvironmentFormat }[] = [];
  for (const format of formats) {
    // requirements.txt goes before requirements-dev.txt.
    const own = names.filter((name) => format.files.test(name)).sort((one, two) => one.length - two.length);
    for (const name of own) {
      if (format.holds === undefined || format.holds(await Deno.readTextFile(join(folder, name)))) {
        found.push({ name, format });
      }
    }
  }
  const [best, ...others] = found;
  const where = relative(root, folder) || "the project";
  if (best === undefined) {
    throw new Failure(2, `Cannot find what the environment is made from in ${where}`, {
      remedy: `Name it in environment.requirements; known are ${formats.map(({ name }) => name).join(", ")}`,
    });
  }
  const passed = others.map(({ name }) => name).filter((name) => !best.format.goesWith?.includes(name));
  if (passed.length > 0) {
    note(
      `The environment is made from ${best.name}; passed over: ${
        passed.join(", ")
      } (environment.requirements names another)`,
    );
  }
  return join(folder, best.name);
}
