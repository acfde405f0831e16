/** The lock files beside a requirements file: reading them, and telling which of their lines a machine needs. */

import { basename, dirname, join } from "node:path";
import { Failure } from "./failure.ts";

/** One pinned package of a lock. */
export interface LockedPackage {
  /** Normalized: lower case, single dashes. */
  name: string;
  version: string;
  /** The condition after the semicolon, as written; empty if the package is for every machine. */
  marker: string;
  /** `sha256:…`, one for each file of the package that may be installed; empty where none could be recorded. */
  hashes: string[];
}

/** What a lock says of itself in its first comment lines. */
export interface Lock {
  path: string;
  packages: LockedPackage[];
  /** Megabytes to download, if the lock says so. */
  downloadMB?: number;
  /** Megabytes on disk, if the lock says so. */
  diskMB?: number;
}

/** The machine a marker is evaluated for; the keys are those of Python's environment markers. */
export type MarkerTarget = Record<string, string>;

/** Which file an environment is made from. `locked` is false where there is only the requirements file itself. */
export interface ChosenLock {
  path: string;
  locked: boolean;
  warning?: string;
}

/** Reads a lock as `uv pip compile` or `pip-compile` writes it. */
export async function readLock(path: string): Promise<Lock> {
  return parseLock(await Deno.readTextFile(path), path);
}

/** @throws Failure(2) if a line is no pinned package. */
export function parseLock(text: string, path: string): Lock {
  return {
    path,
    packages: logicalLines(text).map(({ line, number }) => parsePackage(line, path, number)),
    downloadMB: headerMB(text, "download"),
    diskMB: headerMB(text, "disk"),
  };
}

/** Joins continued lines and drops comments. */
function logicalLines(text: string): { line: string; number: number }[] {
  const found: { line: string; number: number }[] = [];
  let open = false;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const content = raw.replace(/(^|\s)#.*$/, "").trim();
    if (content === "") continue;
    const part = content.replace(/\s*\\$/, "");
    const last = found.at(-1);
    if (open && last !== undefined) last.line += ` ${part}`;
    else found.push({ line: part, number: index + 1 });
    open = content.endsWith("\\");
  }
  return found;
}

function parsePackage(line: string, path: string, number: number): LockedPackage {
  const [head = "", ...options] = line.split(/\s+--hash[=\s]/);
  const match = /^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;]+)\s*(?:;\s*(.*))?$/.exec(head.trim());
  if (match === null) {
    const problem = {
      message: `Expected "name==version", current value is "${head}"`,
      file: path,
      line: number,
    };
    throw new Failure(2, `Cannot read ${basename(path)}: line ${number} pins no package: "${head}"`, {
      remedy: "deno task lock",
      problems: [problem],
    });
  }
  const [, name = "", version = "", marker = ""] = match;
  return {
    name: normalize(name),
    version,
    marker: marker.trim(),
    hashes: options.map((hash) => hash.trim()),
  };
}

/** `# download: 372 MB …` in the comment at the top. */
function headerMB(text: string, field: string): number | undefined {
  const match = new RegExp(`^# ${field}: ([\\d.]+) (MB|GB)`, "m").exec(text);
  return match === null ? undefined : Number(match[1]) * (match[2] === "GB" ? 1000 : 1);
}

/** Package names compare without case, and with runs of `-`, `_` and `.` as one dash (PEP 503). */
export function normalize(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/** The packages of a lock that a machine needs. */
export function packagesFor(lock: Lock, target: MarkerTarget): LockedPackage[] {
  return lock.packages.filter((entry) => entry.marker === "" || markerHolds(entry.marker, target));
}

/** What Python's environment markers say on this machine, for a CPython of the given version. */
export function thisMachine(pythonVersion: string): MarkerTarget {
  return targetFor(Deno.build.os === "darwin" ? "darwin" : "linux", Deno.build.arch, pythonVersion);
}

/** Markers of CPython on Linux or macOS. */
export function targetFor(os: "linux" | "darwin", arch: "x86_64" | "aarch64", version: string): MarkerTarget {
  return {
    sys_platform: os,
    platform_system: os === "darwin" ? "Darwin" : "Linux",
    os_name: "posix",
    platform_machine: os === "darwin" && arch === "aarch64" ? "arm64" : arch,
    python_version: version.split(".").slice(0, 2).join("."),
    python_full_version: version,
    implementation_name: "cpython",
    platform_python_implementation: "CPython",
    extra: "",
  };
}

/**
 * Evaluates an environment marker (PEP 508).
 *
 * @throws Failure(2) if it can't be parsed or names an unknown variable.
 */
export function markerHolds(marker: string, target: MarkerTarget): boolean {
  const tokens = marker.match(/'[^']*'|"[^"]*"|\(|\)|[<>=!~]=?=?|[\w.]+/g) ?? [];
  let at = 0;
  const fail = () => {
    throw new Failure(2, `Cannot evaluate the marker "${marker}" at "${tokens[at] ?? "its end"}"`, {
      remedy: "deno task lock",
    });
  };
  const operand = (): string => {
    const token = tokens[at++] ?? "";
    if (/^['"]/.test(token)) return token.slice(1, -1);
    return target[token] ?? (at--, fail() as never);
  };
  const comparison = (): boolean => {
    if (tokens[at] === "(") {
      at++;
      const inner = disjunction();
      if (tokens[at++] !== ")") fail();
      return inner;
    }
    const isVersion = tokens[at]?.startsWith("python_") || tokens[at + 2]?.startsWith("python_");
    const left = operand();
    let operator = tokens[at++] ?? fail() as never;
    if (operator === "not") operator += ` ${tokens[at++]}`;
    const right = operand();
    return compare(left, operator, right, isVersion === true) ?? (fail() as never);
  };
  const conjunction = (): boolean => {
    let holds = comparison();
    while (tokens[at] === "and") at++, holds = comparison() && holds;
    return holds;
  };
  const disjunction = (): boolean => {
    let holds = conjunction();
    while (tokens[at] === "or") at++, holds = conjunction() || holds;
    return holds;
  };
  const holds = disjunction();
  if (at < tokens.length) fail();
  return holds;
}

function compare(left: string, operator: string, right: string, asVersions: boolean): boolean | undefined {
  if (operator === "in") return right.includes(left);
  if (operator === "not in") return !right.includes(left);
  const order = asVersions ? compareVersions(left, right) : left === right ? 0 : left < right ? -1 : 1;
  switch (operator) {
    case "==":
    case "===":
      return order === 0;
    case "!=":
      return order !== 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}

/** Compares dotted numbers; a missing part counts as 0. Negative if `left` is older. */
export function compareVersions(left: string, right: string): number {
  const a = left.split(".").map((part) => parseInt(part, 10) || 0);
  const b = right.split(".").map((part) => parseInt(part, 10) || 0);
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Path of the lock beside a requirements file for a machine with or without a usable GPU: `<stem>-cuda.lock` or
 * `<stem>-cpu.lock`, or `<stem>.lock` where one lock serves both. Undefined if there is none.
 */
export function findLock(requirements: string, gpu: boolean): string | undefined {
  const stem = basename(requirements).replace(/\.[^.]*$/, "");
  const cuda = gpu && Deno.build.os === "linux";
  const names = [...(cuda ? [`${stem}-cuda.lock`] : []), `${stem}-cpu.lock`, `${stem}.lock`];
  return names.map((name) => join(dirname(requirements), name)).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/**
 * What an environment for a requirements file is made from: its lock, or with a warning the file itself.
 *
 * @throws Failure(2) if the lock lacks a requirement, or pins it otherwise.
 */
export async function chooseLock(requirements: string, gpu: boolean): Promise<ChosenLock> {
  const wanted = await readRequirements(requirements);
  const path = findLock(requirements, gpu);
  if (path !== undefined) {
    checkFresh(await readLock(path), wanted, basename(requirements));
    return { path, locked: true };
  }
  const file = basename(requirements);
  return {
    path: requirements,
    locked: false,
    warning: `${file} is not locked: versions may differ from the authors'. To lock it: deno task lock`,
  };
}

interface Requirement {
  name: string;
  /** What follows the name: `==2.4.6`, `>=2`, or nothing. */
  specifier: string;
}

/** Direct requirements; options (`-c`, `--index`) and addresses are passed over. */
async function readRequirements(path: string): Promise<Requirement[]> {
  const text = await Deno.readTextFile(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Failure(2, `Cannot find ${path}, which the experiment requires`, {
      remedy: "Create it, or correct environment.requirements in experiment.yaml",
    });
  });
  return logicalLines(text).flatMap(({ line }) => {
    const match = /^([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*([^;@]*)/.exec(line);
    return match === null || line.includes("://")
      ? []
      : [{ name: normalize(match[1] ?? ""), specifier: (match[2] ?? "").replace(/\s/g, "") }];
  });
}

function checkFresh(lock: Lock, wanted: Requirement[], file: string) {
  const stale = wanted.filter(({ name, specifier }) =>
    !lock.packages.some((entry) => entry.name === name && satisfies(entry.version, specifier))
  );
  if (stale.length === 0) return;
  const list = stale.map(({ name, specifier }) => {
    const locked = lock.packages.find((entry) => entry.name === name);
    return `${name}${specifier} ${locked === undefined ? "is missing" : `is locked at ${locked.version}`}`;
  });
  throw new Failure(2, `${basename(lock.path)} is older than ${file}: ${list.join(", ")}`, {
    remedy: "deno task lock",
  });
}

/** Only exact pins are compared; a range was resolved when the lock was made. A local version (+cpu) does not count. */
function satisfies(version: string, specifier: string): boolean {
  const exact = /^==([^,*]+)$/.exec(specifier)?.[1];
  if (exact === undefined) return true;
  return compareVersions(publicPart(version), publicPart(exact)) === 0;
}

function publicPart(version: string): string {
  return version.split("+")[0] ?? version;
}
