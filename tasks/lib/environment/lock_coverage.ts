/** Whether a lock of `deno task lock` still covers what it was made from. */

import { basename, dirname, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { compareVersions } from "../system/version.ts";
import { includedFiles } from "./included_files.ts";
import { installArguments } from "./install_arguments.ts";
import {
  isCudaPackage,
  type Lock,
  type LockChoices,
  normalize,
  parseRequirement,
  readLock,
  readRequirements,
  type Requirement,
} from "./lock_file.ts";

/**
 * Refuses a lock that lacks what files or experiment.yaml require, or pins it otherwise. Of requirements that only their
 * own tool knows (setup.py), nothing is compared.
 *
 * @param files absolute paths of requirements files and pyproject.toml
 * @param choices what experiment.yaml says beside them
 * @throws Failure(2)
 */
export async function checkLock(
  path: string,
  files: readonly string[],
  choices: LockChoices & { root: string } = { root: dirname(path) },
): Promise<void> {
  const lock = await readLock(path);
  const lists = files.filter((file) => /\.(?:txt|in)$/i.test(file));
  for (const file of [...lists, ...await includedFiles(lists, false)]) {
    refuseStale(lock, await readRequirements(file), basename(file));
  }
  for (const file of files.filter((file) => basename(file) === "pyproject.toml")) {
    refuseStale(lock, await ofProject(file, choices.extras, choices.groups), basename(file));
  }
  refuseStale(lock, await ofInstall(choices), "install: of experiment.yaml", lock.choices?.install);
  refuseOther(lock, choices);
}

/** @param known arguments that the lock was made with, of which the extras are known to be in it */
function refuseStale(lock: Lock, wanted: Requirement[], from: string, known?: readonly string[]) {
  const resolved = (known ?? []).flatMap(parseRequirement);
  const problems = wanted.flatMap(({ name, extras, specifier, conditional }) => {
    const versions = lock.packages.filter((entry) => entry.name === name).map(({ version }) => version);
    // The lock of machines without a GPU leaves out CUDA's packages.
    const mayLack = conditional || isCudaPackage(name) && lock.path.endsWith("-cpu.lock");
    if (versions.length === 0) return mayLack ? [] : [`${name}${specifier} is missing`];
    if (!versions.some((version) => satisfies(version, specifier))) {
      return [`${name}${specifier} is locked at ${versions[0]}`];
    }
    const has = (extra: string) => resolved.some((one) => one.name === name && one.extras.includes(extra));
    const extra = known === undefined ? undefined : extras.find((extra) => !has(extra));
    return extra === undefined ? [] : [`${name}[${extra}] was not asked for`];
  });
  if (problems.length > 0) throw stale(lock, from, problems.join(", "));
}

/** What the first lines of the lock say that it was made with. */
function refuseOther(lock: Lock, { extras = [], groups = [], asOf }: LockChoices) {
  if (lock.choices === undefined) return;
  for (
    const [key, names, had = []] of [
      ["extras", extras, lock.choices.extras],
      ["groups", groups, lock.choices.groups],
    ] as const
  ) {
    const missing = names.filter((name) => !had.includes(name));
    if (missing.length > 0) {
      throw stale(lock, `${key}: of experiment.yaml`, `${missing.join(", ")} is missing`);
    }
  }
  if (asOf === lock.choices.asOf) return;
  const made = lock.choices.asOf === undefined ? "of no day" : `of ${lock.choices.asOf}`;
  throw stale(
    lock,
    "as_of: of experiment.yaml",
    `${asOf ?? "no day"} is asked for, its versions are ${made}`,
  );
}

function stale(lock: Lock, from: string, problem: string): Failure {
  return new Failure(2, `${basename(lock.path)} is older than ${from}: ${problem}`, {
    remedy: "deno task lock",
  });
}

/** `install: [scipy>=1, -e, ".[dev]"]`: packages, and what the project's own folders require. */
async function ofInstall({ root, install = [] }: LockChoices & { root: string }): Promise<Requirement[]> {
  const found = await Promise.all(
    installArguments(root, install).map(async (argument) => {
      if (!argument.startsWith("/")) return argument.startsWith("-") ? [] : parseRequirement(argument);
      const [, folder = "", extras = ""] = /^([^[]*)(?:\[(.*)\])?$/.exec(argument) ?? [];
      return await ofProject(join(folder, "pyproject.toml"), extras.split(",").map((extra) => extra.trim()));
    }),
  );
  return found.flat();
}

/** What a pyproject.toml requires [PEP 621, PEP 735]; nothing if it is not there, or its own tool says it. */
async function ofProject(
  path: string,
  extras: readonly string[] = [],
  groups: readonly string[] = [],
): Promise<Requirement[]> {
  const text = await Deno.readTextFile(path).catch(() => undefined);
  if (text === undefined || !/dependenc/.test(text)) return [];
  const { tomlAsJson } = await import("../values/as_json.ts");
  let parsed: Project;
  try {
    parsed = JSON.parse(await tomlAsJson(text));
  } catch {
    return []; // whoever installs it says what is wrong with it
  }
  const { project = {}, "dependency-groups": allGroups = {} } = parsed;
  const own = normalize(project.name ?? "");
  const byName = <T>(all: Record<string, T> | undefined, wanted: string) =>
    Object.entries(all ?? {}).find(([name]) => normalize(name) === normalize(wanted))?.[1];
  const seen = new Set<string>();
  const ofList = (list: unknown): Requirement[] =>
    (Array.isArray(list) ? list : []).flatMap((entry): Requirement[] => {
      const group = (entry as { "include-group"?: string } | null)?.["include-group"];
      if (group !== undefined) return ofName(allGroups, group);
      return (typeof entry === "string" ? parseRequirement(entry) : []).flatMap((one) =>
        one.name === own
          ? one.extras.flatMap((extra) => ofName(project["optional-dependencies"], extra))
          : [one]
      );
    });
  const ofName = (all: Record<string, unknown> | undefined, name: string): Requirement[] => {
    const key = `${all === allGroups} ${normalize(name)}`;
    if (seen.has(key)) return [];
    seen.add(key);
    return ofList(byName(all, name));
  };
  return [
    ...ofList(project.dependencies),
    ...extras.flatMap((extra) => ofName(project["optional-dependencies"], extra)),
    ...groups.flatMap((group) => ofName(allGroups, group)),
  ];
}

interface Project {
  project?: { name?: string; dependencies?: unknown; "optional-dependencies"?: Record<string, unknown> };
  "dependency-groups"?: Record<string, unknown>;
}

/** As far as dotted numbers tell [PEP 440]. A local version (+cpu) does not count; what is not understood is satisfied. */
function satisfies(version: string, specifier: string): boolean {
  const [own = ""] = version.split("+");
  return specifier.split(",").every((clause) => {
    const [, operator, wanted = ""] = /^(===|==|!=|~=|<=|>=|<|>)(.+)$/.exec(clause) ?? [];
    if (operator === undefined) return true;
    const [other = ""] = wanted.split("+");
    if (operator.startsWith("==") && !other.includes("*")) return compareVersions(own, other) === 0;
    if (![own, other].every((one) => /^\d+(?:\.\d+)*(?:\.\*)?$/.test(one))) return true;
    const isWithin = (prefix: string) => `${own}.`.startsWith(`${prefix}.`);
    if (other.endsWith(".*")) return isWithin(other.slice(0, -2)) === (operator === "==");
    const order = compareVersions(own, other);
    switch (operator) {
      case "!=":
        return order !== 0;
      case "~=":
        return order >= 0 && isWithin(other.split(".").slice(0, -1).join("."));
      case "<=":
        return order <= 0;
      case ">=":
        return order >= 0;
      case "<":
        return order < 0;
      default:
        return order > 0;
    }
  });
}
