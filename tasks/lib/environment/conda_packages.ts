/** environment.yml where no program of conda's is here: solved and installed by py-rattler, fetched for it alone. */

import { dirname, join, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { compareVersions } from "../system/version.ts";
import { INSIDE } from "../system/product.ts";
import { CONDA_PROGRAMS } from "./conda_program.ts";
import type { Contents, ContentsRequest } from "./format.ts";
import { installArguments } from "./install_arguments.ts";
import { fetchUv, installMore, pipInstall, pipOf, uvInstall } from "./installer.ts";
import { environmentCache } from "./stamp.ts";
import { InstallError, Tool } from "./tool.ts";

/** Requirements file of pip's with the version and the hashes. */
const PINNED = join(INSIDE, "rattler.txt");

/** From here on py-rattler has files. */
const OLDEST_PYTHON = "3.10";

/**
 * The contents of an environment.yml: conda's packages, and those that pip is to add.
 *
 * @throws Failure(3) if py-rattler can't be had; 2 if the file can't be read
 */
export async function condaPackages(request: ContentsRequest): Promise<Contents> {
  const { files: [file], place, gpu, python, announce } = request;
  const { channels, specs, pip } = await readEnvironmentFile(file!);
  const tool = Tool.other("py-rattler", place, { PYTHONPATH: await fetchRattler(request) });
  const asked = {
    channels,
    specs: python === undefined ? specs : [...specs, `python ${python}.*`],
    cuda: gpu,
    cache: join(environmentCache() ?? place.scratch, "conda"),
  };
  announce("Solving environment.yml with py-rattler, since no micromamba, mamba or conda is on PATH");
  const { bytes } = await make(tool, asked);
  return {
    tool: "py-rattler",
    downloadMB: bytes / 1e6,
    install: async () => {
      await make(tool, { ...asked, prefix: place.directory });
      if (pip.length > 0) await addPip(request, pip);
      const more = installArguments(request.root, request.install ?? []);
      if (more.length > 0) await installMore(more, request.uv, place);
      return "py-rattler";
    },
  };
}

async function make(
  tool: Tool,
  asked: Record<string, unknown>,
): Promise<{ packages: number; bytes: number }> {
  const { python, scratch } = tool.place;
  const file = join(scratch, "conda.json");
  await Deno.writeTextFile(file, JSON.stringify(asked));
  const printed = await tool.printed(
    [python.path, join(INSIDE, "conda_environment.py"), file],
    "environment.yml",
  );
  return JSON.parse(printed.trim().split("\n").at(-1)!);
}

/** @returns the folder that has it */
async function fetchRattler({ uv, place }: ContentsRequest): Promise<string> {
  const { python, scratch } = place;
  if (compareVersions(python.version, OLDEST_PYTHON) < 0) {
    throw without(
      `py-rattler, which would do, needs Python ${OLDEST_PYTHON} or newer, here is ${python.version}`,
    );
  }
  const target = join(scratch, "rattler");
  const what = ["--no-deps", "--require-hashes", "--target", target, "-r", PINNED];
  try {
    if (uv !== undefined) {
      const tool = await Tool.uv(uv, place, 1);
      await tool.must([uv.path, "pip", "install", "--python", python.path, ...what], "py-rattler");
    } else {
      const tool = Tool.pip(place, 1);
      await tool.must([...await pipOf(tool, "helper"), "install", "--no-input", ...what], "py-rattler");
    }
  } catch (error) {
    if (!(error instanceof InstallError)) throw error;
    throw without(`py-rattler, which would do, can't be fetched: ${error.problem.message}`);
  }
  return target;
}

function without(because: string): Failure {
  return new Failure(
    3,
    `Cannot read environment.yml: none of ${CONDA_PROGRAMS.names.join(", ")} is on PATH, and ${because}`,
    { remedy: CONDA_PROGRAMS.remedy },
  );
}

export interface CondaFile {
  channels: string[];
  /** conda's, e.g. "name=1.26". */
  specs: string[];
  /** Lines of a requirements file; paths are absolute. */
  pip: string[];
}

/** @throws Failure(2) if it is no environment.yml */
export async function readEnvironmentFile(file: string): Promise<CondaFile> {
  const { yaml } = await import("../values/yaml.ts");
  const text = await Deno.readTextFile(file);
  let content: { channels?: unknown; dependencies?: unknown } | null;
  try {
    content = yaml.parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw unreadable(file, (error as Error).message.split("\n")[0]!);
  }
  const { channels = [], dependencies } = content ?? {};
  if (!Array.isArray(dependencies) || !Array.isArray(channels)) {
    throw unreadable(file, "it must hold a list of dependencies");
  }
  const pip = dependencies.flatMap((one) => typeof one === "object" && one !== null ? one.pip ?? [] : []);
  return {
    channels: channels.length === 0 ? ["conda-forge"] : channels.map(String),
    specs: dependencies.filter((one) => typeof one === "string").map(matchSpec),
    pip: pip.map((line: unknown) => withAbsolutePath(String(line), dirname(file))),
  };
}

function unreadable(file: string, because: string): Failure {
  return new Failure(2, `Cannot read ${file}: ${because}`, {
    remedy: "conda env export --from-history > environment.yml writes one",
  });
}

/** conda's own `name=1.26`, with one sign, is every 1.26 there is; `name=1.26=py311_0` names a build. */
function matchSpec(text: string): string {
  const [, name, version, build] = /^([^\s=<>!~]+)=([^=\s]+)(?:=(\S+))?$/.exec(text.trim()) ?? [];
  if (version === undefined) return text;
  const range = /[*<>,|]/.test(version) ? version : build === undefined ? `${version}.*` : `==${version}`;
  return build === undefined ? `${name} ${range}` : `${name} ${range} ${build}`;
}

/** `-r more.txt`, `-e .` and `./folder` are meant from the file's own folder. */
function withAbsolutePath(line: string, folder: string): string {
  const [, flag = "", path] =
    /^((?:-r|-e|--requirement|--editable|-c|--constraint)[\s=]+)?(\S+)$/.exec(line.trim()) ??
      [];
  if (path === undefined || (flag === "" && !path.startsWith(".")) || /:\/\//.test(path)) return line;
  return `${flag}${resolve(folder, path)}`;
}

/** pip's part, by uv, which knows PyTorch's CPU builds. */
async function addPip(request: ContentsRequest, lines: string[]) {
  const { place, gpu, torch = "auto" } = request;
  const list = join(place.scratch, "pip-of-conda.txt");
  await Deno.writeTextFile(list, lines.map((line) => `${line}\n`).join(""));
  const helper = Tool.pip(place, 0);
  const uv = request.uv ?? await fetchUv(pipInstall(await pipOf(helper, "helper"), place), place);
  const tool = await Tool.uv(uv, place, 0);
  const backend = torch === "auto" ? (gpu ? "auto" : "cpu") : torch;
  await tool.must(
    [...uvInstall(uv, place), "--torch-backend", backend, "-r", list],
    "what environment.yml gives pip",
  );
}
