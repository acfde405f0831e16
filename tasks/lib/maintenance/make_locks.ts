/** Making the locks from the requirements files; needs uv, and an index that can be reached. */

import { asCalled } from "../cli/program.ts";
import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { installLines } from "../environment/install_arguments.ts";
import { explainInstall } from "../environment/installer_output.ts";
import { choicesLine, fileSizes, isCudaPackage, normalize, parseLock } from "../environment/lock_file.ts";
import { describeRange, findPython, type PythonRange } from "../environment/python.ts";
import { uvArguments } from "../environment/packages_of_then.ts";
import { findUv, type Uv } from "../environment/uv.ts";
import { run } from "../system/command.ts";
import { exists, writeAtomic } from "../system/files.ts";
import { bytes } from "../cli/format.ts";

export interface LockOptions {
  /** Absolute path of the project. */
  root: string;
  /** Files to lock together, relative to the root: requirements files, a pyproject.toml. The lock is named by the first. */
  requirements?: string | readonly string[];
  /** Extras and dependency groups of a pyproject.toml that go into its lock. */
  extras?: readonly string[];
  groups?: readonly string[];
  /** What is installed beside the requirements, whose own requirements are locked, too: `environment.install`. */
  install?: readonly string[];
  /** Day whose packages are taken: `environment.as_of`. */
  asOf?: string;
  /** Get newer versions of what is not pinned by the requirements themselves. */
  upgrade?: boolean;
  /** What is locked to go with it. */
  added?: readonly AddedLock[];
  announce: (line: string) => void;
  signal?: AbortSignal;
}

/** A file with requirements whose lock is used beside another's environment. */
export interface AddedLock {
  /** Relative to the root; the lock lies beside it. */
  requirements: string;
  /** It is used beside other environments, too, so what the main lock has is in it as well. */
  whole?: boolean;
  /** For Linux alone. */
  onlyLinux?: boolean;
  /** What its first lines say, before the machines that it is for. */
  about: readonly string[];
}

export interface MadeLock {
  /** Relative to the root. */
  path: string;
  packages: number;
  /** False if the file was right already. */
  changed: boolean;
}

/** One package of a lock, as the text that stands for it. */
export interface Block {
  name: string;
  version: string;
  marker: string;
  /** Names of the packages, or files, that need it. */
  via: string[];
  /** The lines of the package, with hashes, without the comments. */
  lines: string[];
}

/** The Pythons that locks are made for, as far as the packages have files for them; whoever uses a lock reads them in it. */
const PYTHONS: PythonRange = { oldest: "3.11", newest: "3.14" };

/** One resolution for every machine: fewest versions, from the oldest Python on. */
const COMPILE = [
  "--universal",
  `--python-version=${PYTHONS.oldest}`,
  "--fork-strategy=fewest",
  "--generate-hashes",
];

/** The machines that locks are for: what uv calls them, and what people do. */
const MACHINES = {
  linux: { "x86_64-manylinux_2_28": "Linux on x86-64", "aarch64-manylinux_2_28": "Linux on arm64" },
  macos: { "aarch64-apple-darwin": "macOS 14 or newer on arm64" },
};

/** Of macOS; uv would take an older one than torch is made for. */
const TARGETS = { MACOSX_DEPLOYMENT_TARGET: "14.0" };

/** Size of the file that stands for torch in the CPU lock: its wheel for Python 3.11 on Linux x86-64, in megabytes. */
const CPU_TORCH_MB = 191.8;

/** Disk use over download on Linux x86-64 with torch 2.13.0: 1.1 of 0.31 GB, and 5.2 of 2.8 GB with CUDA. */
const DISK_OVER_DOWNLOAD = { cpu: 3.6, cuda: 1.85 };

/**
 * Makes the locks of a requirements file beside it: `<stem>-cpu.lock` and `<stem>-cuda.lock` where a package has builds
 * for both, else `<stem>.lock`. Versions in existing locks are kept as long as they fit, unless `upgrade` is set.
 *
 * @throws Failure(3) if uv is not there or can't reach its index, Failure(2) if the requirements contradict each other.
 */
export async function lock(options: LockOptions): Promise<MadeLock[]> {
  const [requirements, ...more] = [options.requirements ?? "requirements.txt"].flat() as [
    string,
    ...string[],
  ];
  const uv = await findUv();
  if (uv === undefined) {
    throw new Failure(3, "Cannot make the locks: uv 0.8 or newer is not on PATH", {
      remedy:
        "Install it (pip install uv), or name it: UV=/path/to/uv; only making locks needs it, not using them",
    });
  }
  if (!await exists(join(options.root, requirements))) {
    throw new Failure(2, `Cannot lock ${requirements}: it is not there`, {
      remedy: "Create it, or correct environment.requirements in experiment.yaml",
    });
  }
  // Named, so that uv does not look for another one at each call; what is resolved does not depend on it.
  const { path: python } = await findPython();
  const compile = (
    requirements: string,
    previous: string,
    constraints?: string,
    more: string[] = [],
    install: readonly string[] = [],
  ) => resolve({ ...options, uv, python, requirements, more, install, previous, constraints });
  const stem = requirements.replace(/\.[^./]*$/, "");
  const [one, cuda, cpu] = ["", "-cuda", "-cpu"].map((kind) => `${stem}${kind}.lock`) as [
    string,
    string,
    string,
  ];
  const before = await exists(join(options.root, cuda)) ? cuda : one;
  const main = await compile(requirements, before, undefined, more, options.install);
  // The one that an earlier version made in two would be taken before the new one.
  const isTwo = main.blocks.some(isOfTorch) || before === cuda;
  const made = isTwo
    ? [
      await writeLock(options, cuda, cudaLock(main, cuda)),
      await writeLock(options, cpu, cpuLock(main, cpu)),
    ]
    : [await writeLock(options, one, oneLock(main, one))];
  const withMain = isTwo ? cuda : one;
  for (const added of options.added ?? []) {
    const file = added.requirements.replace(/\.[^./]*$/, ".lock");
    const compiled = await compile(added.requirements, file, withMain);
    made.push(await writeLock(options, file, addedLock(compiled, main.blocks, added, file)));
  }
  return made;
}

function isOfTorch({ name }: Block): boolean {
  return name === "torch" || isCudaPackage(name);
}

interface Compiled {
  /** File that was resolved, relative to the root. */
  requirements: string;
  extras: readonly string[];
  groups: readonly string[];
  install: readonly string[];
  asOf?: string;
  blocks: Block[];
  /** Folders and addresses that it names, which are no packages of an index: `-e .` */
  local: string[];
  pythons: PythonRange;
  /** Packages that some of the machines need, as "name==version". */
  onLinux: Set<string>;
  onMacos: Set<string>;
  /** The machines that all its packages have files for, and those that they don't, as people call them. */
  machines: { linux: string[]; macos: string[]; without: string[] };
  /** Megabytes to download for the oldest Python on Linux x86-64, by name of package. */
  sizes: Map<string, number>;
}

interface Resolving extends Omit<LockOptions, "requirements"> {
  uv: Uv;
  /** Path of an interpreter. */
  python: string;
  /** File to resolve, relative to the root. */
  requirements: string;
  /** Files that go together with it. */
  more: string[];
  /** Lock whose versions are kept, if they fit. */
  previous: string;
  constraints?: string;
}

/** Resolves a requirements file once for all machines; then each machine's part of it, and the sizes for one. */
async function resolve(resolving: Resolving): Promise<Compiled> {
  const { root, upgrade, announce, uv, requirements, previous, constraints, extras = [], groups = [], asOf } =
    resolving;
  announce(`Resolving ${requirements} with uv ${uv.version}`);
  const scratch = await Deno.makeTempDir({ prefix: "lock-" });
  try {
    const pinned = join(scratch, "pinned.txt");
    const kept = upgrade ? undefined : await Deno.readTextFile(join(root, previous)).catch(() => undefined);
    // uv takes its preferences from the file it is about to replace; the CPU build is on no index it will ask.
    if (kept !== undefined) await Deno.writeTextFile(pinned, kept);
    const within = constraints === undefined ? [] : ["--constraints", constraints];
    const chosen = [
      ...uvArguments(asOf, PYTHONS.oldest),
      ...extras.flatMap((name) => ["--extra", name]),
      ...groups.flatMap((name) => ["--group", `${requirements}:${name}`]),
    ];
    const beside = join(scratch, "install.txt");
    const lines = installLines(root, resolving.install ?? []);
    if (lines.length > 0) await Deno.writeTextFile(beside, lines.map((line) => `${line}\n`).join(""));
    await compile(resolving, [
      requirements,
      ...resolving.more,
      ...(lines.length > 0 ? [beside] : []),
      ...chosen,
      ...COMPILE,
      ...within,
      "--output-file",
      pinned,
    ]);
    const text = (await Deno.readTextFile(pinned)).replaceAll(`-r ${beside}`, "install: of experiment.yaml");
    // What experiment.yaml installs by itself it says itself, and not by a path of this machine.
    const local = localLines(text).filter((line) => !lines.some((own) => isSamePlace(line, own)));
    await Deno.writeTextFile(pinned, withoutLocal(text));
    const needed = await neededByMachine(pinned, resolving);
    const sized = join(scratch, "pylock.toml");
    const part = partOf(pinned, PYTHONS.oldest, needed.sizedFor);
    await compile(resolving, [...part, "--format", "pylock.toml", "--output-file", sized]);
    return {
      ...{
        requirements: [requirements, ...resolving.more].join(", "),
        extras,
        groups,
        asOf,
        local,
        ...needed,
      },
      install: resolving.install ?? [],
      blocks: parseBlocks(await Deno.readTextFile(pinned)),
      sizes: fileSizes(await Deno.readTextFile(sized), PYTHONS.oldest),
    };
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** `-e .`, `./folder` and `name @ file:…` have no hash: they are installed beside the lock. */
const LOCAL = /^(?:-e\s|--editable\s|[./]|file:|\S+ @ file:)/;

function localLines(text: string): string[] {
  return text.split("\n").filter((line) => LOCAL.test(line)).map((line) => line.replace(/\s*\\$/, ""));
}

/** uv writes `-e /project[x]` as `-e file:///project[x]`, or as `mine @ file:///project`. */
function isSamePlace(line: string, own: string): boolean {
  const path = own.replace(/^-e /, "").replace(/\[.*$/, "");
  return line.replace(/\[.*$/, "").replace(/ ;.*$/, "").endsWith(path);
}

/** The rest of uv's output; what a local line's comments say goes with it. */
function withoutLocal(text: string): string {
  let dropping = false;
  return text.split("\n").filter((line) => {
    if (/^\S/.test(line)) dropping = LOCAL.test(line);
    return !dropping;
  }).join("\n");
}

/**
 * Which packages of a resolution for all machines each kind of machine needs, with the oldest Python and the newest that
 * all packages have files for on some machine. A machine that a package has no file for is left out.
 *
 * @throws Failure(2) if no machine is left
 */
async function neededByMachine(pinned: string, resolving: Resolving) {
  const part = async (machine: string, python: string): Promise<string[] | Failure> => {
    try {
      const argv = [...partOf(pinned, python, machine), "--no-annotate", "--quiet"];
      return parseLock(await compile(resolving, argv), pinned).packages
        .map(({ name, version }) => `${name}==${version}`);
    } catch (error) {
      if (error instanceof Failure && error.exitCode === 2) return error;
      throw error;
    }
  };
  const all = [...Object.entries(MACHINES.linux), ...Object.entries(MACHINES.macos)];
  const oldest = await Promise.all(all.map(([machine]) => part(machine, PYTHONS.oldest)));
  const first = oldest.findIndex((one) => Array.isArray(one));
  if (first < 0) throw oldest[0];
  const sizedFor = all[first]![0];
  let minor = Number(PYTHONS.newest!.split(".")[1]);
  while (!Array.isArray(await part(sizedFor, `3.${minor}`))) minor--;
  const pythons = { oldest: PYTHONS.oldest, newest: `3.${minor}` };
  const [onLinux, onMacos] = [new Set<string>(), new Set<string>()];
  const machines: Compiled["machines"] = { linux: [], macos: [], without: [] };
  for (const [index, [machine, called]] of all.entries()) {
    const newest = await part(machine, pythons.newest);
    const early = oldest[index]!;
    const isLinux = machine in MACHINES.linux;
    if (!Array.isArray(early) || !Array.isArray(newest)) {
      machines.without.push(called);
      continue;
    }
    [...early, ...newest].forEach((name) => (isLinux ? onLinux : onMacos).add(name));
    (isLinux ? machines.linux : machines.macos).push(called);
  }
  return { pythons, onLinux, onMacos, machines, sizedFor };
}

/** uv evaluates the markers of what is resolved already. */
function partOf(pinned: string, python: string, machine: string): string[] {
  return [pinned, "--no-deps", "--python-version", python, "--python-platform", machine];
}

/** Runs `uv pip compile`; returns what it prints. */
async function compile(
  { uv, python, root, requirements, signal }: Resolving,
  args: string[],
): Promise<string> {
  const argv = [uv.path, "pip", "compile", "--no-header", "--python", python, ...args];
  const { code, stdout, stderr } = await run(argv, { cwd: root, env: TARGETS, signal, keep: "all" });
  signal?.throwIfAborted();
  if (code === 0) return stdout;
  const context = {
    installer: `uv ${uv.version}`,
    machine: "any machine",
    wanted: `what ${requirements} names`,
  };
  const problem = explainInstall(stdout + stderr, context);
  if (problem.kind === "unreachable") {
    throw new Failure(3, `Cannot lock ${requirements}: ${problem.message}`, { remedy: problem.remedy });
  }
  throw new Failure(2, `Cannot lock ${requirements}: ${(stdout + stderr).trim()}`, {
    remedy: `Correct the versions in ${requirements}`,
  });
}

/** Splits what `uv pip compile` writes into its packages. */
export function parseBlocks(text: string): Block[] {
  const blocks: Block[] = [];
  for (const line of text.split("\n")) {
    const block = blocks.at(-1);
    const comment = /^\s+#\s+(?:via\b)?\s*(.*)$/.exec(line);
    if (/^[A-Za-z0-9]/.test(line)) {
      const entry = parseLock(line.replace(/\s*\\$/, ""), "pinned.txt").packages[0];
      if (entry) {
        blocks.push({
          name: entry.name,
          version: entry.version,
          marker: entry.marker,
          via: [],
          lines: [line],
        });
      }
    } else if (block !== undefined && comment !== null) {
      if (comment[1]) block.via.push(comment[1]);
    } else if (block !== undefined && line.trim() !== "") block.lines.push(line);
  }
  return blocks;
}

function isNeeded(needed: Set<string>[], { name, version }: Block): boolean {
  return needed.some((names) => names.has(`${name}==${version}`));
}

function blockText({ lines, via }: Block): string {
  return [...lines, `    # for ${via.map((name) => name.replace(/^-[rc] /, "")).join(", ")}`].join("\n");
}

/** What a lock is of, for whom, and what it leaves out, for its first lines. */
function aboutLock(compiled: Compiled, kind: string, machines: string[], hashes: string): string[] {
  const { requirements, extras, groups, local, pythons } = compiled;
  const chosen = [
    ...extras.map((name) => `the extra "${name}"`),
    ...groups.map((name) => `the group "${name}"`),
  ];
  return [
    `What ${requirements}${
      chosen.length === 0 ? "" : ` with ${chosen.join(", ")}`
    } comes to${kind}: every package,`,
    `pinned, ${hashes}`,
    `For ${machines.join(", ")}; Python ${describeRange(pythons)}. From Python's standard package index.`,
    ...(compiled.machines.without.length === 0
      ? []
      : [`Not for ${compiled.machines.without.join(", ")}: a package has no file for it.`]),
    ...(local.length === 0
      ? []
      : [`Not in it, and installed after it: ${local.map((line) => `"${line}"`).join(", ")}.`]),
    choicesLine(compiled),
  ];
}

const ALL_HASHED = "with the SHA-256 of each of its files.";

/** Text of the one lock of packages that have no builds for CUDA. */
function oneLock(compiled: Compiled, file: string): string {
  const { blocks, onLinux, onMacos, sizes, machines } = compiled;
  const kept = blocks.filter((block) => isNeeded([onLinux, onMacos], block));
  const about = aboutLock(compiled, "", [...machines.linux, ...machines.macos], ALL_HASHED);
  return lockText(kept, sizes, DISK_OVER_DOWNLOAD.cpu, compiled.pythons, [...about, BY_HAND(file)]);
}

/** Text of the lock for Linux machines with a GPU. */
function cudaLock(compiled: Compiled, file: string): string {
  const { blocks, onLinux, sizes, machines } = compiled;
  const kept = blocks.filter((block) => isNeeded([onLinux], block));
  return lockText(kept, sizes, DISK_OVER_DOWNLOAD.cuda, compiled.pythons, [
    ...aboutLock(compiled, " on a machine with an NVIDIA GPU", machines.linux, ALL_HASHED),
    ...(kept.some(({ name }) => name === "torch")
      ? ["The standard index's torch for Linux is the CUDA build."]
      : []),
    BY_HAND(file),
  ]);
}

/** Text of the lock for Linux without a GPU, and for macOS: CUDA's packages left out, torch's CPU build put in. */
function cpuLock(compiled: Compiled, file: string): string {
  const { blocks, onLinux, onMacos, sizes, machines } = compiled;
  const needed = withoutCuda(blocks).filter((block) => isNeeded([onLinux, onMacos], block));
  const torch = needed.find(({ name }) => name === "torch");
  const kept = needed.flatMap((block) => block === torch ? splitTorch(block) : [block]);
  const cpuSizes = torch === undefined ? sizes : new Map(sizes).set("torch", CPU_TORCH_MB);
  const hashes = torch === undefined ? ALL_HASHED : "all but one with the SHA-256 of each of its files.";
  const about = aboutLock(
    compiled,
    " on a machine without a usable GPU",
    [...machines.linux, ...machines.macos],
    hashes,
  );
  return lockText(kept, cpuSizes, DISK_OVER_DOWNLOAD.cpu, compiled.pythons, [
    ...about,
    ...(torch === undefined ? [BY_HAND(file)] : [
      "No hash: torch for Linux, from PyTorch's own index of CPU builds. The standard index holds only its CUDA build,",
      "which needs gigabytes more; the CPU build's files cannot be listed from everywhere this lock is made, and part of",
      "the hashes would refuse the other Pythons.",
      `By hand: uv pip sync --torch-backend cpu ${file}. pip refuses a file with and without hashes,`,
      'so in two steps: pip install --no-deps "torch==<version>+cpu" from PyTorch\'s CPU index, then',
      "pip install --no-deps --require-hashes -r <this file without torch's line>.",
    ]),
  ]);
}

const BY_HAND = (file: string) => `By hand: pip install --no-deps --require-hashes -r ${file}.`;

/** Text of a lock that is used beside another's environment. */
function addedLock(compiled: Compiled, main: Block[], { about, whole, onlyLinux }: AddedLock, file: string) {
  const { blocks, onLinux, onMacos, sizes, pythons, machines } = compiled;
  const there = new Set(whole ? [] : main.map(({ name }) => name));
  const needing = onlyLinux ? [onLinux] : [onLinux, onMacos];
  const kept = blocks.filter((block) => !there.has(block.name) && isNeeded(needing, block));
  const called = [...machines.linux, ...(onlyLinux ? [] : machines.macos)].join(", ");
  return lockText(kept, sizes, 3, pythons, [
    ...about,
    `For ${called}; Python ${describeRange(pythons)}. From Python's standard package index.`,
    BY_HAND(file),
  ]);
}

/** Leaves out CUDA's packages and what is needed by nothing else. */
export function withoutCuda(blocks: Block[]): Block[] {
  let kept = blocks.filter(({ name }) => !isCudaPackage(name));
  for (let before = -1; before !== kept.length;) {
    before = kept.length;
    const names = new Set(kept.map(({ name }) => name));
    kept = kept.filter(({ via }) =>
      via.some((parent) => parent.startsWith("-") || names.has(normalize(parent)))
    );
  }
  return kept;
}

/** torch for macOS with its hashes, and its CPU build for Linux. */
function splitTorch(torch: Block): Block[] {
  const [, ...hashes] = torch.lines;
  const version = torch.version.split("+")[0];
  return [
    { ...torch, lines: [`torch==${version} ; sys_platform == 'darwin' \\`, ...hashes] },
    { ...torch, version: `${version}+cpu`, lines: [`torch==${version}+cpu ; sys_platform == 'linux'`] },
  ];
}

function lockText(
  blocks: Block[],
  sizes: Map<string, number>,
  diskOverDownload: number,
  pythons: PythonRange,
  about: string[],
): string {
  const body = blocks.map(blockText).join("\n");
  const names = [...new Set(blocks.map(({ name }) => name))].filter((name) => sizes.has(name));
  const download = names.reduce((sum, name) => sum + sizes.get(name)!, 0);
  const header = [
    ...about,
    `python: ${pythons.oldest} to ${pythons.newest}`,
    `Made by: ${asCalled("deno task lock")}, that is uv pip compile ${COMPILE.join(" ")}.`,
    "Do not edit: change the requirements and make it again.",
    `download: ${
      bytes(download * 1e6)
    } (${names.length} packages for Python ${pythons.oldest} on Linux x86-64)`,
    `disk: ${bytes(download * diskOverDownload * 1e6)} (about; without the caches of pip and uv)`,
  ];
  return [...header.map((line) => `# ${line}`), body, ""].join("\n");
}

async function writeLock({ root, announce }: LockOptions, name: string, text: string): Promise<MadeLock> {
  const path = join(root, name);
  const changed = await Deno.readTextFile(path).catch(() => "") !== text;
  if (changed) await writeAtomic(path, text);
  const packages = new Set(parseLock(text, path).packages.map((entry) => entry.name)).size;
  announce(`${name}: ${packages} packages, ${changed ? "written" : "unchanged"}`);
  return { path: name, packages, changed };
}
