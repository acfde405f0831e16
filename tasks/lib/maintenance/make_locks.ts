/** Making the locks from the requirements files; needs uv, and an index that can be reached. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { explainInstall } from "../environment/installer_output.ts";
import { fileSizes, isCudaPackage, normalize, parseLock } from "../environment/lock_file.ts";
import { describeRange, findPython, type PythonRange } from "../environment/python.ts";
import { findUv, type Uv } from "../environment/uv.ts";
import { run } from "../system/command.ts";
import { exists, writeAtomic } from "../system/files.ts";
import { bytes } from "../cli/format.ts";

export interface LockOptions {
  /** Absolute path of the project. */
  root: string;
  /** Get newer versions of what is not pinned by the requirements themselves. */
  upgrade?: boolean;
  announce: (line: string) => void;
  signal?: AbortSignal;
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

/** The Pythons that the locks are made for; whoever uses a lock reads them in it. */
const PYTHONS: PythonRange = { oldest: "3.11", newest: "3.14" };

/** One resolution for every machine: fewest versions, from the oldest Python on. */
const COMPILE = [
  "--universal",
  `--python-version=${PYTHONS.oldest}`,
  "--fork-strategy=fewest",
  "--generate-hashes",
];

/** What uv calls the machines that the locks are for. */
const LINUX = ["x86_64-manylinux_2_28", "aarch64-manylinux_2_28"];

const MACOS = ["aarch64-apple-darwin"];

/** Of macOS; uv would take an older one than torch is made for. */
const TARGETS = { MACOSX_DEPLOYMENT_TARGET: "14.0" };

/** Size of the file that stands for torch in the CPU lock: its wheel for Python 3.11 on Linux x86-64, in megabytes. */
const CPU_TORCH_MB = 191.8;

/** Disk use over download on Linux x86-64 with torch 2.13.0: 1.1 of 0.31 GB, and 5.2 of 2.8 GB with CUDA. */
const DISK_OVER_DOWNLOAD = { cpu: 3.6, cuda: 1.85 };

/**
 * Makes `requirements-cpu.lock`, `requirements-cuda.lock` and the locks of `test/requirements.txt` and
 * `.devcontainer/requirements.txt` where these are. Versions in existing locks are kept as long as they fit, unless
 * `upgrade` is set.
 *
 * @throws Failure(3) if uv is not there or can't reach its index, Failure(2) if the requirements contradict each other.
 */
export async function lock(options: LockOptions): Promise<MadeLock[]> {
  const uv = await findUv();
  if (uv === undefined) {
    throw new Failure(3, "Cannot make the locks: uv 0.8 or newer is not on PATH", {
      remedy:
        "Install it (pip install uv), or name it: UV=/path/to/uv; only making locks needs it, not using them",
    });
  }
  // Named, so that uv does not look for another one at each call; what is resolved does not depend on it.
  const { path: python } = await findPython();
  const compile = (requirements: string, previous: string, constraints?: string) =>
    resolve({ ...options, uv, python, requirements, previous, constraints });
  const cuda = await compile("requirements.txt", "requirements-cuda.lock");
  const made = [await writeLock(options, "requirements-cuda.lock", cudaLock(cuda))];
  made.push(await writeLock(options, "requirements-cpu.lock", cpuLock(cuda)));
  if (await exists(join(options.root, "test/requirements.txt"))) {
    const test = await compile("test/requirements.txt", "test/requirements.lock", "requirements-cuda.lock");
    made.push(await writeLock(options, "test/requirements.lock", testLock(test, cuda.blocks)));
  }
  const image = ".devcontainer/requirements";
  if (await exists(join(options.root, `${image}.txt`))) {
    const added = await compile(`${image}.txt`, `${image}.lock`, "requirements-cuda.lock");
    made.push(await writeLock(options, `${image}.lock`, imageLock(added, cuda.blocks)));
  }
  return made;
}

interface Compiled {
  blocks: Block[];
  /** Packages that some of the machines need, as "name==version". */
  onLinux: Set<string>;
  onMacos: Set<string>;
  /** Megabytes to download for the oldest Python on Linux x86-64, by name of package. */
  sizes: Map<string, number>;
}

interface Resolving extends LockOptions {
  uv: Uv;
  /** Path of an interpreter. */
  python: string;
  /** File to resolve, relative to the root. */
  requirements: string;
  /** Lock whose versions are kept, if they fit. */
  previous: string;
  constraints?: string;
}

/** Resolves a requirements file once for all machines; then each machine's part of it, and the sizes for one. */
async function resolve(resolving: Resolving): Promise<Compiled> {
  const { root, upgrade, announce, uv, requirements, previous, constraints } = resolving;
  announce(`Resolving ${requirements} with uv ${uv.version}`);
  const scratch = await Deno.makeTempDir({ prefix: "lock-" });
  try {
    const pinned = join(scratch, "pinned.txt");
    const kept = upgrade ? undefined : await Deno.readTextFile(join(root, previous)).catch(() => undefined);
    // uv takes its preferences from the file it is about to replace; the CPU build is on no index it will ask.
    if (kept !== undefined) await Deno.writeTextFile(pinned, kept);
    const within = constraints === undefined ? [] : ["--constraints", constraints];
    await compile(resolving, [requirements, ...COMPILE, ...within, "--output-file", pinned]);
    const sized = join(scratch, "pylock.toml");
    const part = partOf(pinned, PYTHONS.oldest, LINUX[0]!);
    await compile(resolving, [...part, "--format", "pylock.toml", "--output-file", sized]);
    return {
      blocks: parseBlocks(await Deno.readTextFile(pinned)),
      onLinux: await neededOn(LINUX, pinned, resolving),
      onMacos: await neededOn(MACOS, pinned, resolving),
      sizes: fileSizes(await Deno.readTextFile(sized), PYTHONS.oldest),
    };
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** Which packages of a resolution for all machines some of these need, with the oldest or the newest Python. */
async function neededOn(machines: string[], pinned: string, resolving: Resolving): Promise<Set<string>> {
  const needed = new Set<string>();
  for (const machine of machines) {
    for (const python of [PYTHONS.oldest, PYTHONS.newest!]) {
      const text = await compile(resolving, [...partOf(pinned, python, machine), "--no-annotate", "--quiet"]);
      parseLock(text, pinned).packages.forEach(({ name, version }) => needed.add(`${name}==${version}`));
    }
  }
  return needed;
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

/** Text of the lock for Linux machines with a GPU. */
function cudaLock({ blocks, onLinux, sizes }: Compiled): string {
  const kept = blocks.filter((block) => isNeeded([onLinux], block));
  return lockText(kept, sizes, DISK_OVER_DOWNLOAD.cuda, [
    "The environment of this project on a Linux machine with an NVIDIA GPU: every package, pinned, with the SHA-256 of",
    "each of its files.",
    `For Linux (x86-64, arm64), Python ${
      describeRange(PYTHONS)
    }. From Python's standard package index, whose torch for Linux is the`,
    "CUDA build.",
    BY_HAND("requirements-cuda.lock"),
  ]);
}

/** Text of the lock for Linux without a GPU, and for macOS: CUDA's packages left out, torch's CPU build put in. */
function cpuLock({ blocks, onLinux, onMacos, sizes }: Compiled): string {
  const kept = withoutCuda(blocks)
    .filter((block) => isNeeded([onLinux, onMacos], block))
    .flatMap((block) => block.name === "torch" ? splitTorch(block) : [block]);
  const cpuSizes = new Map(sizes).set("torch", CPU_TORCH_MB);
  return lockText(kept, cpuSizes, DISK_OVER_DOWNLOAD.cpu, [
    "The environment of this project on a machine without a usable GPU: every package, pinned; all but one with the",
    "SHA-256 of each of its files.",
    `For Linux (x86-64, arm64) and macOS 14 or newer (arm64), Python ${
      describeRange(PYTHONS)
    }. From Python's standard package`,
    "index; torch for Linux from PyTorch's own index of CPU builds.",
    "No hash: torch for Linux. The standard index holds only its CUDA build, which needs gigabytes more; the CPU build's",
    "files cannot be listed from everywhere this lock is made, and part of the hashes would refuse the other Pythons.",
    "Not at all: macOS on x86-64, for which torch 2.13 is not made.",
    "By hand: uv pip sync --torch-backend cpu requirements-cpu.lock. pip refuses a file with and without hashes, so in",
    'two steps: pip install --no-deps "torch==<version>+cpu" from PyTorch\'s CPU index, then',
    "pip install --no-deps --require-hashes -r <this file without torch's line>.",
  ]);
}

const BY_HAND = (file: string) => `By hand: pip install --no-deps --require-hashes -r ${file}.`;

/** Text of the lock of what only the tests need. */
function testLock({ blocks, onLinux, onMacos, sizes }: Compiled, main: Block[]): string {
  const there = new Set(main.map(({ name }) => name));
  const kept = blocks.filter((block) => !there.has(block.name) && isNeeded([onLinux, onMacos], block));
  return lockText(kept, sizes, 3, [
    "What only the tests need: every package, pinned, with the SHA-256 of each of its files. Used beside the environment",
    "of the experiment, so it holds nothing that is in requirements-cpu.lock, and must be installed without dependencies.",
    `For Linux (x86-64, arm64) and macOS 14 or newer (arm64), Python ${
      describeRange(PYTHONS)
    }. From Python's standard package`,
    "index.",
    "torchvision is its CUDA build on Linux; its models and transforms are Python, and the tests use no more of it.",
    BY_HAND("test/requirements.lock"),
  ]);
}

/** Text of the lock of what the CPU image holds beside the experiment's packages. */
function imageLock({ blocks, onLinux, sizes }: Compiled, main: Block[]): string {
  const there = new Set(main.map(({ name }) => name));
  const kept = blocks.filter((block) => !there.has(block.name) && isNeeded([onLinux], block));
  return lockText(kept, sizes, 3, [
    "What the CPU image holds beside the packages of the experiment: every package, pinned, with the SHA-256 of each of",
    "its files. Holds nothing that is in requirements-cpu.lock, and must be installed without dependencies.",
    `For Linux (x86-64, arm64), Python ${describeRange(PYTHONS)}. From Python's standard package index.`,
    BY_HAND(".devcontainer/requirements.lock"),
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
  about: string[],
): string {
  const body = blocks.map(blockText).join("\n");
  const names = [...new Set(blocks.map(({ name }) => name))].filter((name) => sizes.has(name));
  const download = names.reduce((sum, name) => sum + sizes.get(name)!, 0);
  const header = [
    ...about,
    `python: ${PYTHONS.oldest} to ${PYTHONS.newest}`,
    `Made by: deno task lock, that is uv pip compile ${COMPILE.join(" ")}.`,
    "Do not edit: change the requirements and make it again.",
    `download: ${
      bytes(download * 1e6)
    } (${names.length} packages for Python ${PYTHONS.oldest} on Linux x86-64)`,
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
