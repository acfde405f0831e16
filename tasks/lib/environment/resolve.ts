/** Requirements without a lock: what they come to on this machine now, before any of it is fetched. */

import { basename, join } from "node:path";
import {
  fetchUv,
  makeWithPip,
  makeWithUv,
  NAME_A_SOURCE,
  pipInstall,
  pipVersion,
  uvInstall,
} from "./installer.ts";
import { fileSizes, isCudaPackage, normalize } from "./lock_file.ts";
import { canInstall } from "./python.ts";
import { InstallError, Tool, type Workplace } from "./tool.ts";
import type { Uv } from "./uv.ts";

/** What requirements came to. */
export interface Resolution {
  /** Normalized names. */
  packages: string[];
  /** Megabytes to download, where the index tells. */
  downloadMB?: number;
  /** Installs just that into the environment, which is there by now; returns what with, e.g. "uv 0.13.9". */
  install: () => Promise<string>;
}

export interface ResolveRequest {
  /** Absolute path of the requirements file. */
  requirements: string;
  /** Take packages with CUDA; without it, there are none in what is resolved on Linux. */
  gpu: boolean;
  uv?: Uv;
  announce: (line: string) => void;
}

/**
 * Makes an empty environment and resolves requirements for it: with uv, which is fetched where it is not here, since it
 * knows PyTorch's CPU builds and how large files are; else with pip.
 *
 * @throws InstallError, and Failure(3) if there is neither uv nor pip
 */
export async function resolveRequirements(request: ResolveRequest, place: Workplace): Promise<Resolution> {
  const { uv, announce } = request;
  if (uv !== undefined) {
    try {
      await makeWithUv(await Tool.uv(uv, place, 0), uv);
      return await resolveWithUv(uv, request, place);
    } catch (error) {
      if (!isElsewhere(error) || !canInstall(place.python)) throw error;
      announce(`${error.problem.message}; trying pip`);
      await Deno.remove(place.directory, { recursive: true }).catch(() => {});
    }
  }
  const tool = Tool.pip(place, 0);
  const pip = await makeWithPip(tool);
  const fetched = uv ?? await fetchUv(pipInstall(pip, place), place).catch(onlyInstallErrors);
  if (fetched !== undefined && uv === undefined) {
    const resolved = await resolveWithUv(fetched, request, place).catch(onlyInstallErrors);
    if (resolved !== undefined) return resolved;
  }
  return await resolveWithPip(tool, pip, request);
}

/** Another tool, which looks in other places, may have more luck. */
function isElsewhere(error: unknown): error is InstallError {
  return error instanceof InstallError && ["unreachable", "no file"].includes(error.problem.kind);
}

function onlyInstallErrors(error: unknown): undefined {
  if (!(error instanceof InstallError) || error instanceof OnlyCuda) throw error;
}

async function resolveWithUv(uv: Uv, request: ResolveRequest, place: Workplace): Promise<Resolution> {
  const { requirements, gpu } = request;
  const tool = await Tool.uv(uv, place, 0);
  const lock = join(place.scratch, "pylock.toml");
  const compile = [uv.path, "pip", "compile", requirements, "--python", place.python.path];
  const into = ["--format", "pylock.toml", "--output-file", lock, "--quiet"];
  const first = await tool.try([...compile, ...into, "--torch-backend", gpu ? "auto" : "cpu"]);
  if (first.code !== 0) {
    // PyTorch's index is asked for torch alone, and may be out of reach where a mirror or a folder of wheels is not.
    const error = new InstallError(tool.explain(first.output, basename(requirements)));
    if (!isElsewhere(error) || (await tool.try([...compile, ...into])).code !== 0) throw error;
  }
  const text = await Deno.readTextFile(lock);
  const packages = [...text.matchAll(/^name = "([^"]+)"/gm)].map(([, name = ""]) => normalize(name));
  refuseCuda(packages, gpu, tool.name);
  const sizes = [...fileSizes(text, place.python.version).values()];
  const install = async () => {
    const installing = await Tool.uv(uv, place, packages.length);
    await installing.must([...uvInstall(uv, place), "-r", lock], basename(requirements));
    return `uv ${uv.version}`;
  };
  const downloadMB = sizes.length === 0 ? undefined : sizes.reduce((sum, size) => sum + size, 0);
  return { packages, downloadMB, install };
}

async function resolveWithPip(tool: Tool, pip: string[], request: ResolveRequest): Promise<Resolution> {
  const { requirements, gpu } = request;
  const { place } = tool;
  const report = join(place.scratch, "report.json");
  const install = pipInstall(pip, place);
  const silent = Tool.pip({ ...place, progress: () => {} }, 0);
  const argv = [...install, "--dry-run", "--report", report, "-r", requirements];
  // Where an index has no metadata by themselves, pip downloads whole files to read theirs.
  const ended = await silent.try(argv, (line) => !gpu && Deno.build.os === "linux" && isOfCuda(line));
  const seen = ended.endedAt === undefined ? undefined : packageIn(ended.endedAt);
  if (seen !== undefined) throw onlyCuda([seen], tool.name);
  if (ended.code !== 0) throw new InstallError(silent.explain(ended.output, basename(requirements)));
  const found: { install: { metadata: { name: string } }[] } = JSON.parse(await Deno.readTextFile(report));
  const packages = found.install.map(({ metadata }) => normalize(metadata.name));
  refuseCuda(packages, gpu, tool.name);
  return {
    packages,
    install: async () => {
      const installing = Tool.pip(place, packages.length);
      await installing.must([...install, "-r", requirements], basename(requirements));
      return `pip ${await pipVersion(installing, pip)}`;
    },
  };
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
  if (name === undefined) return false;
  const size = /\((\d+(?:\.\d+)?) MB\)/.exec(line)?.[1];
  return isCudaPackage(name) || name === "torch" && Number(size ?? 0) > LARGEST_CPU_BUILD_MB;
}

/** Gigabytes that nobody without a GPU needs. */
function refuseCuda(packages: string[], gpu: boolean, tool: string) {
  const cuda = packages.filter(isCudaPackage);
  if (!gpu && cuda.length > 0 && Deno.build.os === "linux") throw onlyCuda(cuda, tool);
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
