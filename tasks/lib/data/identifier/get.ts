/** `deno task data get IDENTIFIER`: an experiment of others, in a new folder that is there whole or not at all. */

import { join, resolve } from "node:path";
import { Failure } from "../../cli/failure.ts";
import { bytes, pluralize } from "../../cli/format.ts";
import type { Terminal } from "../../cli/terminal.ts";
import { exists, sha256File } from "../../system/files.ts";
import { callerFolder } from "../../system/project_root.ts";
import { StopSignals } from "../../system/supervise.ts";
import { pathProblem } from "../archive/archive_path.ts";
import { unpack } from "../archive/unpack.ts";
import { download } from "../download/download.ts";
import { describeProgress } from "../download/progress.ts";
import type { Deposit, DepositedFile } from "../repository/deposit.ts";
import { depositOf } from "../repository/doi.ts";
import { manifestPath } from "../tree/tree_manifest.ts";
import { checkCrate } from "./crate.ts";
import { fetchCommit } from "./git.ts";
import { folderName, type Identifier, parseIdentifier } from "./identifier.ts";
import { experimentsIn, tidy } from "./tidy.ts";

export interface GetOptions {
  /** Where to, from the folder that the user stands in; a name that follows from the identifier without it. */
  into?: string;
  /** Only say what would be fetched. */
  plan: boolean;
  /** Fetch more than 1 GB, and from a host that is known only by how it answers. */
  yes: boolean;
}

/** What was fetched, or would be. */
export interface Got {
  /** Absolute. */
  folder: string;
  /** Relative to the folder. */
  experiments: string[];
  /** What a person should know, a line each: what was checked, and what was not taken. */
  notes: string[];
  /** Where a DOI leads, and how much is there. */
  deposit?: { host: string; known: boolean; files: number; bytes: number };
}

/** Bytes that are fetched without being asked for twice. */
const UNASKED = 1e9;

interface Getting {
  /** Becomes the target, or is removed. */
  folder: string;
  terminal: Terminal;
  signal: AbortSignal;
}

/**
 * Fetches and checks; nothing of it is executed.
 *
 * @throws Failure(2) if the folder exists, or what was got is not as it should be; Failure(3) if it can't be had now;
 * Failure(130) if it was stopped. Nothing is left then.
 */
export async function getIdentified(text: string, options: GetOptions, terminal: Terminal): Promise<Got> {
  const identifier = parseIdentifier(text);
  const target = resolve(callerFolder(), options.into ?? folderName(identifier));
  if (await exists(target)) {
    throw new Failure(2, `Cannot fetch to ${target}: it is there already, and nothing is overwritten`, {
      remedy: "Name another folder: --into FOLDER",
    });
  }
  const deposit = identifier.kind === "doi" ? await depositOf(identifier.doi) : undefined;
  const told = deposit &&
    { host: deposit.host, known: deposit.known, files: deposit.files.length, bytes: sizeOf(deposit) };
  if (options.plan) return { folder: target, experiments: [], notes: [], deposit: told };
  if (deposit !== undefined) requireYes(text, deposit, options);
  const folder = `${target}.fetching-${crypto.randomUUID().slice(0, 8)}`;
  using stopper = new StopSignals();
  try {
    const notes = await get(identifier, deposit, { folder, terminal, signal: stopper.aborted });
    const removed = await tidy(folder, { own: identifier.kind === "git" });
    removed.forEach((path) =>
      notes.push(`${JSON.stringify(path)} was not taken: it would tell git which programs to start`)
    );
    const project = await projectIn(folder);
    const crate = await checkCrate(project);
    if (crate !== undefined) notes.push(crate);
    const experiments = await experimentsIn(project);
    if (experiments.length === 0) await refuseRun(project);
    await Deno.rename(project, target);
    return { folder: target, experiments, notes, deposit: told };
  } catch (error) {
    if (stopper.signal === undefined) throw error;
    throw new Failure(130, `Interrupted by ${stopper.signal}; nothing of it is left`);
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    await Deno.remove(`${folder}.zip`).catch(() => {});
  }
}

async function get(
  identifier: Identifier,
  deposit: Deposit | undefined,
  getting: Getting,
): Promise<string[]> {
  const { folder, terminal, signal } = getting;
  switch (identifier.kind) {
    case "git": {
      const { address, commit } = identifier;
      await Deno.mkdir(folder);
      terminal.progress(`${address}: fetching ${commit.slice(0, 12)}`);
      const { notes } = await fetchCommit(address, commit, folder, signal);
      return [`commit ${commit} of ${address}`, ...notes];
    }
    case "zip": {
      const file = "file" in identifier ? resolve(callerFolder(), identifier.file) : `${folder}.zip`;
      if ("address" in identifier) {
        await downloadTo(file, { path: "the crate", url: identifier.address }, getting);
      }
      if (!await exists(file)) throw new Failure(2, `Cannot find ${file}`);
      await unpackTo(file, "zip", folder, getting);
      return [
        `sha256:${await sha256File(file)} is the zip's own hash; compare it with what its authors publish`,
      ];
    }
    case "doi":
      return await getDeposit(deposit!, getting);
    default:
      return identifier satisfies never;
  }
}

/** All files of a deposit; one archive among them is unpacked if the experiment is not beside it. */
async function getDeposit({ host, files }: Deposit, getting: Getting): Promise<string[]> {
  const { folder } = getting;
  await Deno.mkdir(folder);
  const taken = new Set<string>();
  for (const file of files) {
    const problem = pathProblem(file.path) ??
      (taken.has(file.path.toLowerCase()) ? "is there twice" : undefined);
    if (problem !== undefined) {
      throw new Failure(2, `Cannot take ${JSON.stringify(file.path)} of ${host}: its name ${problem}`);
    }
    taken.add(file.path.toLowerCase());
    await downloadTo(join(folder, file.path), file, getting);
  }
  const unchecked = files.filter(({ md5, sha256 }) => md5 === undefined && sha256 === undefined);
  const notes = [
    `${pluralize(files.length - unchecked.length, "file")} of ${host} with the hashes that it states`,
    ...unchecked.map(({ path }) =>
      `${JSON.stringify(path)} is not checked: ${host} states no MD5 or SHA-256 of it`
    ),
  ];
  const archives = files.filter(({ path }) => archiveKind(path) !== undefined);
  if ((await experimentsIn(folder)).length > 0 || archives.length !== 1) return notes;
  const [{ path }] = archives as [DepositedFile];
  await unpackTo(join(folder, path), archiveKind(path)!, join(folder, UNPACKED), getting);
  return notes;
}

/** Where the one archive of a deposit is unpacked. */
const UNPACKED = ".unpacked";

function archiveKind(path: string): "zip" | "tar" | undefined {
  return /\.zip$/i.test(path)
    ? "zip"
    : /\.(?:tar|tgz|tar\.(?:gz|xz|bz2|zst))$/i.test(path)
    ? "tar"
    : undefined;
}

async function downloadTo(
  target: string,
  { path, url, size, md5, sha256 }: DepositedFile,
  { terminal, signal }: Getting,
) {
  await download({ name: path, urls: [url], size, ...(sha256 ? { sha256 } : md5 ? { md5 } : {}) }, target, {
    signal,
    log: (line) => terminal.line(line),
    onProgress: (how) => terminal.progress(describeProgress(how)),
  });
}

async function unpackTo(file: string, kind: "zip" | "tar", target: string, { terminal, signal }: Getting) {
  await unpack(file, kind, target, {
    signal,
    onProgress: ({ files }) => terminal.progress(`unpacking, ${files} files`),
  });
  await Deno.remove(manifestPath(target));
}

function sizeOf({ files }: Deposit): number {
  return files.reduce((sum, { size = 0 }) => sum + size, 0);
}

function requireYes(text: string, deposit: Deposit, { yes }: GetOptions) {
  const size = sizeOf(deposit);
  if (yes || (deposit.known && size <= UNASKED)) return;
  const why = deposit.known
    ? `that is ${bytes(size)}`
    : `it leads to ${deposit.host}, which says that it is a Dataverse`;
  throw new Failure(2, `Cannot fetch ${text} without being told to: ${why}`, { remedy: "Add --yes" });
}

/** The project itself: archives often hold one folder that holds all. */
async function projectIn(folder: string): Promise<string> {
  if ((await experimentsIn(folder)).length > 0) return folder;
  if (await exists(join(folder, UNPACKED))) return await projectIn(join(folder, UNPACKED));
  const entries = await Array.fromAsync(Deno.readDir(folder));
  const [only] = entries;
  return entries.length === 1 && only!.isDirectory ? await projectIn(join(folder, only!.name)) : folder;
}

/** The crate of a run is a record: the project that it was made from is elsewhere. */
async function refuseRun(project: string) {
  if (!await exists(join(project, "plan.json")) || !await exists(join(project, "evidence.json"))) return;
  const { attempts } = await Deno.readTextFile(join(project, "evidence.json")).then(JSON.parse).catch(
    () => ({}),
  );
  const commit = Array.isArray(attempts) ? attempts.at(-1)?.code?.commit : undefined;
  const of = typeof commit === "string" && /^[0-9a-f]{40,64}$/.test(commit) ? `, of commit ${commit}` : "";
  throw new Failure(
    2,
    `Cannot reproduce this crate: it holds a run, and not the project that it was made from${of}`,
    {
      remedy:
        "Check the run with deno task verify FOLDER after unpacking it, and reproduce the repository that holds that commit",
    },
  );
}
