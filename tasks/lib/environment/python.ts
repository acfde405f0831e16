/** Finding a Python that an environment can be made from. */

import { delimiter, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { run } from "../system/command.ts";
import { compareVersions } from "../system/version.ts";

export interface Python {
  /** Absolute path of the interpreter itself: not a shim, not one inside a virtual environment. */
  path: string;
  /** e.g. "3.11.7" */
  version: string;
  /** Version of its pip, if it has one. */
  pip?: string;
  /** It can install a pip; Debian leaves this to a package of its own. */
  ensurepip: boolean;
}

/** The locks are resolved for these. */
export const OLDEST = "3.11";

export const NEWEST = "3.13";

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

/**
 * The first usable Python: the PYTHON variable alone if it is set; else `python3`, which is what the user means by
 * "Python", then the newest of the named versions. One that can't install is taken only if there is no other.
 *
 * @throws Failure(3) with what was found, if none is in range.
 */
export async function findPython(given?: string[]): Promise<Python> {
  const named = given === undefined ? Deno.env.get("PYTHON") || undefined : undefined;
  const candidates = given ?? (named === undefined ? CANDIDATES : [named]);
  const found: Python[] = [];
  const tried = new Set<string>();
  for (const candidate of candidates) {
    for (const path of pathsOf(candidate)) {
      if (tried.has(path)) continue;
      tried.add(path);
      const python = await probe(path);
      if (python === undefined) continue;
      if (inRange(python.version) && canInstall(python)) return python;
      found.push(python);
    }
  }
  const second = found.find((python) => inRange(python.version));
  if (second !== undefined) return second;
  throw named === undefined ? none(candidates, found) : namedAmiss(named, found);
}

const CANDIDATES = ["python3", "python3.13", "python3.12", "python3.11", "python"];

/** Every file on PATH of that name, since the first may be a shim with nothing behind it; or the path that was given. */
function pathsOf(candidate: string): string[] {
  if (candidate.includes("/")) return [candidate];
  const folders = (Deno.env.get("PATH") ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, candidate)).filter(isFile);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

async function probe(path: string): Promise<Python | undefined> {
  try {
    const { code, stdout } = await run([path, "-E", "-c", PROBE], { timeoutMs: 20_000 });
    const [executable, version, virtual, pip = "no", ensurepip, venv] = stdout.trim().split(/\r?\n/);
    if (code !== 0 || !executable || !version) return undefined;
    // A virtual environment's pip is not its interpreter's.
    if (virtual === "True" && executable !== path) return await probe(executable);
    const able = pip !== "no" && compareVersions(pip, OLDEST_PIP) >= 0;
    return {
      path: executable,
      version,
      ...(able && { pip }),
      ensurepip: ensurepip !== "no" && venv !== "no",
    };
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** It has a usable pip, or can get one. */
export function canInstall(python: Python): boolean {
  return python.pip !== undefined || python.ensurepip;
}

function inRange(version: string): boolean {
  const minor = version.split(".").slice(0, 2).join(".");
  return compareVersions(minor, OLDEST) >= 0 && compareVersions(minor, NEWEST) <= 0;
}

function none(candidates: string[], found: Python[]): Failure {
  const list = found.map(({ path, version }) => `${path} is ${version}`).join(", ");
  const what = found.length === 0
    ? `none of ${candidates.join(", ")} is there and starts`
    : `found only ${list}`;
  return new Failure(3, `Cannot find Python ${OLDEST} to ${NEWEST}: ${what}`, {
    remedy: `Install one (for example: apt install python3 python3-venv, brew install python@${NEWEST}, ` +
      `uv python install ${NEWEST}), or name it: PYTHON=/path/to/python${NEWEST}`,
  });
}

function namedAmiss(named: string, found: Python[]): Failure {
  const versions = found.map(({ version }) => version).join(", ");
  const missing = pathsOf(named).some(isFile) ? "does not start" : "is not there";
  const what = found.length === 0 ? missing : `is ${versions}`;
  return new Failure(
    3,
    `Cannot use the Python that the variable PYTHON names: ${named} ${what}, and Python ${OLDEST} to ${NEWEST} is needed`,
    { remedy: `Unset PYTHON to have one looked for, or name another: PYTHON=/path/to/python${NEWEST}` },
  );
}
