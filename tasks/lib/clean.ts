/** Removing what the tasks made. */

import { join } from "node:path";
import { environmentsIn } from "./environment_stamp.ts";
import { Failure } from "./failure.ts";
import { exists, listFiles } from "./files.ts";
import { callerFolder, runsRoot } from "./run_folder.ts";
import { bytes, columns, type Terminal } from "./terminal.ts";

interface Removal {
  path: string;
  bytes: number;
}

/** Caches of Python's tools; environments are told by their stamp, since a `.venv` may be the user's own. */
const CACHE = /^(\.pytest_cache|\.ruff_cache|\.mypy_cache)$/;

/** @throws Failure(2) if run folders are to go and nobody can be asked. */
export async function clean(
  options: { plan: boolean; runs: boolean; yes: boolean },
  terminal: Terminal,
): Promise<{ exitCode: 0; result: unknown }> {
  const root = await projectRoot();
  const runs = runsRoot(root);
  const found = await Promise.all([
    ...(await madeIn(root)).map(measure),
    ...(options.runs && await exists(runs) ? [measure(runs)] : []),
  ]);
  columns(found.map(({ path, bytes: size }) => [bytes(size), path])).forEach((line) => terminal.line(line));
  if (found.length === 0) terminal.line("Nothing to remove");
  if (options.plan || found.length === 0) return { exitCode: 0, result: { removed: [], found } };
  if (options.runs && await exists(runs)) confirmRuns(options.yes, terminal);
  for (const { path } of found) await Deno.remove(path, { recursive: true });
  terminal.line(`Removed ${bytes(found.reduce((sum, one) => sum + one.bytes, 0))}`);
  return { exitCode: 0, result: { removed: found, found } };
}

async function projectRoot(): Promise<string> {
  const root = join(import.meta.dirname!, "..", "..");
  return await Deno.realPath(root).catch(() => callerFolder());
}

async function madeIn(root: string): Promise<string[]> {
  const found = await environmentsIn(root);
  for await (const entry of Deno.readDir(root)) {
    if (CACHE.test(entry.name)) found.push(join(root, entry.name));
  }
  const caches = (await listFiles(root, (path) => /^(runs|\.git|\.venv.*|node_modules)$/.test(path)))
    .map(({ path }) => /^(.*\b__pycache__)\//.exec(path)?.[1])
    .filter((path) => path !== undefined);
  return [...found.sort(), ...[...new Set(caches)].map((path) => join(root, path))];
}

async function measure(path: string): Promise<Removal> {
  const { isDirectory, size } = await Deno.lstat(path);
  const files = isDirectory ? await listFiles(path) : [];
  return { path, bytes: files.reduce((sum, file) => sum + file.bytes, isDirectory ? 0 : size) };
}

function confirmRuns(yes: boolean, terminal: Terminal) {
  if (yes) return;
  if (terminal.json || !Deno.stdin.isTerminal()) {
    throw new Failure(2, "Removing run folders needs a confirmation, and there is no terminal to ask on", {
      remedy: "deno task clean --runs --yes",
    });
  }
  if (!confirm("These runs are results and can't be restored. Remove them?")) {
    throw new Failure(130, "Nothing was removed");
  }
}
