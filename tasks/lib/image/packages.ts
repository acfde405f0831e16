/** The packages of an experiment's image: from the files that its environment is made from, whatever their format. */

import { existsSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { ContentsRequest, Pinned } from "../environment/format.ts";
import { forThisMachine } from "../environment/exported.ts";
import { REQUIREMENTS } from "../environment/formats/requirements.ts";
import { localRequirements, requirementLine } from "../environment/lock_file.ts";
import { findPython, isNewer, type PythonRange } from "../environment/python.ts";
import { checkSource, type EnvironmentSource, findSource, pythonsFor } from "../environment/source.ts";
import type { Experiment } from "../experiment/experiment.ts";

/** How the list of packages is had: a file as it is, what a lock pins, what files come to now, or what they ask for. */
export type ListedBy = "copy" | "lock" | "resolution" | "ranges";

export interface ImagePackages {
  /** Relative to the root. */
  files: string[];
  by: ListedBy;
  /** pip's arguments for the project itself and its folders, relative to the root. */
  local: string[];
  /** Minor version of Python that the image needs, where it is not the base's own. */
  python?: string;
}

/** Debian 12's, which the CPU image has. */
export const DEBIAN_PYTHON = "3.11";

/**
 * Says what an image's packages are made from, or in one line why they can't be.
 *
 * @throws Failure(2)
 */
export async function planPackages(kind: "cpu" | "gpu", experiment: Experiment): Promise<ImagePackages> {
  const { root, environment } = experiment;
  const { requirements, install = [], python } = environment;
  const named = requirements ?? (install.length === 0 ? ["."] : []);
  const source = await findSource(root, named, { ...environment, gpu: false }, () => {}).catch((error) => {
    if (requirements !== undefined || !(error instanceof Failure)) throw error;
    throw cannot(experiment, "it names no requirements", "Name them: environment: { requirements: … }");
  });
  refuseConda(experiment, source);
  const local = [...await localOf(source, root), ...install];
  if (kind === "gpu") return { ...await gpuPackages(experiment, source), local };
  await checkSource(source);
  const { format, ownLock, lock, files } = source;
  const range = await pythonsFor(source, python);
  return {
    files: (ownLock ? [lock] : files).map((path) => relative(root, path)),
    by: ownLock ? "copy" : format.pinned === undefined ? "resolution" : "lock",
    local,
    ...(range !== undefined && { python: pythonIn(range) }),
  };
}

function cannot({ name }: Experiment, because: string, remedy: string): Failure {
  return new Failure(2, `Cannot build an image of "${name}": ${because}`, { remedy });
}

/** Nothing of conda is in the CPU image, and GPU-Jupyter's own packages are to stay as they are. */
function refuseConda(experiment: Experiment, { format: { isConda, name }, files }: EnvironmentSource) {
  const file = basename(files[0] ?? "");
  if (isConda) {
    throw cannot(
      experiment,
      `${file} is made of conda's packages, which these images don't take`,
      "Build an image from it yourself, and name it: environment: { image: NAME }; or list what pip has: requirements.txt",
    );
  }
  if (name === "Pipfile") throw cannot(experiment, "Pipfile has no Pipfile.lock", "pipenv lock");
}

async function localOf({ files, format }: EnvironmentSource, root: string): Promise<string[]> {
  if (format !== REQUIREMENTS) return [];
  const found = await Promise.all(files.map(async (file) => {
    const local = existsSync(file) ? await localRequirements([file]) : [];
    return local.map((argument) =>
      argument.startsWith(".") ? join(relative(root, dirname(file)), argument) || "." : argument
    );
  }));
  return found.flat().map((argument) => argument.startsWith("-") ? argument : `./${argument}`);
}

/** What the file for an image says, else what the environment's own files ask for; ranges where they have some. */
async function gpuPackages(experiment: Experiment, { files, format, lock }: EnvironmentSource) {
  const { root } = experiment;
  const first = files[0] ?? lock;
  const stem = first.replace(/\.[^./]*$/, "");
  const names = [`${stem}-gpu.txt`, join(dirname(first), "requirements-gpu.txt")];
  const own = names.find((path) => existsSync(path));
  if (own !== undefined) return { files: [relative(root, own)], by: "copy" as const };
  const missing = files.find((path) => !existsSync(path));
  if (missing !== undefined || files.length === 0) {
    const wanted = missing === undefined ? names[1]! : missing;
    throw cannot(experiment, `there is no ${relative(root, wanted)}`, `Write ${relative(root, names[0]!)}`);
  }
  const paths = files.map((path) => relative(root, path));
  if (format.pinned !== undefined) return { files: paths, by: "lock" as const };
  const isList = (path: string) => /\.(?:txt|in)$/i.test(path);
  if (files.length === 1 && isList(first) && !/^-/m.test(await Deno.readTextFile(first))) {
    return { files: paths, by: "copy" as const };
  }
  if (files.some((path) => !isList(path) && basename(path) !== "pyproject.toml")) {
    throw cannot(
      experiment,
      `what ${basename(first)} asks for is known only once it is installed`,
      `Write it down in ${relative(root, names[1]!)}`,
    );
  }
  return { files: paths, by: "ranges" as const };
}

/** Debian's where it will do, else the newest that is asked for; without an end that is the oldest. */
function pythonIn(range: PythonRange): string | undefined {
  const minor = (version: string) => Number(version.split(".")[1]);
  const isOlder = minor(DEBIAN_PYTHON) < minor(range.oldest);
  if (!isOlder && !isNewer(range, { version: DEBIAN_PYTHON })) return undefined;
  return isOlder ? range.oldest : range.newest ?? range.oldest;
}

/**
 * The list of packages as an image's build reads it: lines of a requirements file, and pip's arguments for the rest.
 *
 * @param announce gets what is done, where that takes more than reading
 * @throws Failure(3) if the program that owns the format is not here, or an index can't be reached; 2 if the files
 * contradict each other
 */
export async function listPackages(
  { files, by, local, python = DEBIAN_PYTHON }: ImagePackages,
  kind: "cpu" | "gpu",
  { root, environment }: Experiment,
  announce: (line: string) => void,
): Promise<{ text: string; local: string[] }> {
  const paths = files.map((path) => join(root, path));
  if (by === "copy") return { text: await Deno.readTextFile(paths[0]!), local };
  if (by === "ranges") return { text: await rangesOf(paths, environment), local };
  announce(`Listing the packages of ${files.join(", ") || environment.install?.join(" ")}`);
  return await asked(paths, kind === "gpu", { root, environment }, announce, async (request) => {
    const source = await findSource(root, paths, environment, () => {});
    const pinned = by === "lock" ? await source.format.pinned!(request) : await resolveFor(request, python);
    return listed(pinned, request, local);
  });
}

/** Calls with what formats and resolutions want to know, in a folder that is removed afterwards. */
async function asked<T>(
  files: string[],
  gpu: boolean,
  { root, environment }: Pick<Experiment, "root" | "environment">,
  announce: (line: string) => void,
  call: (request: ContentsRequest) => Promise<T>,
): Promise<T> {
  const [{ findUv }, { InstallError }] = await Promise.all([
    import("../environment/uv.ts"),
    import("../environment/tool.ts"),
  ]);
  const scratch = await Deno.makeTempDir({ prefix: "packages-" });
  try {
    const own = { log: join(scratch, "log.txt"), directory: join(scratch, "environment"), mark: "" };
    const place = { ...own, scratch, python: await findPython(), progress: () => {} };
    const { extras, groups, install, torch, asOf } = environment;
    return await call({
      extras,
      groups,
      install,
      torch,
      asOf,
      root,
      files,
      gpu,
      announce,
      place,
      uv: await findUv(),
    });
  } catch (error) {
    if (!(error instanceof InstallError)) throw error;
    const { message, remedy } = error.problem;
    const names = files.map((path) => basename(path)).join(", ");
    throw new Failure(3, `Cannot list the packages of ${names}: ${message}`, { remedy });
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** Lists of what builds the project and its folders, for an image that is built without a network. */
export async function listBuilders(
  local: string[],
  { python = DEBIAN_PYTHON }: ImagePackages,
  { root, environment }: Experiment,
): Promise<string[]> {
  const folders = local.filter((argument) => argument.startsWith(".")).map((path) =>
    path.replace(/\[.*/, "")
  );
  const wanted = await Promise.all(folders.map((folder) => buildersOf(join(root, folder))));
  if (wanted.length === 0) return [];
  const file = await Deno.makeTempFile({ suffix: ".txt" });
  try {
    await Deno.writeTextFile(file, [...new Set(wanted.flat())].map((line) => `${line}\n`).join(""));
    const plain = { ...environment, extras: [], groups: [], install: [], asOf: undefined };
    return await asked([file], false, { root, environment: plain }, () => {}, async (request) => {
      return [listed(await resolveFor(request, python), request, []).text];
    });
  } finally {
    await Deno.remove(file);
  }
}

/** What pip takes where a project does not say, which older ones do not. */
const USUAL_BUILDERS = ["setuptools>=61", "wheel"];

async function buildersOf(folder: string): Promise<string[]> {
  const text = await Deno.readTextFile(join(folder, "pyproject.toml")).catch(() => "");
  const { tomlAsJson } = await import("../values/as_json.ts");
  return JSON.parse(await tomlAsJson(text))["build-system"]?.requires ?? USUAL_BUILDERS;
}

async function resolveFor(request: ContentsRequest, python: string): Promise<Pinned> {
  const { resolvedFor } = await import("../environment/resolve.ts");
  return await resolvedFor(request, { python, platform: `${Deno.build.arch}-manylinux_2_36` });
}

function listed(pinned: Pinned, request: ContentsRequest, local: string[]) {
  const { kept } = forThisMachine(pinned.packages, request);
  const indexes = (pinned.indexes ?? []).map((address) => ["--extra-index-url", address].join(" "));
  // Folders stand in `local` already; an address that no index has is installed as it is.
  const addresses = pinned.local.filter((argument) => / @ |:\/\//.test(argument) && !/file:/.test(argument));
  return {
    text: [...indexes, ...kept.map(requirementLine), ""].join("\n"),
    local: [...addresses, ...local],
  };
}

/** What requirements files and pyproject.toml ask for, as one list. */
async function rangesOf(paths: string[], { extras = [], groups = [] }: Experiment["environment"]) {
  const lists = await Promise.all(
    paths.map((path) => basename(path) === "pyproject.toml" ? askedBy(path, extras, groups) : lines(path)),
  );
  return lists.flat().map((line) => `${line}\n`).join("");
}

/** A requirements file with those that it includes; folders are installed apart. */
async function lines(path: string): Promise<string[]> {
  const text = await Deno.readTextFile(path);
  const found = await Promise.all(
    text.split(/\r?\n/).map(async (line) => {
      const included = /^\s*(?:-r|--requirement)[\s=]+(\S+)/.exec(line)?.[1];
      if (included !== undefined) return await lines(join(dirname(path), included));
      return /^\s*(?:-e|--editable|-c|--constraint|\.|#|$)/.test(line) ? [] : [line];
    }),
  );
  return found.flat();
}

interface Pyproject {
  project?: { dependencies?: string[]; "optional-dependencies"?: Record<string, string[]> };
  "dependency-groups"?: Record<string, (string | { "include-group": string })[]>;
}

async function askedBy(path: string, extras: readonly string[], groups: readonly string[]) {
  const { tomlAsJson } = await import("../values/as_json.ts");
  const { project, "dependency-groups": all = {} }: Pyproject = JSON.parse(
    await tomlAsJson(await Deno.readTextFile(path)),
  );
  const inGroup = (name: string): string[] =>
    (all[name] ?? []).flatMap((entry) =>
      typeof entry === "string" ? [entry] : inGroup(entry["include-group"])
    );
  return [
    ...project?.dependencies ?? [],
    ...extras.flatMap((name) => project?.["optional-dependencies"]?.[name] ?? []),
    ...groups.flatMap(inGroup),
  ];
}
