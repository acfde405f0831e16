/** Requirements without a lock: what they come to on this machine now, before any of it is fetched. */

import { basename, join } from "node:path";
import {
  fetchUv,
  installMore,
  makeWithPip,
  makeWithUv,
  NAME_A_SOURCE,
  pipInstall,
  pipVersion,
  uvInstall,
} from "./installer.ts";
import { fileSizes, isCudaPackage, normalize, pinnedNames } from "./lock_file.ts";
import { Failure } from "../cli/failure.ts";
import { parseExported } from "./exported.ts";
import type { Contents, ContentsRequest, Pinned } from "./format.ts";
import { installArguments, installLines } from "./install_arguments.ts";
import { canInstall } from "./python.ts";
import { InstallError, Tool } from "./tool.ts";
import { broughtThen, dayFor, uvArguments } from "./packages_of_then.ts";
import type { Uv } from "./uv.ts";

/**
 * The contents of files without a lock: an empty environment is made, and they are resolved for it with uv, which is
 * fetched where it is not here, since it knows PyTorch's CPU builds and how large files are; else with pip.
 *
 * @throws InstallError, and Failure(3) if there is neither uv nor pip
 */
export async function resolved(request: ContentsRequest): Promise<Contents> {
  const { asOf, place: { python } } = request;
  const then = asOf === undefined ? "" : `, with the packages of ${dayFor(asOf, python.version)}`;
  request.announce(`Resolving ${nameOf(request)}, which has no lock${then}`);
  const { packages: _, fetched, ...contents } = await resolveRequirements(request);
  const pinned = await pinnedNames(request.files.filter(isRequirements));
  const open = fetched.filter((name) => !pinned.has(name));
  const note = open.length === 0
    ? undefined
    : `${nameOf(request)} leaves ${open.length} of ${fetched.length} versions open (${
      open.slice(0, 3).join(", ")
    }${open.length > 3 ? ", …" : ""}): they may differ from the authors'. To lock them: deno task lock`;
  return { ...contents, note };
}

function nameOf({ files, install = [] }: ContentsRequest): string {
  return files.map((file) => basename(file)).join(", ") || install.join(" ");
}

function isRequirements(file: string): boolean {
  return /\.(?:txt|in)$/i.test(file);
}

interface Resolution extends Contents {
  /** Normalized names. */
  packages: string[];
  /** Those of them that come from an index, and not from a folder of the project. */
  fetched: string[];
}

async function resolveRequirements(request: ContentsRequest): Promise<Resolution> {
  const { uv, announce, place } = request;
  if (uv !== undefined) {
    try {
      await makeWithUv(await Tool.uv(uv, place, 0), uv);
      return await resolveWithUv(uv, request);
    } catch (error) {
      if (!isElsewhere(error) || !canInstall(place.python) || isForUv(request)) throw error;
      announce(`${error.problem.message}; trying pip`);
      await Deno.remove(place.directory, { recursive: true }).catch(() => {});
    }
  }
  const tool = Tool.pip(place, 0);
  const pip = await makeWithPip(tool);
  const fetched = uv ?? await fetchUv(pipInstall(pip, place), place).catch(onlyInstallErrors);
  if (fetched !== undefined && uv === undefined) {
    const resolution = resolveWithUv(fetched, request);
    const found = isForUv(request) ? await resolution : await resolution.catch(onlyInstallErrors);
    if (found !== undefined) return found;
  }
  if (isNamedBuild(request)) throw withoutUv(nameOf(request), `pip knows nothing of torch: ${request.torch}`);
  if (request.asOf !== undefined) {
    throw withoutUv(nameOf(request), `pip knows nothing of as_of: ${request.asOf}`);
  }
  return await resolveWithPip(tool, pip, request);
}

/**
 * The uv that is here, or one that pip fetches for this installation alone.
 *
 * @throws Failure(3) if there is neither
 */
export async function requireUv({ uv, place }: ContentsRequest, what: string): Promise<Uv> {
  if (uv !== undefined) return uv;
  try {
    const pip = await makeWithPip(Tool.pip(place, 0));
    const fetched = await fetchUv(pipInstall(pip, place), place);
    await Deno.remove(place.directory, { recursive: true });
    return fetched;
  } catch (error) {
    if (!(error instanceof InstallError)) throw error;
    throw withoutUv(what, error.problem.message);
  }
}

function withoutUv(what: string, because: string): Failure {
  return new Failure(3, `Cannot read ${what}: it takes uv, which is not on PATH, and ${because}`, {
    remedy: "Install it (pip install uv), or name it: UV=/path/to/uv",
  });
}

/** The contents of a pylock.toml, which uv installs as it is. */
export async function exactly(request: ContentsRequest): Promise<Contents> {
  const { files: [file], gpu, torch = "auto", place, extras = [], groups = [] } = request;
  const uv = await requireUv(request, basename(file!));
  await makeWithUv(await Tool.uv(uv, place, 0), uv);
  const text = await Deno.readTextFile(file!);
  const packages = packagesIn(text);
  const cuda = packages.filter(isCudaPackage);
  if (cuda.length > 0 && !gpu && ["auto", "cpu"].includes(torch) && Deno.build.os === "linux") {
    throw new Failure(
      3,
      `Cannot use ${basename(file!)} without a GPU: it pins builds with CUDA (${cuda[0]}, …)`,
      {
        remedy:
          "Lock the CPU builds (uv pip compile --torch-backend cpu --format pylock.toml), or ask for a GPU: " +
          "environment.gpus",
      },
    );
  }
  const chosen = [
    ...extras.flatMap((name) => ["--extra", name]),
    ...groups.flatMap((name) => ["--group", name]),
  ];
  return fromPylock(uv, request, file!, packages, text, chosen);
}

/** The packages that a pylock.toml names, for any machine. */
export async function pylockPackages({ files: [file] }: ContentsRequest): Promise<Pinned> {
  const { tomlAsJson } = await import("../values/as_json.ts");
  const lock: { packages?: PylockEntry[] } = JSON.parse(await tomlAsJson(await Deno.readTextFile(file!)));
  const packages = (lock.packages ?? []).map(({ name, version, marker = "", wheels = [], sdist }) => {
    if (version === undefined || /\b(?:extras|dependency_groups)\b/.test(marker)) {
      const what = version === undefined ? "is of no index" : "belongs to an extra or a group";
      throw new Failure(2, `Cannot list what ${basename(file!)} pins: ${name} ${what}`, {
        remedy: "Name a requirements file, pyproject.toml or uv.lock in environment.requirements",
      });
    }
    const hashes = [...wheels, ...(sdist ? [sdist] : [])].map((one) => `sha256:${one.hashes.sha256}`);
    return { name: normalize(name), version, marker, hashes };
  });
  return { packages, local: [] };
}

interface PylockEntry {
  name: string;
  version?: string;
  marker?: string;
  wheels?: { hashes: { sha256: string } }[];
  sdist?: { hashes: { sha256: string } };
}

/** The machine that a resolution is for, where that is another one. */
export interface Target {
  /** Minor version. */
  python: string;
  /** As uv calls it. */
  platform: string;
}

/**
 * What files without a lock come to now on another machine than this, one without a GPU.
 *
 * @throws InstallError, and Failure(3) if uv is not to be had
 */
export async function resolvedFor(
  request: ContentsRequest,
  { python, platform }: Target,
): Promise<Pinned> {
  const { place, torch = "auto" } = request;
  const uv = await requireUv(request, nameOf(request));
  const tool = await Tool.uv(uv, place, 0);
  const compile = [
    ...[uv.path, "pip", "compile", ...await inputsOf(request), "--python", place.python.path],
    ...["--python-version", python, "--python-platform", platform, "--generate-hashes"],
    ...["--no-header", "--no-annotate", "--quiet", ...choicesOf(request, python)],
  ];
  const backend = torch === "auto" ? "cpu" : torch;
  const text = await compiled(tool, compile, backend, request);
  const pinned = parseExported(request.files[0] ?? join(request.root, "requirements.txt"), text, tool.name);
  refuseCuda(pinned.packages.map(({ name }) => name), backend !== "cpu", tool.name);
  return pinned;
}

function packagesIn(pylock: string): string[] {
  return [...pylock.matchAll(/^name = "([^"]+)"/gm)].map(([, name = ""]) => normalize(name));
}

function fetchedIn(pylock: string): string[] {
  return packagesIn(pylock.split("[[packages]]").filter((entry) => !/^directory = /m.test(entry)).join(""));
}

function fromPylock(
  uv: Uv,
  request: ContentsRequest,
  lock: string,
  packages: string[],
  text: string,
  chosen: string[] = [],
): Resolution {
  const { place, root, install = [] } = request;
  const sizes = [...fileSizes(text, place.python.version).values()];
  return {
    packages,
    fetched: fetchedIn(text),
    downloadMB: sizes.length === 0 ? undefined : sizes.reduce((sum, size) => sum + size, 0),
    install: async () => {
      const installing = await Tool.uv(uv, place, packages.length);
      if (packages.length > 0) {
        await installing.must([...uvInstall(uv, place), "-r", lock, ...chosen], nameOf(request));
      }
      // What was resolved here has them in it already.
      const more = request.files[0] === lock ? installArguments(root, install) : [];
      if (more.length > 0) await installMore(more, uv, place);
      return `uv ${uv.version}`;
    },
  };
}

/** `torch: cu128`: any other index has one build of each version, and pip does not know which it is. */
function isNamedBuild({ torch = "auto" }: ContentsRequest): boolean {
  return !["cpu", "auto"].includes(torch);
}

/** pip would make something else of it. */
function isForUv(request: ContentsRequest): boolean {
  return isNamedBuild(request) || request.asOf !== undefined;
}

/** Another tool, which looks in other places, may have more luck. */
function isElsewhere(error: unknown): error is InstallError {
  return error instanceof InstallError && ["unreachable", "no file"].includes(error.problem.kind);
}

function onlyInstallErrors(error: unknown): undefined {
  if (!(error instanceof InstallError) || error instanceof OnlyCuda) throw error;
}

async function resolveWithUv(uv: Uv, request: ContentsRequest): Promise<Resolution> {
  const { gpu, torch = "auto", place } = request;
  const tool = await Tool.uv(uv, place, 0);
  const lock = join(place.scratch, "pylock.toml");
  const compile = [
    ...[uv.path, "pip", "compile", ...await inputsOf(request), "--python", place.python.path],
    ...choicesOf(request, place.python.version),
    ...["--format", "pylock.toml", "--output-file", lock, "--quiet"],
    ...await withoutWindows(place.scratch),
  ];
  const backend = torch === "auto" ? (gpu ? "auto" : "cpu") : torch;
  await compiled(tool, compile, backend, request);
  let text = await Deno.readTextFile(lock);
  let packages = packagesIn(text);
  if (backend === "cpu" && bringsNccl(packages)) {
    const without = join(place.scratch, "without.txt");
    await Deno.writeTextFile(
      without,
      packages.filter(isNccl).map((name) => `${name}; sys_platform == "none"\n`).join(""),
    );
    await compiled(tool, [...compile, "--overrides", without], backend, request);
    text = await Deno.readTextFile(lock);
    packages = packagesIn(text);
  }
  refuseCuda(packages, backend !== "cpu", tool.name);
  return fromPylock(uv, request, lock, packages, text);
}

/**
 * Packages of Windows alone, which `pip freeze` lists there without saying so. Elsewhere their sources can't be built, and
 * nothing that runs imports them.
 */
const OF_WINDOWS = ["pywinpty", "pywin32", "pypiwin32", "pywinauto", "windows-curses", "wincertstore", "wmi"];

async function withoutWindows(scratch: string): Promise<string[]> {
  const overrides = join(scratch, "windows.txt");
  await Deno.writeTextFile(
    overrides,
    OF_WINDOWS.map((name) => `${name}; sys_platform == "win32"\n`).join(""),
  );
  return Deno.build.os === "windows" ? [] : ["--overrides", overrides];
}

/** The files to resolve, with what is installed beside them as a file of its own. */
async function inputsOf({ files, root, install = [], asOf, place }: ContentsRequest): Promise<string[]> {
  const brought = broughtThen(asOf, place.python.version);
  if (install.length + brought.length === 0) return files;
  const more = join(place.scratch, "install.txt");
  const lines = [...installLines(root, install), ...brought];
  await Deno.writeTextFile(more, lines.map((line) => line + "\n").join(""));
  return [...files, more];
}

function choicesOf(
  { files, extras = [], groups = [], asOf }: ContentsRequest,
  python: string,
): string[] {
  return [
    ...uvArguments(asOf, python),
    ...extras.flatMap((name) => ["--extra", name]),
    ...groups.flatMap((name) => ["--group", `${pyprojectOf(files)}:${name}`]),
  ];
}

/** What `uv pip compile` prints. PyTorch's index is asked for torch alone, and may be out of reach where another is not. */
async function compiled(tool: Tool, argv: string[], backend: string, request: ContentsRequest) {
  const first = await tool.try([...argv, "--torch-backend", backend]);
  if (first.code === 0) return first.stdout;
  const error = new InstallError(tool.explain(first.output, nameOf(request)));
  const second = !isNamedBuild(request) && isElsewhere(error) ? await tool.try(argv) : first;
  if (second.code !== 0) throw error;
  return second.stdout;
}

function pyprojectOf(files: string[]): string {
  const file = files.find((path) => basename(path) === "pyproject.toml");
  if (file !== undefined) return file;
  throw new Failure(
    2,
    "environment.groups goes with a pyproject.toml or its lock in environment.requirements",
  );
}

async function resolveWithPip(tool: Tool, pip: string[], request: ContentsRequest): Promise<Resolution> {
  const { files, gpu, root, install: added = [], torch = "auto" } = request;
  const other = files.find((file) => !isRequirements(file));
  if (other !== undefined) throw withoutUv(basename(other), "it can't be fetched");
  const { place } = tool;
  const report = join(place.scratch, "report.json");
  const install = pipInstall(pip, place);
  const wanted = [...files.flatMap((file) => ["-r", file]), ...installArguments(root, added)];
  const silent = Tool.pip({ ...place, progress: () => {} }, 0);
  const argv = [...install, "--dry-run", "--report", report, ...wanted];
  const withCuda = torch === "auto" ? gpu : torch !== "cpu";
  // Where an index has no metadata by themselves, pip downloads whole files to read theirs.
  const ended = await silent.try(argv, (line) => !withCuda && Deno.build.os === "linux" && isOfCuda(line));
  const seen = ended.endedAt === undefined ? undefined : packageIn(ended.endedAt);
  if (seen !== undefined) throw onlyCuda([seen], tool.name);
  if (ended.code !== 0) throw new InstallError(silent.explain(ended.output, nameOf(request)));
  const found: PipReport = JSON.parse(await Deno.readTextFile(report));
  const named = (entries: PipReport["install"]) => entries.map(({ metadata }) => normalize(metadata.name));
  const packages = named(found.install);
  refuseCuda(packages, withCuda, tool.name);
  return {
    packages,
    ...(packages.some(isCudaPackage) && { downloadMB: CUDA_MB }),
    fetched: named(found.install.filter(({ download_info }) => download_info?.dir_info === undefined)),
    install: async () => {
      const installing = Tool.pip(place, packages.length);
      await installing.must([...install, ...wanted], nameOf(request));
      return `pip ${await pipVersion(installing, pip)}`;
    },
  };
}

/** What PyTorch with CUDA takes about, which pip does not tell before it is downloaded. */
const CUDA_MB = 2800;

interface PipReport {
  install: { metadata: { name: string }; download_info?: { dir_info?: unknown } }[];
}

/** The package that a line of pip's is about: "Collecting torch==2.5.1", "Downloading torch-2.5.1-….whl (906.5 MB)". */
function packageIn(line: string): string | undefined {
  const name =
    /^\s*(?:Collecting|Downloading|Processing) (?:\S*\/)?([A-Za-z0-9._-]+?)(?:[-=<>~!\[ ]=?\d|$|\s|==)/.exec(
      line,
    );
  return name === null ? undefined : normalize(name[1]!);
}

/** The CPU builds of torch are below 300 MB, and those with CUDA on the standard index above 500. */
const LARGEST_CPU_BUILD_MB = 400;

function isOfCuda(line: string): boolean {
  const name = packageIn(line);
  if (name === undefined || isNccl(name)) return false;
  const size = /\((\d+(?:\.\d+)?) MB\)/.exec(line)?.[1];
  return isCudaPackage(name) || name === "torch" && Number(size ?? 0) > LARGEST_CPU_BUILD_MB;
}

/** What xgboost requires on Linux for several GPUs, and works without. */
function isNccl(name: string): boolean {
  return /^nvidia-nccl-/.test(name);
}

/** It is all of CUDA that is wanted: xgboost has one build for all machines. */
function bringsNccl(packages: string[]): boolean {
  return packages.some(isNccl) && packages.filter(isCudaPackage).every(isNccl);
}

/** Gigabytes that nobody without a GPU needs. */
function refuseCuda(packages: string[], withCuda: boolean, tool: string) {
  const cuda = bringsNccl(packages) ? [] : packages.filter(isCudaPackage);
  if (!withCuda && cuda.length > 0 && Deno.build.os === "linux") throw onlyCuda(cuda, tool);
}

/** No other tool is tried after it: each would find the same, and may download it before it says so. */
class OnlyCuda extends InstallError {}

function onlyCuda(packages: string[], tool: string): OnlyCuda {
  const names = `${packages.slice(0, 3).join(", ")}${packages.length > 3 ? ", …" : ""}`;
  return new OnlyCuda({
    kind: "other",
    message: `${tool} finds only a build with CUDA (${names}), which is of no use without a GPU, ` +
      "and PyTorch's index of CPU builds can't be reached",
    remedy: NAME_A_SOURCE,
  });
}
