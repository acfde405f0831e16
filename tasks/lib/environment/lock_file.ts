/** The lock files beside a requirements file, and what a requirements file pins without one. */

import { basename, dirname, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { PythonRange } from "./python.ts";

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
  /** The Pythons that it was made for, if the lock says so. */
  pythons?: PythonRange;
  /** Megabytes to download, if the lock says so. */
  downloadMB?: number;
  /** Megabytes on disk, if the lock says so. */
  diskMB?: number;
  /** What experiment.yaml chose beside the requirements when it was made, if the lock says so. */
  choices?: LockChoices;
}

/** What of experiment.yaml goes into a lock beside the requirements; absolute paths never. */
export interface LockChoices {
  extras?: readonly string[];
  groups?: readonly string[];
  install?: readonly string[];
  asOf?: string;
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
    pythons: headerPythons(text),
    downloadMB: headerMB(text, "download"),
    diskMB: headerMB(text, "disk"),
    choices: headerChoices(text),
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

/** `# python: 3.11 to 3.14` in the comment at the top. */
function headerPythons(text: string): PythonRange | undefined {
  const match = /^# python: (3\.\d+) to (3\.\d+)$/m.exec(text);
  return match === null ? undefined : { oldest: match[1]!, newest: match[2]! };
}

/** `# with: {"extras":["dev"]}` in the comment at the top. */
function headerChoices(text: string): LockChoices | undefined {
  const match = /^# with: (\{.*\})$/m.exec(text);
  try {
    return match === null ? undefined : JSON.parse(match[1]!);
  } catch {
    return undefined;
  }
}

/** The same, to be written. */
export function choicesLine({ extras = [], groups = [], install = [], asOf }: LockChoices): string {
  const chosen = Object.entries({ extras, groups, install }).filter(([, names]) => names.length > 0);
  return `with: ${
    JSON.stringify({ ...Object.fromEntries(chosen), ...(asOf === undefined ? {} : { asOf }) })
  }`;
}

/** `# download: 372 MB …` in the comment at the top. */
function headerMB(text: string, field: string): number | undefined {
  const match = new RegExp(`^# ${field}: ([\\d.]+) (kB|MB|GB)`, "m").exec(text);
  return match === null ? undefined : Number(match[1]) * { kB: 1e-3, MB: 1, GB: 1e3 }[match[2]!]!;
}

/** Package names compare without case, and with runs of `-`, `_` and `.` as one dash (PEP 503). */
export function normalize(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/** It belongs to CUDA, and is of no use without a GPU. */
export function isCudaPackage(name: string): boolean {
  return /^(?:nvidia|cuda)-|^triton$/.test(name);
}

/** Megabytes of the file of each package that this kind of machine takes, from a `pylock.toml`. */
export function fileSizes(pylock: string, pythonVersion: string): Map<string, number> {
  const sizes = new Map<string, number>();
  const preferred = fileNames(pythonVersion.split(".").slice(0, 2).join(""));
  for (const part of pylock.split("[[packages]]").slice(1)) {
    const name = /^name = "([^"]+)"/m.exec(part)?.[1];
    if (name === undefined) continue;
    const files = [...part.matchAll(/url = "[^"]*\/([^/"]+\.(?:whl|tar\.gz))"[^}]*?size = (\d+)/g)];
    const best = preferred.map((tag) => files.find(([, file = ""]) => tag.test(file))).find(Boolean);
    if (best !== undefined) sizes.set(normalize(name), Number(best[2]) / 1e6);
  }
  return sizes;
}

/** Files that are taken, best first. @param python e.g. "311" */
function fileNames(python: string): RegExp[] {
  const machine = Deno.build.os === "darwin"
    ? "macosx[^-]*(?:arm64|universal2)"
    : `manylinux[^-]*${Deno.build.arch}`;
  const tags = [`cp${python}-cp${python}-${machine}`, `abi3-${machine}`, `none-${machine}`, "none-any"];
  return [...tags.map((tag) => new RegExp(`-${tag}[^-]*\\.whl$`)), /\.tar\.gz$/];
}

/** A package as pip and uv read it, with its marker and its hashes. */
export function requirementLine({ name, version, marker, hashes }: LockedPackage): string {
  const condition = marker === "" ? "" : ` ; ${marker}`;
  return [`${name}==${version}${condition}`, ...hashes.map((hash) => `--hash=${hash}`)].join(" ");
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

/** `-e .` and `./folder` of requirements files, which no lock holds: pip's arguments. */
export async function localRequirements(files: string[]): Promise<string[]> {
  const texts = await Promise.all(
    files.filter((path) => /\.(?:txt|in)$/i.test(path)).map((file) => Deno.readTextFile(file)),
  );
  return texts.flatMap(logicalLines).flatMap(({ line }) => {
    const [, flag, path] = /^(-e\s+|--editable[ =])?(\.\S*)$/.exec(line) ?? [];
    return path === undefined ? [] : [...(flag === undefined ? [] : ["-e"]), path];
  });
}

/** Names of the packages that requirements files give one version each. */
export async function pinnedNames(files: string[]): Promise<Set<string>> {
  const requirements = (await Promise.all(files.map(readRequirements))).flat();
  const pins = requirements.filter(({ specifier }) => exactVersion(specifier));
  return new Set(pins.map(({ name }) => name));
}

/** A line of a requirements file, e.g. `torch[opt]>=2; sys_platform == "linux"`. */
export interface Requirement {
  /** Normalized. */
  name: string;
  extras: string[];
  /** What follows the name: `==2.4.6`, `>=2`, or nothing. */
  specifier: string;
  /** It is for some machines only, which need not be those of a lock. */
  conditional: boolean;
}

/** Direct requirements; options (`-c`, `--index`) and addresses are passed over. */
export async function readRequirements(path: string): Promise<Requirement[]> {
  const text = await Deno.readTextFile(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Failure(2, `Cannot find ${path}, which the experiment requires`, {
      remedy: "Create it, or correct environment.requirements in experiment.yaml",
    });
  });
  return logicalLines(text).flatMap(({ line }) => parseRequirement(line));
}

/** A requirement as PEP 508 writes it; none for options, paths and addresses. */
export function parseRequirement(line: string): Requirement[] {
  const match = /^([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?\s*([^;@]*)([;@]?)/.exec(line);
  const [, name = "", extras = "", specifier = "", end] = match ?? [];
  if (match === null || end === "@" || line.includes("://")) return [];
  return [{
    name: normalize(name),
    extras: extras.split(",").map((extra) => normalize(extra.trim())).filter(Boolean),
    specifier: specifier.replace(/[\s()]/g, ""),
    conditional: end === ";",
  }];
}

/** The one version that a specifier allows. */
function exactVersion(specifier: string): string | undefined {
  return /^===?([^,*]+)$/.exec(specifier)?.[1];
}
