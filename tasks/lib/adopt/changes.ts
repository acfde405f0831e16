/** Changes to a repository: all of them or none, and taken back as long as nobody has edited them. */

import { dirname, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { exists, makeOwnFolder, sha256, writeAtomic } from "../system/files.ts";
import { readTextIfThere } from "../system/regular_file.ts";

/** A file as it was and as it is to be; `before` is undefined for one that is new. */
export interface Change {
  /** Relative to the root. */
  path: string;
  before?: string;
  after: string;
}

/** What `--undo` goes by. */
interface Journal {
  version: 1;
  folders: string[];
  files: { path: string; before?: string; sha256: string }[];
}

const JOURNAL = join("runs", ".new", "undo.json");

/**
 * Writes all of them. Where one can't be written, those that were are as before.
 *
 * @throws Failure(3) where this user may not write there; Failure(2) where a file was changed meanwhile
 */
export async function applyChanges(root: string, changes: Change[]): Promise<void> {
  for (const { path, before } of changes) await checkUnchanged(root, path, before);
  const folders: string[] = [];
  const written: Change[] = [];
  const earlier = await readJournal(root);
  try {
    for (const folder of await missingFolders(root, [...changes.map(({ path }) => path), JOURNAL])) {
      folders.push(folder);
      if (folder === "runs") await makeOwnFolder(join(root, folder));
      else await Deno.mkdir(join(root, folder));
    }
    // Before the changes, so that `--undo` takes them back also where this process is killed between them.
    await writeAtomic(join(root, JOURNAL), inJson(journalOf(earlier, folders, changes)));
    for (const change of changes) {
      await writeAtomic(join(root, change.path), change.after);
      written.push(change);
    }
  } catch (error) {
    await takeBack(root, written, folders, earlier);
    if (error instanceof Failure) throw error;
    throw new Failure(3, `Nothing was changed: ${(error as Error).message}`, {
      remedy: `Give this user the right to write in ${root}, or look at a copy of it`,
    });
  }
}

function journalOf(earlier: Journal | undefined, folders: string[], changes: Change[]): Journal {
  const { folders: made = [], files = [] } = earlier ?? {};
  const isNewAgain = (path: string) => files.some((file) => file.path === path && file.before === undefined);
  return {
    version: 1,
    folders: [...made, ...folders],
    files: [
      ...files.filter(({ path }) => !changes.some((change) => change.path === path)),
      ...changes.map(({ path, before, after }) => ({
        path,
        before: isNewAgain(path) ? undefined : before,
        sha256: sha256(after),
      })),
    ],
  };
}

function inJson(journal: Journal): string {
  return `${JSON.stringify(journal, null, 2)}\n`;
}

async function checkUnchanged(root: string, path: string, before: string | undefined) {
  const place = join(root, path);
  const isThere = await exists(place);
  if (before === undefined ? !isThere : isThere && await readTextIfThere(place) === before) return;
  throw new Failure(2, `Nothing was changed: ${path} is in the way, or was changed meanwhile`, {
    remedy: "Look at it, and try again",
  });
}

/** Folders that are to be made, the outer ones first. */
async function missingFolders(root: string, paths: string[]): Promise<string[]> {
  const missing = new Set<string>();
  for (const path of paths) {
    const parts = dirname(path).split("/");
    for (let i = 1; i <= parts.length; i++) {
      const folder = parts.slice(0, i).join("/");
      if (folder !== "." && !await exists(join(root, folder))) missing.add(folder);
    }
  }
  return [...missing];
}

async function takeBack(root: string, written: Change[], folders: string[], earlier: Journal | undefined) {
  const journal = join(root, JOURNAL);
  if (earlier === undefined) await Deno.remove(journal).catch(() => {});
  else await writeAtomic(journal, inJson(earlier)).catch(() => {});
  for (const { path, before } of written.toReversed()) {
    if (before === undefined) await Deno.remove(join(root, path)).catch(() => {});
    else await writeAtomic(join(root, path), before);
  }
  for (const folder of folders.toReversed()) {
    await Deno.remove(join(root, folder), { recursive: true }).catch(() => {});
  }
}

async function readJournal(root: string): Promise<Journal | undefined> {
  const text = await readTextIfThere(join(root, JOURNAL));
  if (text === undefined) return undefined;
  try {
    const journal: Journal = JSON.parse(text);
    const isSound = journal.version === 1 &&
      [...journal.files.map(({ path }) => path), ...journal.folders].every((path) =>
        !path.startsWith("/") && !path.split("/").includes("..")
      );
    if (isSound) return journal;
  } catch {
    // said below
  }
  throw new Failure(2, `Cannot read ${JOURNAL}: it is not what this program wrote`);
}

export interface Undone {
  /** Files that are gone again, or are as they were. */
  undone: string[];
  /** Files that somebody has edited since. */
  edited: string[];
}

/**
 * Takes back what was added and not edited since.
 *
 * @throws Failure(2) if nothing was added
 */
export async function undoChanges(root: string): Promise<Undone> {
  const journal = await readJournal(root);
  if (journal === undefined) {
    throw new Failure(2, `There is nothing to undo in ${root}: ${JOURNAL} is not there`);
  }
  const result: Undone = { undone: [], edited: [] };
  for (const { path, before, sha256: hash } of journal.files) {
    const now = await readTextIfThere(join(root, path));
    if (now === undefined || now === before) continue;
    if (sha256(now) !== hash) {
      result.edited.push(path);
      continue;
    }
    if (before === undefined) await Deno.remove(join(root, path));
    else await writeAtomic(join(root, path), before);
    result.undone.push(path);
  }
  await Deno.remove(join(root, dirname(JOURNAL)), { recursive: true });
  for (const folder of journal.folders.toReversed()) await removeIfEmpty(join(root, folder));
  return result;
}

/** A folder of this program's holds its own .gitignore, which is nothing. */
async function removeIfEmpty(folder: string) {
  try {
    const names = Array.from(Deno.readDirSync(folder), ({ name }) => name);
    if (names.length === 1 && names[0] === ".gitignore" && folder.endsWith("/runs")) {
      await Deno.remove(folder, { recursive: true });
    } else if (names.length === 0) await Deno.remove(folder);
  } catch {
    // It is gone already.
  }
}
