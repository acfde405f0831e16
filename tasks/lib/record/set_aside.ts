/**
 * What stands in the project where a run writes: moved aside while the run has the place, and put back after it. A
 * journal says what is where, so that the next run puts back what a killed one left.
 */

import { dirname, join } from "node:path";
import * as z from "zod/mini";
import { Failure } from "../cli/failure.ts";
import { NAME } from "../experiment/schema.ts";
import { copyTree, exists, listFiles, moveTree, sha256File, writeJson } from "../system/files.ts";
import { describeHolder, type FileLock, isLocked, readHolder, tryAcquire } from "../system/file_lock.ts";
import { endProcesses } from "../system/processes.ts";
import { readTextIfThere } from "../system/regular_file.ts";
import { insideProblem } from "../values/relative_path.ts";
import { runMark } from "./run_folder.ts";

/** In the project, so that moving there is a rename; it ignores itself, and is there only while it is needed. */
export const SET_ASIDE = ".set-aside";

const JOURNAL = "journal.json";

const inside = z.string().check(
  z.refine((path) => insideProblem(path) === undefined, { error: "a path inside the project" }),
);

const journalSchema = z.object({
  run: z.string().check(z.regex(/^[\w-]{1,64}$/, { error: "the id of a run" })),
  experiment: z.string().check(z.regex(NAME, { error: "the name of an experiment" })),
  places: z.array(z.object({
    path: inside,
    /** Something stood there. */
    was: z.boolean(),
    /** Folders above it that were not there. */
    missing: z.array(inside),
  })),
  /** The step that runs, and what it writes. */
  step: z.optional(
    z.object({ name: z.string().check(z.regex(NAME, { error: "a step" })), paths: z.array(inside) }),
  ),
});

type Journal = z.infer<typeof journalSchema>;

/** The places of the project that a run has to itself. */
export class SetAside {
  readonly #folder: string;

  private constructor(readonly root: string, readonly journal: Journal, readonly lock: FileLock) {
    this.#folder = join(root, SET_ASIDE, journal.run);
  }

  /**
   * Moves what stands at the paths aside, and puts a copy in its place.
   *
   * @param paths relative to the root; none lies in another one
   * @throws Failure(3) if another run of the project writes to it, Failure(2) for a place that a link leads out of it.
   */
  static async begin(
    root: string,
    run: { run: string; experiment: string },
    paths: string[],
  ): Promise<SetAside> {
    const lock = await lockProject(root, run.run);
    try {
      const places = await Promise.all(paths.map(async (path) => {
        await refuseLinks(root, path);
        return { path, was: await exists(join(root, path)), missing: await missingAbove(root, path) };
      }));
      const aside = new SetAside(root, { ...run, places }, lock);
      await Deno.mkdir(aside.#folder);
      await aside.#write();
      for (const [index, { path, was }] of places.entries()) {
        if (!was) continue;
        await Deno.rename(join(root, path), aside.#kept(index));
        await copyTree(aside.#kept(index), join(root, path));
      }
      return aside;
    } catch (error) {
      await restoreAll(root, "").catch(() => {});
      await leave(root);
      lock[Symbol.dispose]();
      throw error;
    }
  }

  /** Records which step runs, so that what it wrote is kept if the runner is killed. */
  async running(step: Journal["step"]): Promise<void> {
    this.journal.step = step;
    await this.#write();
  }

  /**
   * Puts back what stood there.
   *
   * @param replaced where it goes instead, if what the run has written is to stay
   * @param always what is put back also then
   */
  async end(replaced?: string, always: string[] = []): Promise<void> {
    for (const [index, { path, was, missing }] of this.journal.places.entries()) {
      if (replaced === undefined || always.includes(path)) {
        await putBack(this.root, path, was ? this.#kept(index) : undefined, missing);
      } else if (was) await moveTree(this.#kept(index), join(replaced, path));
    }
    await Deno.remove(this.#folder, { recursive: true });
    await leave(this.root);
    this.lock[Symbol.dispose]();
  }

  #kept(index: number): string {
    return join(this.#folder, String(index));
  }

  async #write() {
    await writeJson(join(this.#folder, JOURNAL), this.journal);
  }
}

/** A run whose runner was killed, with what was put back. */
export interface PutBack {
  run: string;
  paths: string[];
  /** Folder that keeps what stood at these places before. */
  left?: string;
}

/**
 * Puts back what a killed run has moved aside. What stands there now is kept in its run folder.
 *
 * @param runs folder of the runs of all experiments
 */
export async function restoreSetAside(root: string, runs: string): Promise<PutBack[]> {
  const folder = join(root, SET_ASIDE);
  if (!await exists(folder) || await isLocked(join(folder, "lock"))) return [];
  using lock = await tryAcquire(join(folder, "lock"), "putting back what a killed run has moved aside");
  if (lock === undefined) return [];
  const restored = await restoreAll(root, runs);
  await leave(root);
  return restored;
}

/** @param runs empty if nothing has been written by a step yet */
async function restoreAll(root: string, runs: string): Promise<PutBack[]> {
  const restored: PutBack[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(root, SET_ASIDE))) {
    if (!isDirectory) continue;
    const folder = join(root, SET_ASIDE, name);
    const text = await readTextIfThere(join(folder, JOURNAL));
    const journal = text === undefined ? undefined : journalSchema.safeParse(JSON.parse(text)).data;
    if (text !== undefined && journal?.run !== name) {
      throw new Failure(2, `${join(folder, JOURNAL)} is not what a run has written: nothing is put back`, {
        remedy: `Look into ${folder}, move what is yours back, and remove the folder`,
      });
    }
    if (journal !== undefined) restored.push(await restoreOne(root, runs, folder, journal));
    await Deno.remove(folder, { recursive: true });
  }
  return restored;
}

async function restoreOne(root: string, runs: string, folder: string, journal: Journal): Promise<PutBack> {
  const directory = join(runs, journal.experiment, journal.run);
  const done: PutBack = { run: journal.run, paths: [] };
  // What it left running, of another experiment perhaps, would write on.
  if (runs !== "") await endProcesses({ mark: runMark(journal.run) });
  if (runs !== "") await keepWritten(root, folder, directory, journal);
  for (const [index, { path, was, missing }] of journal.places.entries()) {
    const kept = join(folder, String(index));
    await refuseLinks(root, path);
    // Either it was not moved yet, or it is back already.
    if (was && !await exists(kept)) continue;
    // Also where the run folder is gone: it may be the user's work by now.
    if (runs !== "" && await exists(join(root, path))) {
      const isSame = was && await sameTree(kept, join(root, path));
      if (!isSame) {
        done.left = join(directory, ".left");
        await moveTree(join(root, path), join(done.left, path));
      }
    }
    await putBack(root, path, was ? kept : undefined, missing);
    done.paths.push(path);
  }
  return done;
}

/** What the step that was running has written so far goes into its folder: it may go on from there. */
async function keepWritten(root: string, folder: string, directory: string, { step, places }: Journal) {
  if (step === undefined || !await exists(join(directory, step.name))) return;
  for (const path of step.paths) {
    const index = places.findIndex((place) => path === place.path || path.startsWith(`${place.path}/`));
    if (index < 0) continue;
    const kept = join(folder, String(index), path.slice(places[index]!.path.length));
    for (const file of await filesAt(root, path)) {
      const inner = file.slice(path.length);
      if (await sameFile(join(kept, inner), join(root, file))) continue;
      const target = join(directory, step.name, file);
      if (!await exists(target)) await copyTree(join(root, file), target);
    }
  }
}

/** The files and links at a path, or below it, relative to the root. */
export async function filesAt(root: string, path: string): Promise<string[]> {
  const info = await Deno.lstat(join(root, path)).catch(() => undefined);
  if (info === undefined) return [];
  if (!info.isDirectory) return [path];
  return (await listFiles(join(root, path))).map((entry) => join(path, entry.path));
}

async function sameTree(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([filesAt(a, "."), filesAt(b, ".")]);
  if (JSON.stringify(left) !== JSON.stringify(right)) return false;
  for (const path of left) if (!await sameFile(join(a, path), join(b, path))) return false;
  return true;
}

async function sameFile(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([a, b].map((path) => Deno.lstat(path).catch(() => undefined)));
  if (left?.isSymlink && right?.isSymlink) return await Deno.readLink(a) === await Deno.readLink(b);
  if (!left?.isFile || !right?.isFile || left.size !== right.size) return false;
  return await sha256File(a) === await sha256File(b);
}

async function putBack(root: string, path: string, kept: string | undefined, missing: string[]) {
  await Deno.remove(join(root, path), { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound) && !(error instanceof Deno.errors.NotADirectory)) {
      throw error;
    }
  });
  if (kept !== undefined) {
    await Deno.mkdir(dirname(join(root, path)), { recursive: true });
    await Deno.rename(kept, join(root, path));
  }
  // Not empty where the run has written what no step declares.
  for (const folder of missing) await Deno.remove(join(root, folder)).catch(() => {});
}

async function lockProject(root: string, run: string): Promise<FileLock> {
  const folder = join(root, SET_ASIDE);
  const path = join(folder, "lock");
  for (let tries = 0;; tries++) {
    try {
      await Deno.mkdir(folder, { recursive: true });
      await Deno.writeTextFile(join(folder, ".gitignore"), "*\n");
      const lock = await tryAcquire(path, `running ${run}`);
      if (lock !== undefined) return lock;
      break;
    } catch (error) {
      if (error instanceof Failure) throw error;
      // The run before has just removed it.
      if (error instanceof Deno.errors.NotFound && tries < 10) continue;
      throw new Failure(
        3,
        `Cannot write to ${root}, where the steps' outputs belong: ${(error as Error).message}`,
      );
    }
  }
  throw new Failure(
    3,
    `The steps write into ${root}, and so does ${describeHolder(await readHolder(path))}`,
    { remedy: "Wait until it ends, or run in a clone of your own" },
  );
}

/** Removes the folder unless something is left in it; while it is locked, so that nobody is in it. */
async function leave(root: string) {
  const folder = join(root, SET_ASIDE);
  for await (const { isDirectory } of Deno.readDir(folder)) if (isDirectory) return;
  await Deno.remove(folder, { recursive: true }).catch(() => {});
}

/** Nothing outside the project is ever moved, also where a link in a stranger's repository leads there. */
async function refuseLinks(root: string, path: string) {
  const parts = path.split("/");
  for (let depth = 1; depth <= parts.length; depth++) {
    const at = parts.slice(0, depth).join("/");
    const info = await Deno.lstat(join(root, at)).catch(() => undefined);
    if (!info?.isSymlink) continue;
    throw new Failure(
      2,
      `Cannot use ${path} for outputs: ${at} is a link to ${await Deno.readLink(join(root, at))}`,
      {
        remedy: "Name what the link leads to, if that is in the project, or replace the link by a folder",
      },
    );
  }
}

/** Innermost first. */
async function missingAbove(root: string, path: string): Promise<string[]> {
  const missing: string[] = [];
  for (let at = dirname(path); at !== "."; at = dirname(at)) {
    if (!await exists(join(root, at))) missing.push(at);
  }
  return missing;
}
