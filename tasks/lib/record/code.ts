/** Which code runs: the commit and what differs from it, and the hash of every source file, with git or without. */

import { join, relative } from "node:path";
import { Failure } from "../cli/failure.ts";
import { leadsToCache } from "../data/cache_folder.ts";
import { run } from "../system/command.ts";
import { exists, inParallel, listFiles, sha256, sha256File } from "../system/files.ts";

/** Hashes of source files by path relative to the root. */
export interface Sources {
  files: Record<string, string>;
  /** SHA-256 over all of `files`: two runs of the same code have the same. */
  sha256: string;
}

export interface Code extends Sources {
  /** Absent in a copy without `.git`, or where git is not installed. */
  commit?: string;
  /** Files that differ from the commit, as `git status --porcelain` names them. */
  dirty: string[];
  /** What differs, at most `DIFF_LIMIT` characters. */
  diff?: string;
}

/** Characters of a diff that are kept; more than this is somebody's data, not a change to the code. */
const DIFF_LIMIT = 100_000;

/** What a copy without git takes for made by tools, not by people. */
const MADE =
  /^(runs|trained|predictions|node_modules|\.git|\.cache|\.venv[^/]*)$|(^|\/)(__pycache__|\.ipynb_checkpoints|\.[a-z]+_cache)$|\.pyc$/;

/**
 * Reads the state of the code in a project.
 *
 * @param runs Folder of the runs, whose files are results and not code, wherever it is.
 */
export async function readCode(root: string, runs: string): Promise<Code> {
  const [commit, status, diff, sources] = await Promise.all([
    git(root, ["rev-parse", "HEAD"]),
    git(root, ["status", "--porcelain", "--untracked-files=normal"]),
    git(root, ["diff", "HEAD", "--no-ext-diff", "--no-color"], "head"),
    hashSources(root, runs),
  ]);
  return {
    commit: commit?.trim(),
    dirty: (status ?? "").split("\n").filter((line) => line !== ""),
    diff: diff ? capped(scrubbed(diff)) : undefined,
    ...sources,
  };
}

/**
 * Hashes a project's source files: all that git tracks or would not ignore, and without git all that people make.
 *
 * @param only Files and folders to keep to, relative to the root; these count also where git ignores them.
 * @throws Failure(2) if something of `only` is not there.
 */
export async function hashSources(root: string, runs: string, only?: string[]): Promise<Sources> {
  const below = `${relative(root, runs)}/`;
  const paths = only === undefined ? await sourceFiles(root) : await namedFiles(root, only);
  const hashed = await inParallel(
    paths.filter((path) => !path.startsWith(below)),
    (path) => hashOne(root, path),
  );
  const files = Object.fromEntries(hashed.filter((entry) => entry !== undefined));
  return { files, sha256: sha256(JSON.stringify(Object.entries(files))) };
}

async function hashOne(root: string, path: string): Promise<[path: string, hash: string] | undefined> {
  const info = await Deno.lstat(join(root, path)).catch(() => undefined);
  if (info?.isSymlink) return await hashLink(root, path);
  return info?.isFile ? [path, await sha256File(join(root, path))] : undefined; // else deleted, or a submodule
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
    return (await listFiles(join(root, path), (inner) => MADE.test(inner))).map((inner) =>
      join(path, inner.path)
    );
  }));
  return [...new Set(found.flat())].sort();
}

async function sourceFiles(root: string): Promise<string[]> {
  const listed = await git(root, ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], "all");
  if (listed === undefined) return (await listFiles(root, (path) => MADE.test(path))).map(({ path }) => path);
  return [...new Set(listed.split("\0").filter((path) => path !== ""))].sort();
}

async function git(root: string, args: string[], keep: "all" | "head" = "all"): Promise<string | undefined> {
  // Asked of a folder inside somebody's larger repository, git would answer for that one.
  if (!await exists(join(root, ".git"))) return undefined;
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
