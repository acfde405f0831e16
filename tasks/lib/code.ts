/** Which code ran: the commit and what differs from it, and the hash of every source file, with git or without. */

import { join } from "node:path";
import { run } from "./command.ts";
import { exists, listFiles, sha256, sha256File } from "./files.ts";

export interface Code {
  /** Absent in a copy without `.git`, or where git is not installed. */
  commit?: string;
  /** Files that differ from the commit, as `git status --porcelain` names them. */
  dirty: string[];
  /** What differs, at most `DIFF_LIMIT` characters. */
  diff?: string;
  /** SHA-256 of each source file by path relative to the root. */
  files: Record<string, string>;
  /** SHA-256 over all of `files`: two runs of the same code have the same. */
  sha256: string;
}

/** Characters of a diff that are kept; more than this is somebody's data, not a change to the code. */
const DIFF_LIMIT = 100_000;

/** What a copy without git takes for made by tools, not by people. */
const MADE =
  /^(runs|node_modules|\.git|\.venv[^/]*)$|(^|\/)(__pycache__|\.ipynb_checkpoints|\.[a-z]+_cache)$|\.pyc$/;

/**
 * Reads the state of the code in a project.
 *
 * @param only Paths to keep to (files or folders relative to the root); all source files without it.
 */
export async function readCode(root: string, only?: string[]): Promise<Code> {
  const [commit, status, diff] = await Promise.all([
    git(root, ["rev-parse", "HEAD"]),
    git(root, ["status", "--porcelain", "--untracked-files=normal"]),
    git(root, ["diff", "HEAD", "--no-ext-diff", "--no-color"]),
  ]);
  const files = await hashFiles(root, await sourceFiles(root), only);
  return {
    commit: commit?.trim(),
    dirty: (status ?? "").split("\n").filter((line) => line !== ""),
    diff: diff ? capped(scrubbed(diff)) : undefined,
    files,
    sha256: sha256(JSON.stringify(Object.entries(files))),
  };
}

/** The current commit and whether the work tree differs from it; `undefined` without git or a repository. */
export async function readCommit(root: string): Promise<string | undefined> {
  return (await git(root, ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]))?.trim();
}

async function hashFiles(root: string, paths: string[], only?: string[]): Promise<Record<string, string>> {
  const wanted = only === undefined
    ? paths
    : paths.filter((path) =>
      only.some((part) => path === part || path.startsWith(`${part.replace(/\/$/, "")}/`))
    );
  const hashed = await Promise.all(wanted.map(async (path) => {
    const info = await Deno.lstat(join(root, path)).catch(() => undefined);
    if (info?.isSymlink) return [[path, sha256(`link ${await Deno.readLink(join(root, path))}`)]];
    return info?.isFile ? [[path, await sha256File(join(root, path))]] : []; // else deleted, or a submodule
  }));
  return Object.fromEntries(hashed.flat());
}

/** Tracked files and those that git would not ignore; without git, all but what tools make. */
async function sourceFiles(root: string): Promise<string[]> {
  const listed = await git(root, ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
  if (listed === undefined) return (await listFiles(root, (path) => MADE.test(path))).map(({ path }) => path);
  return [...new Set(listed.split("\0").filter((path) => path !== ""))].sort();
}

async function git(root: string, args: string[]): Promise<string | undefined> {
  // Asked of a folder inside somebody's larger repository, git would answer for that one.
  if (!await exists(join(root, ".git"))) return undefined;
  try {
    const done = await run(["git", "-C", root, ...args], { env: { GIT_OPTIONAL_LOCKS: "0" } });
    return done.code === 0 ? done.stdout : undefined;
  } catch {
    return undefined; // git is not installed
  }
}

function capped(text: string): string {
  if (text.length <= DIFF_LIMIT) return text;
  return `${text.slice(0, DIFF_LIMIT)}\n[${text.length - DIFF_LIMIT} more characters left out]\n`;
}

const SECRET = /((?:pass(?:word|wd)?|secret|token|api_?key|credential)\w*["']?\s*[:=]\s*)(\S+)/gi;
const KNOWN_TOKEN =
  /\b(?:gh[pousr]_\w{20,}|hf_\w{20,}|sk-[\w-]{20,}|AKIA[A-Z0-9]{16}|glpat-[\w-]{20,}|xox[abp]-[\w-]{10,})/g;

/** Text without what looks like a password or a token; records are meant to be shared. */
export function scrubbed(text: string): string {
  return text.replace(SECRET, "$1[removed]").replace(KNOWN_TOKEN, "[removed]");
}
