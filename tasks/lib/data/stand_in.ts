/** What stands in a clone for a large file that was not brought along: a pointer of Git LFS, a link of git-annex. */

export interface StandIn {
  /** With its article, e.g. "a Git LFS pointer". */
  kind: string;
  /** The command that brings the file itself. */
  remedy: string;
}

/** A pointer of Git LFS has some 130 bytes, with extensions a few lines more. */
const LONGEST = 1024;

/** `.git/annex/objects/…` below any number of `../`. */
const ANNEX = /(?:^|\/)\.git\/(?:modules\/.*\/)?annex\/objects\//;

/** Whether something stands in for the file at a path; undefined for the file itself, or if nothing is there. */
export function standInAt(path: string): StandIn | undefined {
  try {
    const info = Deno.lstatSync(path);
    if (info.isSymlink) {
      return isDangling(path) && ANNEX.test(Deno.readLinkSync(path)) ? annex(path) : undefined;
    }
    if (!info.isFile || info.size > LONGEST) return undefined;
    return standInOf(Deno.readTextFileSync(path), path);
  } catch {
    return undefined;
  }
}

/** The same for a file's text. */
export function standInOf(text: string, path: string): StandIn | undefined {
  if (/^version https:\/\/(?:git-lfs\.github\.com|hawser\.github\.com)\/spec\/v1\n/.test(text)) {
    return { kind: "a Git LFS pointer", remedy: "git lfs pull" };
  }
  return text.startsWith("/annex/objects/") ? annex(path) : undefined;
}

function annex(path: string): StandIn {
  return { kind: "a git-annex link", remedy: `git annex get ${path}` };
}

function isDangling(path: string): boolean {
  try {
    Deno.statSync(path);
    return false;
  } catch {
    return true;
  }
}
