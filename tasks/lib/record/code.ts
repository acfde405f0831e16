/** Which code runs: the commit and what differs from it, and the hash of every source file, with git or without. */

import { dirname, join, relative } from "node:path";
import { Failure } from "../cli/failure.ts";
import { leadsToCache } from "../data/cache_folder.ts";
import { run } from "../system/command.ts";
import type { Code } from "./evidence_schema.ts";
import { exists, inParallel, listFiles, sha256, sha256File } from "../system/files.ts";

/** Hashes of source files by path relative to the root. */
export interface CodeFiles {
  files: Record<string, string>;
  /** SHA-256 over all of `files`: two runs of the same code have the same. */
  sha256: string;
}

export type { Code };

/** Characters of a diff that are kept; more than this is somebody's data, not a change to the code. */
const DIFF_LIMIT = 100_000;

/** What tools make, and nobody writes: never code, also where git would commit it. */
const MADE =
  /(^|\/)(\.git|\.venv[^/]*|\.cache|node_modules|__pycache__|\.ipynb_checkpoints|\.[a-z]+_cache|[^/]+\.egg-info|\.set-aside)(\/|$)|\.pyc$/;

/** Files that only the root of a Python environment has: of venv and of conda. */
const ENVIRONMENT = /^(?:(.*)\/)?(?:pyvenv\.cfg|conda-meta\/.*)$/;

/**
 * Reads the state of the code in a project.
 *
 * @param runs Folder of the runs, whose files are results and not code, wherever it is.
 * @param except What the steps write, relative to the root: results, too.
 */
export async function readCode(root: string, runs: string, except: string[] = []): Promise<Code> {
  const git = await isTracked(root) ? gitAnswer : () => undefined;
  const [commit, status, diff, sources] = await Promise.all([
    git(root, ["rev-parse", "HEAD"], "all"),
    git(root, ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=normal"], "all"),
    git(root, ["diff", "HEAD", "--no-ext-diff", "--no-color", ...without(except)], "head"),
    hashCode(root, runs, undefined, except),
  ]);
  return {
    commit: commit?.trim(),
    dirty: (status ?? "").split("\0").filter((line) =>
      line !== "" && !isMade(root, runs, line.slice(3)) && !isAt(except, line.slice(3).replace(/\/$/, ""))
    ),
    diff: diff ? capped(scrubbed(diff)) : undefined,
    ...sources,
  };
}

/**
 * Hashes a project's source files: all that git tracks or would not ignore, and without git all that people make.
 *
 * @param only Files and folders to keep to, relative to the root; these count also where git ignores them.
 * @param except Files and folders to leave out, relative to the root.
 * @throws Failure(2) if something of `only` is not there.
 */
export async function hashCode(
  root: string,
  runs: string,
  only?: string[],
  except: string[] = [],
): Promise<CodeFiles> {
  const below = `${relative(root, runs)}/`;
  const paths = only === undefined ? await sourceFiles(root) : await namedFiles(root, only);
  const hashed = await inParallel(
    paths.filter((path) => !path.startsWith(below) && !isAt(except, path)),
    (path) => hashOne(root, path),
  );
  const files = Object.fromEntries(hashed.filter((entry) => entry !== undefined));
  return { files, sha256: sha256(JSON.stringify(Object.entries(files))) };
}

function isAt(places: string[], path: string): boolean {
  return places.some((place) => path === place || path.startsWith(`${place}/`));
}

/** Arguments that keep git to what is not at these places. */
function without(places: string[]): string[] {
  return places.length === 0 ? [] : ["--", ".", ...places.map((place) => `:(exclude,literal)${place}`)];
}

async function hashOne(root: string, path: string): Promise<[path: string, hash: string] | undefined> {
  const info = look(join(root, path));
  if (info?.isSymlink) return await hashLink(root, path);
  return info?.isFile ? [path, await hashFile(join(root, path), info)] : undefined; // else deleted, or a submodule
}

/** Without waiting: that takes longer than looking, and a run looks at all its code several times. */
function look(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch {
    return undefined;
  }
}

/** A run looks at its code at its beginning and after each step: what is unchanged since is read once. */
const known = new Map<string, { marks: string; hash: string }>();

/** A file that was changed so shortly before it was read may change again without a trace, as git knows, too. */
const SETTLED_MS = 2_000;

/** The files that a run has looked at, by what tells one file from another under whatever name. */
const identities = new Map<string, { path: string; modified?: number; size: number }>();

function identityOf({ dev, ino }: Deno.FileInfo): string {
  return `${dev} ${ino}`;
}

/** The file of the project that another file is, unwritten since the project was looked at: moved, or by a hard link. */
export function isSourceFile(file: string): string | undefined {
  const info = look(file);
  const known = info?.isFile && info.ino ? identities.get(identityOf(info)) : undefined;
  return known?.modified === info?.mtime?.getTime() && known?.size === info?.size ? known?.path : undefined;
}

async function hashFile(file: string, info: Deno.FileInfo): Promise<string> {
  const identity = identityOf(info);
  if (!identities.has(identity)) {
    identities.set(identity, { path: file, modified: info.mtime?.getTime(), size: info.size });
  }
  const marks = [info.dev, info.ino, info.size, info.mtime?.getTime(), info.ctime?.getTime()].join(" ");
  const found = known.get(file);
  if (found?.marks === marks) return found.hash;
  const changed = Math.max(info.mtime?.getTime() ?? Infinity, info.ctime?.getTime() ?? Infinity);
  const isSettled = changed + SETTLED_MS < Date.now();
  const hash = await sha256File(file, info.size);
  if (isSettled) known.set(file, { marks, hash });
  return hash;
}

/** Data that were fetched are recorded by what they are, not by where this user keeps them. */
async function hashLink(root: string, path: string): Promise<[path: string, hash: string] | undefined> {
  const target = await Deno.readLink(join(root, path));
  return leadsToCache(target) ? undefined : [path, sha256(`link ${target}`)];
}

async function namedFiles(root: string, only: string[]): Promise<string[]> {
  const found = await Promise.all(only.map(async (path) => {
    const info = await Deno.stat(join(root, path)).catch(() => undefined);
    if (info === undefined) {
      throw new Failure(2, `Cannot read the input ${path}: nothing of that name is in ${root}`);
    }
    if (!info.isDirectory) return [path];
    return written((await listFiles(join(root, path), (inner) => MADE.test(inner))).map(({ path }) => path))
      .map((inner) => join(path, inner));
  }));
  return [...new Set(found.flat())].sort();
}

async function sourceFiles(root: string): Promise<string[]> {
  const listed = await isTracked(root)
    ? await gitAnswer(root, ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], "all")
    : undefined;
  const paths = listed === undefined
    ? (await listFiles(root, (path) => MADE.test(path) || path === "runs")).map(({ path }) => path)
    : listed.split("\0").filter((path) => path !== "" && !MADE.test(path));
  return [...new Set(written(paths))].sort();
}

/** Whether an entry of `git status`, a file or a whole folder, is what tools made. */
function isMade(root: string, runs: string, path: string): boolean {
  const folder = path.replace(/\/$/, "");
  return MADE.test(folder) || join(root, folder) === runs ||
    ["pyvenv.cfg", "conda-meta"].some((name) => look(join(root, folder, name)) !== undefined);
}

/** Whether tools made a file of the project: caches, environments, what git keeps. */
export function isMadeByTools(root: string, path: string): boolean {
  return MADE.test(path) ||
    parents(path).some((folder) =>
      ["pyvenv.cfg", "conda-meta"].some((name) => look(join(root, folder, name)) !== undefined)
    );
}

/** The paths that are in no Python environment. */
function written(paths: string[]): string[] {
  const environments = new Set(paths.flatMap((path) => ENVIRONMENT.exec(path)?.[1] ?? []));
  if (environments.size === 0) return paths;
  return paths.filter((path) => !parents(path).some((folder) => environments.has(folder)));
}

/** `["a", "a/b"]` of `a/b/c`. */
function parents(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}

/**
 * Whether the project is a repository, or a folder of a larger one that tracks files in it. A copy that was merely
 * unpacked inside somebody's repository is neither.
 */
async function isTracked(root: string): Promise<boolean> {
  if (await exists(join(root, ".git"))) return true;
  if (!await isBelowRepository(root)) return false;
  const tracked = await gitAnswer(root, ["ls-files", "-z", "--cached"], "head");
  return tracked !== undefined && tracked !== "";
}

async function isBelowRepository(root: string): Promise<boolean> {
  for (let at = root; at !== dirname(at); at = dirname(at)) if (await exists(join(at, ".git"))) return true;
  return false;
}

async function gitAnswer(root: string, args: string[], keep: "all" | "head"): Promise<string | undefined> {
  try {
    const done = await run(["git", "-C", root, ...args], { env: { GIT_OPTIONAL_LOCKS: "0" }, keep });
    return done.code === 0 ? done.stdout : undefined;
  } catch {
    return undefined; // git is not installed
  }
}

function capped(text: string): string {
  return text.length <= DIFF_LIMIT ? text : `${text.slice(0, DIFF_LIMIT)}\n[the rest is left out]\n`;
}

const NAME = String
  .raw`[\w-]*(?:password|passwd|secret|api[_-]?key|access[_-]?key|auth[_-]?token|credentials?)`;

/** What is taken for a secret: its beginning is kept, what follows is not. */
const SECRETS: RegExp[] = [
  // An assignment of a quoted text, or a line of an .env file.
  new RegExp(String.raw`(\b${NAME}["']?\s*[:=]\s*)(["'])(?:(?!\2).)+\2`, "gi"),
  new RegExp(String.raw`^([+ -]?\s*(?:export\s+)?${NAME}\s*[:=]\s*)[^\s"']\S*`, "gim"),
  /(\bauthorization["']?\s*[:=]\s*["']?(?:bearer|basic|token)\s+)[\w.~+/=-]+/gi,
  /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]+:)[^\s@/]+(?=@)/gi,
  /(-----BEGIN [A-Z ]*PRIVATE KEY-----)[\s\S]*?(?=-----END|$)/g,
  /()\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|hf_\w{20,}|sk-[\w-]{20,}|AKIA[A-Z0-9]{16}|glpat-[\w-]{20,}|xox[abp]-[\w-]{10,})/g,
];

/** Text without what looks like a password or a token; records are meant to be shared. */
export function scrubbed(text: string): string {
  return SECRETS.reduce((clean, secret) => clean.replace(secret, "$1[removed]"), text);
}
