/** SIF files that are made from images, kept for the next run, and made again when the image changes. */

import { basename, dirname, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { bytes, duration } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import { run } from "../system/command.ts";
import { acquire } from "../system/file_lock.ts";
import { exists, freeSpace, sha256 } from "../system/files.ts";
import { StopSignals } from "../system/supervise.ts";
import { apptainer, lastProblem } from "./apptainer.ts";
import { hasChanged, hashOnce, problemOf } from "./sif_file.ts";
import type { Convertible } from "./sif_origin.ts";

/** A SIF file that is there; its path is absolute. */
export interface Sif {
  file: string;
  sha256: string;
}

/** Takes what the user should know while an image is converted. */
export type Reporter = Pick<Terminal, "line" | "progress">;

/**
 * Folder of the SIF files and their hashes: apptainer's own cache if one is named, for homes with a quota.
 *
 * @throws Failure(3) for a user without a home who names none.
 */
export function sifCache(): string {
  const home = Deno.env.get("HOME");
  const caches = Deno.env.get("APPTAINER_CACHEDIR") || Deno.env.get("XDG_CACHE_HOME") ||
    (home && join(home, ".cache"));
  if (caches) return join(caches, "experiment-images");
  throw new Failure(3, "Cannot keep a SIF file: this user has no home", { remedy: PUT_ELSEWHERE });
}

const PUT_ELSEWHERE = "Name a folder for it: APPTAINER_CACHEDIR=/path/to/folder";

/** Where the SIF of an image is, or will be. */
export function sifPath({ name, id }: Convertible): string {
  const label = basename(name).replace(/\.tar$/, "").replaceAll(/[^\w.-]+/g, "-");
  const hash = /^sha256:([0-9a-f]{16})/.exec(id)?.[1] ?? sha256(id).slice(0, 16);
  return join(sifCache(), `${label}-${hash}.sif`);
}

/** SHA-256 of a SIF file. */
export async function hashSif(file: string): Promise<string> {
  return await hashOnce(file, hashes());
}

function hashes(): string {
  return join(sifCache(), "hashes");
}

/** The image's SIF, if there is one and it is as it was made. */
export async function findSif(image: Convertible): Promise<Sif | undefined> {
  const file = sifPath(image);
  if (!await exists(file) || await damageOf(file) !== undefined) return undefined;
  return { file, sha256: await hashSif(file) };
}

/** What happened to a SIF since it was made, as a phrase after "it". */
async function damageOf(file: string): Promise<string | undefined> {
  return await problemOf(file) ??
    (await hasChanged(file, hashes()) ? "is not what was made: its bytes have changed" : undefined);
}

/**
 * The image's SIF, made now unless another process has made it meanwhile.
 *
 * @throws Failure(3) if it can't be made or kept, Failure(130) if a stop was asked for.
 */
export async function ensureSif(image: Convertible, reporter: Reporter): Promise<Sif> {
  const file = sifPath(image);
  using _lock = await acquireFile(file, reporter);
  if (await exists(file)) {
    const damage = await damageOf(file);
    if (damage === undefined) return { file, sha256: await hashSif(file) };
    reporter.line(`${file} ${damage}; it is made again`);
    await Deno.remove(file);
  }
  await removeUnfinished(file);
  await convert(image, file, reporter);
  return { file, sha256: await hashSif(file) };
}

/** The lock goes with the process that holds it. */
async function acquireFile(file: string, reporter: Reporter): Promise<Disposable> {
  try {
    await Deno.mkdir(dirname(file), { recursive: true });
    return await acquire(`${file}.lock`, {
      doing: `making ${file}`,
      onWait: (holder) => reporter.line(`Waiting for ${holder}`),
    });
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(3, `Cannot keep ${basename(file)} in ${dirname(file)}: ${(error as Error).message}`, {
      remedy: PUT_ELSEWHERE,
    });
  }
}

const UNFINISHED = ".part";

/** What a process that was killed has left. */
async function removeUnfinished(file: string) {
  for await (const { name } of Deno.readDir(dirname(file))) {
    if (name.startsWith(basename(file)) && name.endsWith(UNFINISHED)) {
      await Deno.remove(join(dirname(file), name), { recursive: true });
    }
  }
}

/** Makes the file under another name first, so that half of one is never taken for a whole. */
async function convert(image: Convertible, file: string, reporter: Reporter) {
  using stopper = new StopSignals();
  const started = performance.now();
  const temporary = Deno.env.get("APPTAINER_TMPDIR") || Deno.env.get("TMPDIR") || "/tmp";
  await announceCost(image, file, temporary, reporter);
  const scratch = await Deno.makeTempDir({ dir: temporary, prefix: "sif-" });
  const unfinished = `${file}.${crypto.randomUUID().slice(0, 8)}${UNFINISHED}`;
  try {
    const { code, stderr } = await apptainer(["build", ...await buildOptions(image), unfinished, image.uri], {
      env: { APPTAINER_TMPDIR: scratch },
      signal: stopper.aborted,
      onLine: (line) => {
        const [, step] = /^INFO:\s+(?!Build complete)(.*)$/.exec(line) ?? [];
        if (step !== undefined) reporter.progress(`${basename(file)}: ${step}`);
      },
    });
    if (stopper.signal !== undefined) throw new Failure(130, "Interrupted before the run began");
    if (code !== 0) throw explainConversion(image, lastProblem(stderr));
    await Deno.rename(unfinished, file);
    const seconds = (performance.now() - started) / 1000;
    reporter.line(`${file}: ${bytes((await Deno.stat(file)).size)}, made in ${duration(seconds)}`);
  } finally {
    await Deno.remove(unfinished).catch(() => {});
    await removeTree(scratch);
  }
}

/** On two cores; figures of the tests' image: 17 s for 0.3 GB. */
const SECONDS_PER_GIGABYTE = 50;

/** Unpacked and in layers at the same time, with the SIF being written. */
const TEMPORARY_FACTOR = 2;

/** Of the unpacked size; figures of the CPU image: 1.8 GB and 0.6 GB. */
const SIF_FACTOR = 0.5;

async function announceCost(
  { name, bytes: size }: Convertible,
  file: string,
  temporary: string,
  reporter: Reporter,
) {
  reporter.line(`Converting ${name} for apptainer: ${file}`);
  if (size === undefined) {
    return reporter.line("It is downloaded first; a GPU-Jupyter image is several gigabytes");
  }
  const needs = [
    { folder: temporary, needed: size * TEMPORARY_FACTOR, variable: "APPTAINER_TMPDIR" },
    { folder: dirname(file), needed: size * SIF_FACTOR, variable: "APPTAINER_CACHEDIR" },
  ];
  const places = needs.map(({ folder, needed }) => `${bytes(needed)} in ${folder}`);
  const time = duration(Math.ceil(size / 1e9 * SECONDS_PER_GIGABYTE));
  reporter.line(`It takes about ${time}, up to ${places[0]} meanwhile, and up to ${places[1]}`);
  for (const { folder, needed, variable } of needs) {
    const free = await freeSpace(folder);
    if (free >= needed) continue;
    throw new Failure(
      3,
      `Cannot convert ${name}: ${folder} has ${bytes(free)} free, and about ${bytes(needed)} is needed`,
      { remedy: `Free some space, or name a folder on another disk: ${variable}=/path/to/folder` },
    );
  }
}

/** Weak compression takes a third of the time for an eighth more space; versions before 1.2 have no such option. */
const WEAK_COMPRESSION = ["--mksquashfs-args", "-Xcompression-level 1"];

async function buildOptions({ fromNetwork }: Convertible): Promise<string[]> {
  const { stdout } = await apptainer(["build", "--help"]);
  return [
    ...(stdout.includes(WEAK_COMPRESSION[0]!) ? WEAK_COMPRESSION : []),
    // What is on this machine already needs no second copy in the cache.
    ...(fromNetwork ? [] : ["--disable-cache"]),
  ];
}

function explainConversion({ name, fromNetwork }: Convertible, message: string): Failure {
  return new Failure(3, `Cannot convert ${name}: apptainer says "${message}"`, {
    remedy: /no space left|quota/i.test(message)
      ? "Name folders with more space: APPTAINER_TMPDIR=/path APPTAINER_CACHEDIR=/path"
      : fromNetwork
      ? "Check the name and the network, or bring it along: docker save NAME -o image.tar elsewhere, then " +
        "--image docker-archive:image.tar here"
      : "apptainer build x.sif with the same source shows the whole output",
  });
}

/** An image may hold folders that even their owner may not write to. */
async function removeTree(folder: string) {
  await run(["chmod", "-R", "u+rwX", folder]).catch(() => {});
  await Deno.remove(folder, { recursive: true }).catch(() => {});
}
