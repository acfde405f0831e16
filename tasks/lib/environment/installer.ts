/** Filling a virtual environment from a lock, with uv or with venv and pip. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { run } from "../system/command.ts";
import { compareVersions } from "../system/version.ts";
import { explainInstall, foundVersions, type InstallProblem, InstallProgress } from "./installer_output.ts";
import { type LockedPackage, normalize } from "./lock_file.ts";
import { findPython, type Python } from "./python.ts";

/** What is to be installed, and where. */
export interface Installation {
  /** Interpreter that the environment is made from. */
  python: Python;
  /** Folder of the virtual environment; must not be there yet. */
  directory: string;
  /** Folder for what is needed only while installing. */
  scratch: string;
  /** Pinned packages for this machine; or, without a lock, a requirements file that is resolved now. */
  packages: LockedPackage[];
  requirements?: string;
  /** Environment entry, `NAME=value`, by which the tools' processes can be found if this one is killed. */
  mark: string;
  /** File that the tools' whole output is added to. */
  log: string;
  progress: (line: string) => void;
  signal?: AbortSignal;
}

export interface Uv {
  path: string;
  version: string;
}

/** From here on uv knows PyTorch's own indexes (--torch-backend) and honours --no-index with them. */
const OLDEST_UV = "0.8.0";

/** The uv that is fetched where pip alone can't reach PyTorch's CPU index. SHA-256 of its Linux wheels (glibc, musl). */
const PINNED_UV = {
  version: "0.13.9",
  hashes: [
    "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    "2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25",
    "ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375",
    "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
  ],
};

/** An installation that failed for a reason that the tool's output tells. */
export class InstallError extends Error {
  constructor(readonly problem: InstallProblem) {
    super(problem.message);
  }
}

/** uv, if it is there and new enough: named by the UV variable, else on PATH. */
export async function findUv(): Promise<Uv | undefined> {
  const path = Deno.env.get("UV") || "uv";
  try {
    const { code, stdout } = await run([path, "--version"], { timeoutMs: 10_000 });
    const version = /^uv (\d+\.\d+\.\d+)/.exec(stdout)?.[1];
    if (code !== 0 || version === undefined || compareVersions(version, OLDEST_UV) < 0) return undefined;
    return { path, version };
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** @throws InstallError */
export async function installWithUv(uv: Uv, installation: Installation): Promise<void> {
  const { python, directory } = installation;
  const tool = new Tool(`uv ${uv.version}`, installation, await uvEnvironment(python));
  await tool.must([uv.path, "venv", "--python", python.path, directory]);
  const install = [uv.path, "pip", "install", "--python", join(directory, "bin/python")];
  if (installation.requirements !== undefined) {
    await tool.must([...install, "--torch-backend", "auto", "-r", installation.requirements]);
    return;
  }
  for (const entry of unhashed(installation)) await installUnhashedWithUv(tool, install, entry);
  const file = await hashedFile(installation);
  if (file !== undefined) await tool.must([...install, "--no-deps", "--require-hashes", "-r", file]);
}

/** A configured folder or index is asked first; the CPU build of torch is else on an index that uv knows by name. */
async function installUnhashedWithUv(tool: Tool, install: string[], entry: LockedPackage) {
  const pin = `${entry.name}==${entry.version}`;
  const plain = [...install, "--no-deps", pin];
  if (!isCpuBuild(entry)) return await tool.must(plain, pin);
  if (tool.hasOwnSources && (await tool.try(plain)).code === 0) return;
  await tool.must([...install, "--no-deps", "--torch-backend", "cpu", pin], pin);
}

/**
 * Leaves neither pip nor setuptools in the environment that the lock does not name. Returns the version of pip.
 *
 * @throws InstallError, and Failure(3) if this Python can't make virtual environments.
 */
export async function installWithPip(installation: Installation): Promise<string> {
  const { python, directory, scratch } = installation;
  const tool = new Tool("pip", installation, { ...PIP_PATIENCE, ...cleanEnvironment() });
  await tool.must([python.path, "-m", "venv", "--without-pip", directory]);
  const pip = await pipOf(tool, installation);
  const target = ["--python", join(directory, "bin/python")];
  const install = [...pip, ...target, "install", "--log", join(scratch, "pip.txt"), ...PIP_OPTIONS];
  if (installation.requirements !== undefined) {
    await tool.must([...install, "-r", installation.requirements]);
  } else {
    for (const entry of unhashed(installation)) {
      await installUnhashedWithPip(tool, install, entry, installation);
    }
    const file = await hashedFile(installation);
    if (file !== undefined) await tool.must([...install, "--no-deps", "--require-hashes", "-r", file]);
  }
  return /^pip (\S+)/.exec((await tool.try([...pip, "--version"])).output)?.[1] ?? "";
}

/** Compiling is left to the first import: doing it now takes longer than the installation itself. */
const PIP_OPTIONS = ["--no-compile", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"];

/** A closed port or a dead proxy should show within seconds; what the user set goes before. */
const PIP_PATIENCE = { PIP_RETRIES: "2", PIP_DEFAULT_TIMEOUT: "30" };

const UV_PATIENCE = { UV_HTTP_RETRIES: "2", UV_HTTP_TIMEOUT: "30" };

/** The pip of the Python itself; else one in an environment that is thrown away, which takes some seconds longer. */
async function pipOf(tool: Tool, { python, scratch }: Installation): Promise<string[]> {
  if (python.pip !== undefined) return [python.path, "-m", "pip"];
  if (!python.ensurepip) {
    throw new Failure(
      3,
      `Cannot install packages: ${python.path} has neither pip nor ensurepip, and there is no uv`,
      {
        remedy:
          "Install pip (on Debian and Ubuntu: apt install python3-pip), or uv, or name another Python: PYTHON=/path",
      },
    );
  }
  const directory = join(scratch, "pip");
  await tool.must([python.path, "-m", "venv", directory]);
  return [join(directory, "bin/python"), "-m", "pip"];
}

/**
 * The default index's torch for Linux needs gigabytes of CUDA packages to be imported, so its CPU build is never
 * replaced by it: where no configured folder or index has the CPU build, uv is fetched, which knows the index that has.
 */
async function installUnhashedWithPip(
  tool: Tool,
  install: string[],
  entry: LockedPackage,
  installation: Installation,
) {
  const pin = `${entry.name}==${entry.version}`;
  const first = await tool.try([...install, "--no-deps", pin]);
  if (first.code === 0) return;
  const problem = tool.explain(first.output, pin);
  // One of several indexes may be out of reach, and uv on one of the others.
  const elsewhere = problem.kind === "no file" ||
    problem.kind === "unreachable" && foundVersions(first.output);
  if (!isCpuBuild(entry) || !elsewhere) throw new InstallError(problem);
  installation.progress(`pip finds no ${pin}; fetching uv ${PINNED_UV.version}, which knows where it is`);
  try {
    await installByFetchedUv(tool, install, pin, installation);
  } catch (error) {
    if (!(error instanceof InstallError)) throw error;
    if (problem.kind === "unreachable") throw new InstallError(problem);
    throw withoutCpuBuild(entry, error.problem, await otherPython(entry, installation.python));
  }
}

/** Another Python that is here, for which a configured folder has the wheel. */
async function otherPython({ name, version }: LockedPackage, { path }: Python): Promise<Python | undefined> {
  const folders = ((await pipSettings({ path }))["find-links"] ?? "").split(/\s+/);
  for (const folder of folders.filter((one) => one.startsWith("/"))) {
    const entries = await Array.fromAsync(Deno.readDir(folder)).catch(() => []);
    for (const minor of wheelMinors(entries.map((entry) => entry.name), name, version)) {
      const python = await findPython([`python3.${minor}`]).catch(() => undefined);
      if (python !== undefined && python.path !== path) return python;
    }
  }
}

/** Minor versions of the Pythons that the wheels of a package are for, on this kind of machine: `["11"]`. */
export function wheelMinors(files: string[], name: string, version: string): string[] {
  const machine = Deno.build.os === "linux" ? `linux.*_${Deno.build.arch}` : `macosx.*_`;
  return files.flatMap((file) => {
    const [, wheel = "", at, minor, platform = ""] = /^(.+?)-([^-]+)-cp3(\d+)-cp3\d+-(.+)\.whl$/.exec(file) ??
      [];
    const fits = normalize(wheel) === name && at === version && new RegExp(machine).test(platform);
    return fits && minor !== undefined ? [minor] : [];
  });
}

async function installByFetchedUv(tool: Tool, install: string[], pin: string, installation: Installation) {
  const quiet = new Tool(tool.name, { ...installation, progress: () => {} }, tool.env);
  const uv = await fetchUv(quiet, install, installation.scratch);
  const helper = new Tool(`uv ${PINNED_UV.version}`, installation, await uvEnvironment(installation.python));
  const interpreter = join(installation.directory, "bin/python");
  await helper.must([
    uv,
    "pip",
    "install",
    "--python",
    interpreter,
    "--no-deps",
    "--torch-backend",
    "cpu",
    pin,
  ], pin);
}

function withoutCpuBuild(
  { name, version }: LockedPackage,
  problem: InstallProblem,
  other: Python | undefined,
): InstallError {
  const use = other &&
    `Use Python ${other.version}, for which a configured folder has it: PYTHON=${other.path}; or `;
  return new InstallError({
    kind: problem.kind,
    message: `${name} ${version}, the CPU build, is not on pip's index or in its folders; ${problem.message}`,
    remedy:
      `${
        use ? `${use}n` : "N"
      }ame a folder that holds its wheel (PIP_FIND_LINKS=/folder) or an institutional ` +
      "index that has it (PIP_EXTRA_INDEX_URL=…), or check the network and proxy (HTTPS_PROXY), and start again",
  });
}

async function fetchUv(tool: Tool, install: string[], scratch: string): Promise<string> {
  const file = join(scratch, "uv.txt");
  const hashes = PINNED_UV.hashes.map((hash) => ` --hash=sha256:${hash}`).join("");
  await Deno.writeTextFile(file, `uv==${PINNED_UV.version}${hashes}\n`);
  const target = join(scratch, "uv");
  await tool.must([...install, "--no-deps", "--require-hashes", "--target", target, "-r", file]);
  return join(target, "bin/uv");
}

function isCpuBuild(entry: LockedPackage): boolean {
  return entry.version.endsWith("+cpu");
}

function unhashed({ packages }: Installation): LockedPackage[] {
  return packages.filter((entry) => entry.hashes.length === 0);
}

/** Writes the packages with hashes for this machine, their markers already decided; undefined if there are none. */
async function hashedFile({ packages, scratch }: Installation): Promise<string | undefined> {
  const hashed = packages.filter((entry) => entry.hashes.length > 0);
  if (hashed.length === 0) return undefined;
  const lines = hashed.map(({ name, version, hashes }) =>
    [`${name}==${version}`, ...hashes.map((hash) => `    --hash=${hash}`)].join(" \\\n")
  );
  const path = join(scratch, "requirements.txt");
  await Deno.writeTextFile(path, lines.join("\n") + "\n");
  return path;
}

/** Runs pip or uv, keeps what it prints, and tells how far it is. */
class Tool {
  readonly #progress: InstallProgress;
  readonly hasOwnSources: boolean;

  constructor(
    readonly name: string,
    readonly installation: Installation,
    readonly env: Record<string, string>,
  ) {
    this.#progress = new InstallProgress(installation.packages.length, installation.progress);
    this.hasOwnSources = Boolean(
      env.UV_FIND_LINKS || env.UV_INDEX || env.UV_EXTRA_INDEX_URL || env.UV_NO_INDEX,
    );
  }

  /** @throws InstallError if the exit code is not 0. */
  async must(argv: string[], wanted?: string): Promise<void> {
    const { code, output } = await this.try(argv);
    if (code !== 0) throw new InstallError(this.explain(output, wanted));
  }

  async try(argv: string[]): Promise<{ code: number; output: string }> {
    const { log, signal, mark } = this.installation;
    const [name = "", value = ""] = mark.split("=");
    using file = await Deno.open(log, { append: true, create: true });
    const write = (line: string) => file.writeSync(new TextEncoder().encode(line + "\n"));
    write(`$ ${argv.join(" ")}`);
    const started = performance.now();
    let spoken = started;
    // A large file may take minutes without a line from pip.
    const heartbeat = setInterval(() => {
      if (performance.now() - spoken < 10_000) return;
      this.installation.progress(
        `${this.#progress.last || "waiting for the package index"} (${
          Math.round((performance.now() - started) / 1000)
        } s)`,
      );
    }, 10_000);
    try {
      const finished = await run(argv, {
        env: { ...this.env, [name]: value },
        clearEnv: true,
        signal,
        onLine: (line) => {
          spoken = performance.now();
          write(line);
          this.#progress.line(line);
        },
      });
      signal?.throwIfAborted();
      return { code: finished.code, output: finished.stdout + finished.stderr };
    } finally {
      clearInterval(heartbeat);
    }
  }

  explain(output: string, wanted?: string): InstallProblem {
    const { packages, python } = this.installation;
    const count = packages.length === 1
      ? `${packages[0]?.name} ${packages[0]?.version}`
      : `${packages.length} packages`;
    return explainInstall(output + this.#addresses(), {
      installer: this.name,
      machine: `Python ${python.version} on ${Deno.build.os} ${Deno.build.arch}`,
      wanted: wanted ?? count,
    });
  }

  /** pip names the host that it could not reach only in its detailed log. */
  #addresses(): string {
    try {
      const text = Deno.readTextFileSync(join(this.installation.scratch, "pip.txt"));
      return "\n" + (text.match(/Could not fetch URL .*/g)?.at(-1) ?? "");
    } catch {
      return "";
    }
  }
}

/** The user's environment without what would send packages elsewhere or import foreign modules. */
function cleanEnvironment(): Record<string, string> {
  const env = Deno.env.toObject();
  const harmful = [
    "PYTHONPATH",
    "PYTHONHOME",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_REQUIRE_VIRTUALENV",
  ];
  for (const name of [...harmful, "VIRTUAL_ENV", "UV_SYSTEM_PYTHON", "UV_PYTHON"]) delete env[name];
  return env;
}

/** What pip is configured to use, handed on to uv, which reads none of it; what is set for uv goes before. */
async function uvEnvironment(python: Python): Promise<Record<string, string>> {
  const pip = await pipSettings(python);
  const list = (name: string, separator: string) => pip[name]?.split(/\s+/).filter(Boolean).join(separator);
  const handedOn: Record<string, string | undefined> = {
    UV_DEFAULT_INDEX: pip["index-url"],
    UV_INDEX: list("extra-index-url", " "),
    // pip looks for the best version everywhere; uv would stop at the first index that has the name.
    UV_INDEX_STRATEGY: pip["extra-index-url"] && "unsafe-best-match",
    UV_FIND_LINKS: list("find-links", ","),
    UV_NO_INDEX: pip["no-index"] && /^(?:1|true|yes|on)$/i.test(pip["no-index"]) ? "1" : undefined,
    UV_INSECURE_HOST: list("trusted-host", " "),
    SSL_CERT_FILE: pip["cert"],
  };
  const given = Object.entries(handedOn).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return { ...UV_PATIENCE, ...Object.fromEntries(given), ...cleanEnvironment() };
}

/** pip's settings from its files and variables, e.g. `{ "find-links": "/wheels" }`. */
async function pipSettings(python: Pick<Python, "path">): Promise<Record<string, string>> {
  const { code, stdout } = await run([python.path, "-m", "pip", "config", "list"], {
    env: cleanEnvironment(),
    clearEnv: true,
    timeoutMs: 20_000,
  });
  return parsePipSettings(code === 0 ? stdout : "", Deno.env.toObject());
}

/** Reads `pip config list`; the variables are read as well, for a Python without pip. */
export function parsePipSettings(listed: string, env: Record<string, string>): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const line of listed.split("\n")) {
    const match = /^(?:global|install)\.([\w-]+)=(['"])(.*)\2$/.exec(line.trim());
    if (match) settings[match[1] ?? ""] = (match[3] ?? "").replaceAll("\\n", " ").trim();
  }
  for (const [name, value] of Object.entries(env)) {
    const match = /^PIP_([A-Z_]+)$/.exec(name);
    if (match && value !== "") settings[(match[1] ?? "").toLowerCase().replaceAll("_", "-")] = value;
  }
  return settings;
}
