/** Removing what the tasks made, and nothing else: the folders it is in may hold other things as well. */

import { basename, dirname, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { bytes } from "../cli/format.ts";
import { columns } from "../cli/table.ts";
import type { Terminal } from "../cli/terminal.ts";
import { cachedEnvironments, environmentLock, environmentsIn } from "../environment/stamp.ts";
import { stepCaches } from "../plan/step_cache.ts";
import { readPlan, RUN_ID, runsRoot } from "../record/run_folder.ts";
import { acquireRun, isRunLocked, requireFreeRun } from "../record/run_lock.ts";
import { describeHolder, isLocked, readHolder, tryAcquire } from "../system/file_lock.ts";
import { exists, listFiles } from "../system/files.ts";
import { callerFolder, projectRoot } from "../system/project_root.ts";

interface Place {
  kind: "environment" | "cache" | "run";
  path: string;
  /** The run in progress that uses it. */
  usedBy?: string;
}

interface Removal extends Place {
  bytes: number;
}

interface Kept {
  path: string;
  because: string;
}

/** Caches of Python's tools; environments are told by their stamp, since a `.venv` may be the user's own. */
const CACHE = /^(\.pytest_cache|\.ruff_cache|\.mypy_cache)$/;

/**
 * Cleans the project that the user stands in.
 *
 * @throws Failure(2) if there is none, or if run folders are to go and nobody can be asked.
 */
export async function clean(
  options: { plan: boolean; runs: boolean; shared: boolean; yes: boolean },
  terminal: Terminal,
): Promise<{ exitCode: 0; result: unknown }> {
  const root = await projectRoot(callerFolder(), "clean");
  const runs = runsRoot(root);
  const paths = [...await madeIn(root, runs, options.shared), ...options.runs ? await runsIn(runs) : []];
  const { done: found, kept } = await eachUnused(await Promise.all(paths.map(measure)), terminal);
  columns(found.map(({ path, bytes: size }) => [bytes(size), path])).forEach((line) => terminal.line(line));
  if (found.length === 0) terminal.line("Nothing to remove");
  if (options.plan || found.length === 0) return { exitCode: 0, result: { removed: [], found, kept } };
  confirmRuns(found.filter(({ kind }) => kind === "run").length, options.yes, terminal);
  // Somebody may have begun to use one since the first look.
  const second = await eachUnused(found, terminal, ({ path }) => Deno.remove(path, { recursive: true }));
  await removeEmptied(second.done, join(root, "runs"));
  terminal.line(`Removed ${bytes(second.done.reduce((sum, one) => sum + one.bytes, 0))}`);
  return { exitCode: 0, result: { removed: second.done, found, kept: [...kept, ...second.kept] } };
}

async function madeIn(root: string, runs: string, shared: boolean): Promise<Place[]> {
  const caches = await bytecodeIn(root, runs);
  for await (const { name, isDirectory } of Deno.readDir(root)) {
    if (isDirectory && CACHE.test(name)) caches.push(join(root, name));
  }
  const users = await usersOfPlaces(runs);
  const derived = await stepCaches(root);
  return [
    ...[...await environmentsIn(root), ...shared ? await cachedEnvironments() : []].map((path): Place => ({
      kind: "environment",
      path,
      usedBy: users.get(withoutState(path)),
    })),
    ...caches.sort().map((path): Place => ({ kind: "cache", path })),
    ...derived === undefined ? [] : [{ kind: "cache" as const, path: derived, usedBy: users.get(derived) }],
  ];
}

/** The run in progress by the environment and the caches that it uses. */
async function usersOfPlaces(runs: string): Promise<Map<string, string>> {
  const users = new Map<string, string>();
  for (const { path } of await runsIn(runs)) {
    if (!await isRunLocked(path)) continue;
    const plan = await readPlan(path).catch(() => undefined); // it may not be written yet
    const places = plan &&
      [dirname(plan.environment.python), ...plan.steps.flatMap(({ cache }) => cache ?? [])];
    places?.forEach((place) => users.set(dirname(place), basename(path)));
  }
  return users;
}

/** Python's compiled modules, but not those in hidden folders, in virtual environments or in runs. */
async function bytecodeIn(folder: string, runs: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  if (folder === runs || entries.some(({ name }) => name === "pyvenv.cfg")) return [];
  const found: string[] = [];
  for (const { name, isDirectory } of entries) {
    if (!isDirectory || name.startsWith(".") || name === "node_modules") continue;
    if (name === "__pycache__") found.push(join(folder, name));
    else found.push(...await bytecodeIn(join(folder, name), runs));
  }
  return found;
}

/** The folders `<experiment>/<id>` that are runs; RUNS_DIR may be a folder with anything else in it. */
async function runsIn(runs: string): Promise<Place[]> {
  const found: Place[] = [];
  for (const experiment of await foldersIn(runs)) {
    for (const path of await foldersIn(experiment)) {
      const isRun = RUN_ID.test(basename(path)) &&
        (await exists(join(path, "evidence.json")) || await exists(join(path, "plan.json")));
      if (isRun) found.push({ kind: "run", path });
    }
  }
  return found;
}

async function foldersIn(folder: string): Promise<string[]> {
  if (!await exists(folder)) return [];
  const entries = await Array.fromAsync(Deno.readDir(folder));
  return entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => join(folder, name)).sort();
}

async function measure({ path, ...place }: Place): Promise<Removal> {
  return { ...place, path, bytes: (await listFiles(path)).reduce((sum, file) => sum + file.bytes, 0) };
}

/** Does something with all that nobody is using, and says what is kept. */
async function eachUnused(
  all: Removal[],
  terminal: Terminal,
  act?: (one: Removal) => Promise<void>,
): Promise<{ done: Removal[]; kept: Kept[] }> {
  const done: Removal[] = [];
  const kept: Kept[] = [];
  for (const one of all) {
    let lock;
    try {
      if (act === undefined) await requireFree(one);
      else lock = await acquireFor(one);
    } catch (error) {
      const because = (error as Error).message;
      kept.push({ path: one.path, because });
      terminal.note(`Kept ${one.path}: ${because}`);
      continue;
    }
    using _ = lock;
    await act?.(one);
    done.push(one);
  }
  return { done, kept };
}

/** @throws if somebody is using it; else nobody can until the lock is disposed of, where there is one. */
async function acquireFor({ kind, path, usedBy }: Removal): Promise<Disposable | undefined> {
  if (kind === "run") return await acquireRun(path);
  if (usedBy !== undefined) throw new Failure(3, `the run ${usedBy} is using it`);
  if (kind === "environment") return await acquireEnvironment(withoutState(path));
}

/** The environment that a folder with its lock and log belongs to. */
function withoutState(path: string): string {
  return path.replace(/\.state$/, "");
}

/** The same without taking it: a look changes nothing. */
async function requireFree({ kind, path, usedBy }: Removal): Promise<void> {
  if (kind === "run") return await requireFreeRun(path);
  if (usedBy !== undefined) throw new Failure(3, `the run ${usedBy} is using it`);
  const lock = environmentLock(withoutState(path));
  if (kind === "environment" && await isLocked(lock)) throw await lockedBy(lock);
}

async function lockedBy(lock: string): Promise<Failure> {
  return new Failure(3, `it is locked by ${describeHolder(await readHolder(lock))}`);
}

/** Nothing where no environment was ever made. */
async function acquireEnvironment(directory: string): Promise<Disposable | undefined> {
  const path = environmentLock(directory);
  if (!await exists(dirname(path))) return undefined;
  const lock = await tryAcquire(path, `removing ${directory}`);
  if (lock === undefined) throw await lockedBy(path);
  return lock;
}

function confirmRuns(count: number, yes: boolean, terminal: Terminal) {
  if (count === 0 || yes) return;
  if (terminal.json || !Deno.stdin.isTerminal()) {
    throw new Failure(2, "Removing run folders needs a confirmation, and there is no terminal to ask on", {
      remedy: "deno task clean --runs --yes",
    });
  }
  const what = count === 1 ? "this run? It is a result" : `these ${count} runs? They are results`;
  if (!confirm(`Remove ${what} and can't be restored.`)) throw new Failure(130, "Nothing was removed");
}

/** Removes the folders that hold no run any more, with their link to the newest; never one that holds anything else. */
async function removeEmptied(removed: Removal[], ownRuns: string) {
  const experiments = new Set(removed.filter(({ kind }) => kind === "run").map(({ path }) => dirname(path)));
  for (const experiment of experiments) {
    const latest = join(experiment, "latest");
    const isLink = (await Deno.lstat(latest).catch(() => undefined))?.isSymlink;
    if (isLink && await Deno.stat(latest).catch(() => undefined) === undefined) await Deno.remove(latest);
    await Deno.remove(experiment).catch(() => {}); // it holds something else
  }
  if (experiments.size > 0 && [...experiments].every((one) => dirname(one) === ownRuns)) {
    const isFolder = (await Deno.lstat(ownRuns).catch(() => undefined))?.isDirectory;
    const names = isFolder ? (await Array.fromAsync(Deno.readDir(ownRuns))).map(({ name }) => name) : [];
    if (isFolder && names.every((name) => name === ".gitignore")) {
      await Deno.remove(ownRuns, { recursive: true });
    }
  }
}
