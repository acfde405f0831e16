/** Finding a Python that an environment can be made from. */

import { delimiter, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { run } from "../system/command.ts";
import { compareVersions } from "../system/version.ts";
import { findUv } from "./uv.ts";

/** An interpreter of this machine, as it says of itself. */
export interface Python {
  /** Absolute path of the interpreter itself: not a shim, not one inside a virtual environment. */
  path: string;
  /** e.g. "3.11.7" */
  version: string;
  /** Version of its pip, if it has one. */
  pip?: string;
  /** It can install a pip; Debian leaves this to a package of its own. */
  ensurepip: boolean;
  /** The interpreter that was found first, where that one is inside a virtual environment made from this Python. */
  environment?: string;
}

/** Minor versions of Python that a lock is made for, e.g. "3.11" and "3.14". */
export interface PythonRange {
  oldest: string;
  newest?: string;
  /** Somebody named it: a newer one is no substitute. */
  isExact?: boolean;
}

/** Where no lock says more: what tasks/inside runs on. */
export const ANY_PYTHON: PythonRange = { oldest: "3.8" };

/** Which Pythons will do. */
export interface PythonRequest {
  range?: PythonRange;
  /** Names on PATH, or paths, to take in place of PYTHON and the usual names. */
  candidates?: string[];
}

/** One process tells all that is asked; even Python 2 answers. `_base_executable` leads out of a virtual environment. */
const PROBE = `
import sys
print(getattr(sys, "_base_executable", None) or sys.executable)
print(".".join(map(str, sys.version_info[:3])))
print(sys.prefix != getattr(sys, "base_prefix", sys.prefix))
for name in ("pip", "ensurepip", "venv"):
    try:
        print(getattr(__import__(name), "__version__", "yes"))
    except Exception:
        print("no")
`;

/** From here on pip installs for another interpreter (--python). */
const OLDEST_PIP = "22.3";

/** Newest minor version of Python 3 that is looked for by its name. */
const NEWEST_NAMED = 15;

/**
 * The first usable Python: the PYTHON variable alone if it is set; else `python3`, which is what the user means by
 * "Python", then the newest of the named versions, on PATH or of pyenv, then one that uv has brought. One that can't install is taken only
 * if there is no other, and one that is newer than the range only if none is in it.
 *
 * @throws Failure(3) with what was found, if all are older or there is none.
 */
export async function findPython({ range = ANY_PYTHON, candidates }: PythonRequest = {}): Promise<Python> {
  const named = candidates === undefined ? Deno.env.get("PYTHON") || undefined : undefined;
  const names = candidates ?? (named === undefined ? usualNames(range) : [named]);
  const found: Python[] = [];
  const tried = new Set<string>();
  for (const path of names.flatMap(pathsOf)) {
    if (tried.has(path)) continue;
    tried.add(path);
    const python = await probe(path);
    if (python === undefined) continue;
    if (isIn(range, python) && canInstall(python)) return python;
    found.push(python);
  }
  const second = found.find((python) => isIn(range, python));
  if (second !== undefined) return second;
  const brought = names.length > 1 ? await broughtByUv(range) : undefined;
  const newer = brought ?? found.find((python) => !range.isExact && isNewer(range, python));
  if (newer !== undefined) return newer;
  throw named === undefined ? await none(range, names, found) : namedAmiss(range, named, found);
}

function usualNames({ oldest, newest }: PythonRange): string[] {
  const first = minorOf(oldest);
  const last = newest === undefined ? NEWEST_NAMED : minorOf(newest);
  const named = Array.from({ length: last - first + 1 }, (_, i) => `python3.${last - i}`);
  return ["python3", ...named, "python"];
}

/** "3.14" and "3.14.2" have the minor version 14. */
function minorOf(version: string): number {
  return Number(version.split(".")[1]);
}

/** Every file on PATH of that name, since the first may be a shim with nothing behind it; or the path that was given. */
function pathsOf(candidate: string): string[] {
  if (candidate.includes("/")) return [candidate];
  const name = /^\d+\.\d+$/.test(candidate) ? `python${candidate}` : candidate;
  const folders = (Deno.env.get("PATH") ?? "").split(delimiter).filter((folder) => folder !== "");
  return [...folders.map((folder) => join(folder, name)), ...ofPyenv(name)].filter(isFile);
}

/** Pyenv keeps each version in a folder, and its programs on PATH start only those that are switched on. */
function ofPyenv(name: string): string[] {
  const minor = /^python(3\.\d+)$/.exec(name)?.[1];
  const root = Deno.env.get("PYENV_ROOT") ?? join(Deno.env.get("HOME") ?? "/", ".pyenv");
  if (minor === undefined || root === "") return [];
  try {
    const versions = Array.from(Deno.readDirSync(join(root, "versions")), (entry) => entry.name)
      .filter((version) => version.startsWith(`${minor}.`)).sort((a, b) => compareVersions(b, a));
    return versions.map((version) => join(root, "versions", version, "bin", name));
  } catch {
    return [];
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

async function probe(path: string, environment?: string): Promise<Python | undefined> {
  try {
    const { code, stdout } = await run([path, "-E", "-c", PROBE], { timeoutMs: 20_000 });
    const [executable, version, virtual, pip = "no", ensurepip, venv] = stdout.trim().split(/\r?\n/);
    if (code !== 0 || !executable || !version) return undefined;
    // A virtual environment's pip is not its interpreter's.
    if (virtual === "True" && executable !== path) return await probe(executable, path);
    const able = pip !== "no" && compareVersions(pip, OLDEST_PIP) >= 0;
    return {
      path: executable,
      version,
      ...(able && { pip }),
      ensurepip: ensurepip !== "no" && venv !== "no",
      ...(environment !== undefined && { environment }),
    };
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** A Python of uv's own that is on this machine already, on PATH or not. */
async function broughtByUv({ oldest, newest }: PythonRange): Promise<Python | undefined> {
  const uv = await findUv();
  if (uv === undefined) return undefined;
  const wanted = `>=${oldest}${newest === undefined ? "" : `,<3.${minorOf(newest) + 1}`}`;
  const argv = [
    uv.path,
    "python",
    "find",
    "--managed-python",
    "--no-python-downloads",
    "--no-project",
    wanted,
  ];
  const { code, stdout } = await run(argv, { timeoutMs: 20_000 });
  return code === 0 ? await probe(stdout.trim()) : undefined;
}

/** It has a usable pip, or can get one. */
export function canInstall(python: Python): boolean {
  return python.pip !== undefined || python.ensurepip;
}

function isIn(range: PythonRange, python: Python): boolean {
  return !isOlder(range, python) && !isNewer(range, python);
}

function isOlder({ oldest }: PythonRange, { version }: Python): boolean {
  return compareVersions(version, oldest) < 0;
}

/** Newer than what a lock was made for: its packages may have no files for it, or others than the authors had. */
export function isNewer({ newest }: PythonRange, { version }: Pick<Python, "version">): boolean {
  return newest !== undefined && compareVersions(version.split(".").slice(0, 2).join("."), newest) > 0;
}

/** "3.11 to 3.14", or "3.8 or newer". */
export function describeRange({ oldest, newest }: PythonRange): string {
  if (newest === undefined) return `${oldest} or newer`;
  return oldest === newest ? oldest : `${oldest} to ${newest}`;
}

async function none(range: PythonRange, names: string[], found: Python[]): Promise<Failure> {
  const list = found.map(({ path, version }) => `${path} is ${version}`).join(", ");
  const what = found.length === 0 ? `none of ${names.join(", ")} is there and starts` : `found only ${list}`;
  const newest = range.newest ?? "3.14";
  // uv keeps what it brings in a folder of its own, where it is found by the next start.
  const remedy = await findUv() !== undefined
    ? `uv is here and can bring one: uv python install ${newest}; then start again`
    : `Install one (for example: apt install python3 python3-venv, brew install python@${newest}), ` +
      `or name it: PYTHON=/path/to/python${newest}`;
  return new Failure(3, `Cannot find Python ${describeRange(range)}: ${what}`, { remedy });
}

function namedAmiss(range: PythonRange, named: string, found: Python[]): Failure {
  const versions = found.map(({ version }) => version).join(", ");
  const missing = pathsOf(named).some(isFile) ? "does not start" : "is not there";
  const what = found.length === 0 ? missing : `is ${versions}`;
  return new Failure(
    3,
    `Cannot use the Python that the variable PYTHON names: ${named} ${what}, and Python ${
      describeRange(range)
    } is needed`,
    {
      remedy: `Unset PYTHON to have one looked for, or name another: PYTHON=/path/to/python${
        range.newest ?? "3.14"
      }`,
    },
  );
}
