/** What stands in a clone for a large file that was not brought along: a pointer of Git LFS, a link of git-annex. */

import { shellQuote } from "../system/command.ts";

/** A file that is not the file itself. */
export interface StandIn {
  path: string;
  /** With its article, e.g. "a Git LFS pointer". */
  kind: string;
  /** The command that brings the file itself. */
  remedy: string;
}

/** A pointer of Git LFS has some 130 bytes, with extensions a few lines more. */
const LONGEST = 1024;

/** `.git/annex/objects/…` below any number of `../`. */
const ANNEX = /(?:^|\/)\.git\/(?:modules\/.*\/)?annex\/objects\//;

/**
 * Whether something stands in for the file at a path; undefined for the file itself, or if nothing is there.
 *
 * @param named the path as messages and commands name it
 */
export function standInAt(path: string, named = path): StandIn | undefined {
  try {
    const info = Deno.lstatSync(path);
    if (info.isSymlink) {
      return isDangling(path) && ANNEX.test(Deno.readLinkSync(path)) ? annex(named) : undefined;
    }
    if (!info.isFile || info.size > LONGEST) return undefined;
    return standInOf(Deno.readTextFileSync(path), named);
  } catch {
    return undefined;
  }
}

/** The same for a file's text. */
export function standInOf(text: string, path: string): StandIn | undefined {
  if (/^version https:\/\/(?:git-lfs\.github\.com|hawser\.github\.com)\/spec\/v1\n/.test(text)) {
    return { path, kind: "a Git LFS pointer", remedy: "git lfs pull" };
  }
  return text.startsWith("/annex/objects/") ? annex(path) : undefined;
}

function annex(path: string): StandIn {
  return { path, kind: "a git-annex link", remedy: `git annex get ${shellQuote([path])}` };
}

/** Several of them in one phrase. */
const MOST = 5;

/**
 * What they are, and the commands that bring all of them: one of Git LFS, and one that names the files of git-annex.
 *
 * @param found at least one
 */
export function describeStandIns(found: readonly StandIn[]): { problem: string; remedy: string } {
  const shown = found.slice(0, MOST).map(({ path, kind }) => `${path} is ${kind}`).join(", ");
  const more = found.length > MOST ? ` and ${found.length - MOST} more` : "";
  const get = "git annex get ";
  const links = found.filter(({ remedy }) => remedy.startsWith(get)).map(({ path }) => path);
  const remedies = new Set(found.map(({ remedy }) => remedy).filter((remedy) => !remedy.startsWith(get)));
  // Of many links, git-annex itself finds those that are missing.
  if (links.length > 0) remedies.add(`${get}${shellQuote(links.length > MOST ? ["."] : links)}`);
  const files = found.length === 1 ? "the file itself" : "the files themselves";
  return { problem: `${shown}${more}, not ${files}`, remedy: [...remedies].join(", and ") };
}

function isDangling(path: string): boolean {
  try {
    Deno.statSync(path);
    return false;
  } catch {
    return true;
  }
}
