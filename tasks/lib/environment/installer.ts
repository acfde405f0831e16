/** Filling a virtual environment from a lock, with uv or with venv and pip, which evaluate its markers. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { foundVersions, type InstallProblem } from "./installer_output.ts";
import { type LockedPackage, requirementLine } from "./lock_file.ts";
import { canInstall, type Python } from "./python.ts";
import { InstallError, Tool, type Workplace } from "./tool.ts";
import { findUv, PINNED_UV, type Uv } from "./uv.ts";

/** Installs with uv if it is there, else or after it could not reach an index, with pip; returns which. */
export async function installLock(
  packages: LockedPackage[],
  uv: Uv | undefined,
  place: Workplace,
  announce: (line: string) => void,
): Promise<string> {
  if (uv !== undefined) {
    try {
      await installWithUv(uv, packages, place);
      return `uv ${uv.version}`;
    } catch (error) {
      const tryPip = error instanceof InstallError && ["unreachable", "no file"].includes(error.problem.kind);
      if (!tryPip || !canInstall(place.python)) throw error;
      announce(`${error.problem.message}; trying pip`);
      await Deno.remove(place.directory, { recursive: true }).catch(() => {});
    }
  }
  return `pip ${await installWithPip(packages, place)}`;
}

/** Adds what `install` or a lock names beside packages, without what it depends on: pip's arguments. */
export async function installMore(more: string[], uv: Uv | undefined, place: Workplace): Promise<void> {
  const what = more.filter((argument) => !argument.startsWith("-")).join(", ");
  if (uv !== undefined) {
    const tool = await Tool.uv(uv, place, 0);
    await tool.must([...uvInstall(uv, place), "--no-deps", ...more], what);
    return;
  }
  const tool = Tool.pip(place, 0);
  await tool.must([...pipInstall(await pipOf(tool, "more"), place), "--no-deps", ...more], what);
}

/** @throws InstallError */
export async function installWithUv(uv: Uv, packages: LockedPackage[], place: Workplace): Promise<void> {
  const tool = await Tool.uv(uv, place, packages.length);
  await makeWithUv(tool, uv);
  const install = uvInstall(uv, place);
  for (const entry of packages.filter((one) => !hasHash(one))) {
    await installUnhashedWithUv(tool, install, entry);
  }
  const hashed = packages.filter(hasHash);
  if (hashed.length === 0) return;
  const file = await requirementsFile(hashed, place);
  tool.progress.expect(hashed.length);
  await tool.must([...install, "--no-deps", "--require-hashes", "-r", file], countOf(packages));
}

/** An environment with nothing in it. */
export async function makeWithUv(tool: Tool, uv: Uv): Promise<void> {
  const { python, directory } = tool.place;
  await tool.must([uv.path, "venv", "--python", python.path, directory]);
}

/** The command that installs into the environment; what to install is to be added. */
export function uvInstall(uv: Uv, { directory }: Workplace): string[] {
  return [uv.path, "pip", "install", "--python", join(directory, "bin/python")];
}

/** A configured folder or index is asked first; the CPU build of torch is else on an index that uv knows by name. */
async function installUnhashedWithUv(tool: Tool, install: string[], entry: LockedPackage) {
  const line = requirementLine(entry);
  const plain = [...install, "--no-deps", line];
  const backend = backendOf(entry);
  if (backend === undefined) {
    await tool.must(plain, nameOf(entry));
    return;
  }
  if (tool.hasOwnSources && (await tool.try(plain)).code === 0) return;
  await tool.must([...install, "--no-deps", "--torch-backend", backend, line], nameOf(entry));
}

/**
 * Leaves neither pip nor setuptools in the environment that the lock does not name. Returns the version of pip.
 *
 * @throws InstallError, and Failure(3) if this Python can't make virtual environments.
 */
export async function installWithPip(packages: LockedPackage[], place: Workplace): Promise<string> {
  const tool = Tool.pip(place, packages.length);
  const pip = await makeWithPip(tool);
  const install = pipInstall(pip, place);
  for (const entry of packages.filter((one) => !hasHash(one))) {
    await installUnhashedWithPip(tool, install, entry, place);
  }
  const hashed = packages.filter(hasHash);
  if (hashed.length > 0) {
    const file = await requirementsFile(hashed, place);
    await tool.must([...install, "--no-deps", "--require-hashes", "-r", file], countOf(packages));
  }
  return await pipVersion(tool, pip);
}

/**
 * An environment with nothing in it; returns the command of the pip that fills it.
 *
 * @throws Failure(3) if there is no pip to be had
 */
export async function makeWithPip(tool: Tool): Promise<string[]> {
  const { python, directory } = tool.place;
  await tool.must([python.path, "-m", "venv", "--without-pip", directory]);
  return await pipOf(tool);
}

/** Compiling is left to the first import: doing it now takes longer than the installation itself. */
const PIP_OPTIONS = ["--no-compile", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"];

/** As `uvInstall`, with a log that names hosts that can't be reached. */
export function pipInstall(pip: string[], { directory, scratch }: Workplace): string[] {
  const log = ["--log", join(scratch, "pip.txt")];
  return [...pip, "--python", join(directory, "bin/python"), "install", ...log, ...PIP_OPTIONS];
}

/** E.g. `24.2`; empty where it can't be told. */
export async function pipVersion(tool: Tool, pip: string[]): Promise<string> {
  // Of its own pip the Python has told it already, and each start of pip takes half a second.
  return tool.place.python.pip ??
    /^pip (\S+)/.exec((await tool.try([...pip, "--version"])).output)?.[1] ?? "";
}

/** The pip of the Python itself; else one in an environment that is thrown away, which takes some seconds longer. */
export async function pipOf(tool: Tool, folder = "pip"): Promise<string[]> {
  const { python, scratch } = tool.place;
  if (python.pip !== undefined) return [python.path, "-m", "pip"];
  if (!python.ensurepip) throw withoutPip(python);
  const directory = join(scratch, folder);
  await tool.must([python.path, "-m", "venv", directory]);
  return [join(directory, "bin/python"), "-m", "pip"];
}

function withoutPip({ path }: Python): Failure {
  return new Failure(
    3,
    `Cannot install packages: ${path} has neither pip nor ensurepip, and there is no uv`,
    {
      remedy:
        "Install pip (on Debian and Ubuntu: apt install python3-pip), or uv, or name another Python: PYTHON=/path",
    },
  );
}

/**
 * The default index's torch for Linux needs gigabytes of CUDA packages to be imported, so its CPU build is never
 * replaced by it: where no configured folder or index has the CPU build, uv is fetched, which knows the index that has.
 */
async function installUnhashedWithPip(
  tool: Tool,
  install: string[],
  entry: LockedPackage,
  place: Workplace,
) {
  const line = requirementLine(entry);
  const first = await tool.try([...install, "--no-deps", line]);
  if (first.code === 0) return;
  const problem = tool.explain(first.output, nameOf(entry));
  // One of several indexes may be out of reach, and uv on one of the others.
  const elsewhere = problem.kind === "no file" ||
    problem.kind === "unreachable" && foundVersions(first.output);
  const backend = backendOf(entry);
  if (backend === undefined || !elsewhere) throw new InstallError(problem);
  try {
    const uv = await fetchUv(install, place);
    const helper = await Tool.uv(uv, place, tool.progress.total);
    await helper.must(
      [...uvInstall(uv, place), "--no-deps", "--torch-backend", backend, line],
      nameOf(entry),
    );
  } catch (error) {
    if (!(error instanceof InstallError)) throw error;
    throw new InstallError(problem.kind === "unreachable" ? problem : withoutBuild(entry, error.problem));
  }
}

/**
 * The pinned uv, for this installation alone.
 *
 * @param install pip's command
 * @throws InstallError
 */
export async function fetchUv(install: string[], place: Workplace): Promise<Uv> {
  place.progress("fetching uv, which knows PyTorch's own index");
  const target = join(place.scratch, "uv");
  const quiet = Tool.pip({ ...place, progress: () => {} }, 1);
  await quiet.must([...install, "--no-deps", "--require-hashes", "--target", target, "-r", PINNED_UV], "uv");
  const uv = await findUv(join(target, "bin/uv"));
  if (uv === undefined) throw new InstallError(quiet.explain("the uv that was fetched does not start"));
  return uv;
}

function withoutBuild({ name, version }: LockedPackage, problem: InstallProblem): InstallProblem {
  const build = version.endsWith("+cpu") ? "the CPU build" : "PyTorch's own build";
  return {
    kind: problem.kind,
    message: `${name} ${version}, ${build}, is not on pip's index or in its folders; ${problem.message}`,
    remedy: NAME_A_SOURCE,
  };
}

/** The remedy where a package can't be fetched. */
export const NAME_A_SOURCE =
  "Name a folder that holds its wheel for this Python (PIP_FIND_LINKS=/folder) or an institutional index that has it " +
  "(PIP_EXTRA_INDEX_URL=…), or check the network and proxy (HTTPS_PROXY), and start again";

/** What uv calls the index of PyTorch's that has this build: "cpu" of 2.13.0+cpu, "cu128" of 2.9.1+cu128. */
function backendOf({ version }: LockedPackage): string | undefined {
  return /\+(cpu|cu\d+|rocm[\d.]+|xpu)$/.exec(version)?.[1];
}

function hasHash({ hashes }: LockedPackage): boolean {
  return hashes.length > 0;
}

function nameOf({ name, version }: LockedPackage): string {
  return `${name}==${version}`;
}

function countOf(packages: LockedPackage[]): string {
  return packages.length === 1 ? nameOf(packages[0]!) : `${packages.length} packages`;
}

async function requirementsFile(packages: LockedPackage[], { scratch }: Workplace): Promise<string> {
  const path = join(scratch, "requirements.txt");
  await Deno.writeTextFile(path, packages.map((entry) => requirementLine(entry) + "\n").join(""));
  return path;
}
