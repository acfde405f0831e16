/** Making the locks from the requirements files; needs uv, and an index that can be reached. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { explainInstall } from "../environment/installer_output.ts";
import { findUv, type Uv } from "../environment/installer.ts";
import { type LockedPackage, normalize, packagesFor, parseLock } from "../environment/lock_file.ts";
import { markerHolds, type MarkerTarget, targetFor } from "../environment/markers.ts";
import { run } from "../system/command.ts";
import { writeAtomic } from "../system/files.ts";

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

/** One resolution for every machine: fewest versions, from the oldest Python on. */
const COMPILE = [
  "--universal",
  "--python-version=3.11",
  "--fork-strategy=fewest",
  "--generate-hashes",
];

const PYTHONS = ["3.11.0", "3.12.0", "3.13.0"];

const LINUX = PYTHONS.flatMap((version) => [
  targetFor("linux", "x86_64", version),
  targetFor("linux", "aarch64", version),
]);

const MACOS = PYTHONS.map((version) => targetFor("darwin", "aarch64", version));

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
  const cuda = await compile(uv, options, "requirements.txt", "requirements-cuda.lock");
  const made = [await writeLock(options, "requirements-cuda.lock", cudaLock(cuda))];
  made.push(await writeLock(options, "requirements-cpu.lock", cpuLock(cuda)));
  if (await isThere(join(options.root, "test/requirements.txt"))) {
    const test = await compile(
      uv,
      options,
      "test/requirements.txt",
      "test/requirements.lock",
      "requirements-cuda.lock",
    );
    made.push(await writeLock(options, "test/requirements.lock", testLock(test, cuda.blocks)));
  }
  const image = ".devcontainer/requirements";
  if (await isThere(join(options.root, `${image}.txt`))) {
    const added = await compile(uv, options, `${image}.txt`, `${image}.lock`, "requirements-cuda.lock");
    made.push(await writeLock(options, `${image}.lock`, imageLock(added, cuda.blocks)));
  }
  return made;
}

interface Compiled {
  blocks: Block[];
  /** Megabytes to download for a machine, by package name. */
  sizes: Map<string, number>;
}

/** Resolves a requirements file twice: as requirements with comments on what needs what, and with the files' sizes. */
async function compile(
  uv: Uv,
  { root, upgrade, announce, signal }: LockOptions,
  requirements: string,
  previous: string,
  constraints?: string,
): Promise<Compiled> {
  announce(`Resolving ${requirements} with uv ${uv.version}`);
  const scratch = await Deno.makeTempDir({ prefix: "lock-" });
  try {
    const pinned = join(scratch, "pinned.txt");
    const kept = upgrade ? undefined : await Deno.readTextFile(join(root, previous)).catch(() => undefined);
    // uv takes its preferences from the file it is about to replace; the CPU build is on no index it will ask.
    if (kept !== undefined) await Deno.writeTextFile(pinned, kept);
    const argv = [uv.path, "pip", "compile", requirements, ...COMPILE, "--no-header"];
    if (constraints !== undefined) argv.push("--constraints", constraints);
    await uvCompile([...argv, "--output-file", pinned], root, requirements, uv, signal);
    const sized = join(scratch, "pylock.toml");
    await Deno.copyFile(pinned, join(scratch, "kept.txt"));
    const same = [
      "--constraints",
      join(scratch, "kept.txt"),
      "--format",
      "pylock.toml",
      "--output-file",
      sized,
    ];
    await uvCompile([...argv, ...same], root, requirements, uv, signal);
    return {
      blocks: parseBlocks(await Deno.readTextFile(pinned)),
      sizes: fileSizes(await Deno.readTextFile(sized)),
    };
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

async function uvCompile(argv: string[], cwd: string, requirements: string, uv: Uv, signal?: AbortSignal) {
  const { code, stdout, stderr } = await run(argv, { cwd, signal });
  signal?.throwIfAborted();
  if (code === 0) return;
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

/** Megabytes of the file of each package that Python 3.11 on Linux x86-64 takes, from a `pylock.toml`. */
export function fileSizes(pylock: string): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const part of pylock.split("[[packages]]").slice(1)) {
    const name = /^name = "([^"]+)"/m.exec(part)?.[1];
    if (name === undefined) continue;
    const files = [...part.matchAll(/url = "[^"]*\/([^/"]+\.whl)"[^}]*?size = (\d+)/g)];
    const best = PREFERRED.map((tag) => files.find(([, file = ""]) => tag.test(file))).find(Boolean);
    if (best !== undefined) sizes.set(normalize(name), Number(best[2]) / 1e6);
  }
  return sizes;
}

/** Wheels that Python 3.11 on Linux x86-64 takes, best first. */
const PREFERRED = [
  /-cp311-cp311-manylinux[^-]*x86_64/,
  /-abi3-manylinux[^-]*x86_64/,
  /-none-manylinux[^-]*x86_64/,
  /-none-any\.whl$/,
];

function holdsOnSome(marker: string, targets: MarkerTarget[]): boolean {
  return marker === "" || targets.some((target) => markerHolds(marker, target));
}

function blockText({ lines, via }: Block): string {
  return [...lines, `    # for ${via.map((name) => name.replace(/^-[rc] /, "")).join(", ")}`].join("\n");
}

/** Text of the lock for Linux machines with a GPU. */
function cudaLock({ blocks, sizes }: Compiled): string {
  const kept = blocks.filter(({ marker }) => holdsOnSome(marker, LINUX));
  return lockText(kept, sizes, DISK_OVER_DOWNLOAD.cuda, [
    "The environment of this project on a Linux machine with an NVIDIA GPU: every package, pinned, with the SHA-256 of",
    "each of its files.",
    "For Linux (x86-64, arm64), Python 3.11 to 3.13. From Python's standard package index, whose torch for Linux is the",
    "CUDA build.",
    BY_HAND("requirements-cuda.lock"),
  ]);
}

/** Text of the lock for Linux without a GPU, and for macOS: CUDA's packages left out, torch's CPU build put in. */
function cpuLock({ blocks, sizes }: Compiled): string {
  const kept = withoutCuda(blocks)
    .filter(({ marker }) => holdsOnSome(marker, [...LINUX, ...MACOS]))
    .flatMap((block) => block.name === "torch" ? splitTorch(block) : [block]);
  const cpuSizes = new Map(sizes).set("torch", CPU_TORCH_MB);
  return lockText(kept, cpuSizes, DISK_OVER_DOWNLOAD.cpu, [
    "The environment of this project on a machine without a usable GPU: every package, pinned; all but one with the",
    "SHA-256 of each of its files.",
    "For Linux (x86-64, arm64) and macOS 14 or newer (arm64), Python 3.11 to 3.13. From Python's standard package",
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
function testLock({ blocks, sizes }: Compiled, main: Block[]): string {
  const there = new Set(main.map(({ name }) => name));
  const kept = blocks.filter(({ name, marker }) =>
    !there.has(name) && holdsOnSome(marker, [...LINUX, ...MACOS])
  );
  return lockText(kept, sizes, 3, [
    "What only the tests need: every package, pinned, with the SHA-256 of each of its files. Used beside the environment",
    "of the experiment, so it holds nothing that is in requirements-cpu.lock, and must be installed without dependencies.",
    "For Linux (x86-64, arm64) and macOS 14 or newer (arm64), Python 3.11 to 3.13. From Python's standard package",
    "index.",
    "torchvision is its CUDA build on Linux; its models and transforms are Python, and the tests use no more of it.",
    BY_HAND("test/requirements.lock"),
  ]);
}

/** Text of the lock of what the CPU image holds beside the experiment's packages. */
function imageLock({ blocks, sizes }: Compiled, main: Block[]): string {
  const there = new Set(main.map(({ name }) => name));
  const kept = blocks.filter(({ name, marker }) => !there.has(name) && holdsOnSome(marker, LINUX));
  return lockText(kept, sizes, 3, [
    "What the CPU image holds beside the packages of the experiment: every package, pinned, with the SHA-256 of each of",
    "its files. Holds nothing that is in requirements-cpu.lock, and must be installed without dependencies.",
    "For Linux (x86-64, arm64), Python 3.11 to 3.13. From Python's standard package index.",
    BY_HAND(".devcontainer/requirements.lock"),
  ]);
}

/** Leaves out CUDA's packages and what is needed by nothing else. */
export function withoutCuda(blocks: Block[]): Block[] {
  const isCuda = ({ name }: Block) => /^(?:nvidia|cuda)-|^triton$/.test(name);
  let kept = blocks.filter((block) => !isCuda(block));
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
  const packages: LockedPackage[] = packagesFor(
    parseLock(body, "lock"),
    targetFor("linux", "x86_64", "3.11.0"),
  );
  const download = packages.reduce((sum, { name }) => sum + (sizes.get(name) ?? 0), 0);
  const header = [
    ...about,
    `Made by: deno task lock, that is uv pip compile ${COMPILE.join(" ")}.`,
    "Do not edit: change the requirements and make it again.",
    `download: ${megabytes(download)} (${packages.length} packages for Python 3.11 on Linux x86-64)`,
    `disk: ${megabytes(download * diskOverDownload)} (about; without the caches of pip and uv)`,
  ];
  return [...header.map((line) => `# ${line}`), body, ""].join("\n");
}

function megabytes(count: number): string {
  return count >= 1000
    ? `${(count / 1000).toFixed(1)} GB`
    : `${count >= 10 ? Math.round(count) : count.toFixed(1)} MB`;
}

async function writeLock({ root, announce }: LockOptions, name: string, text: string): Promise<MadeLock> {
  const path = join(root, name);
  const changed = await Deno.readTextFile(path).catch(() => "") !== text;
  if (changed) await writeAtomic(path, text);
  const packages = new Set(parseLock(text, path).packages.map((entry) => entry.name)).size;
  announce(`${name}: ${packages} packages, ${changed ? "written" : "unchanged"}`);
  return { path: name, packages, changed };
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
