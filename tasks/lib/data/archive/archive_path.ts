/** The names in an archive: each must be the path of one file or folder below the tree, on every file system. */

import { insideProblem, tidyPath } from "../../values/relative_path.ts";
import { ArchiveError, shown } from "./archive_error.ts";

interface Taken {
  path: string;
  isFolder: boolean;
}

/** Characters of the longest path that Linux takes. */
const LONGEST_PATH = 4096;

/** Characters of all paths, which are held in memory; those of two million files have 200 million. */
const MOST_CHARACTERS = 300e6;

/** Takes the names of an archive one by one, and refuses those that lead out of the tree or meet another. */
export class ArchivePaths {
  /** By the name that a file system would take for the same. */
  readonly #taken = new Map<string, Taken>();
  /** Every folder so far, each after the one that it lies in. */
  readonly folders: string[] = [];
  #parent = "";
  #characters = 0;

  constructor(readonly most = MOST_CHARACTERS) {}

  /** Files and folders so far, those counted that are only part of a path. */
  get count(): number {
    return this.#taken.size;
  }

  /** @returns the path below the tree; empty for the tree itself. */
  addFolder(name: string): string {
    const path = tidyPath(name);
    if (path === "." || path === "./" || path === "") return "";
    this.#add(name, path, true);
    return path;
  }

  /** @returns the path below the tree. */
  addFile(name: string): string {
    const path = tidyPath(name);
    if (name.endsWith("/")) throw new ArchiveError("is a file with the name of a folder", { entry: name });
    this.#add(name, path, false);
    return path;
  }

  #add(name: string, path: string, isFolder: boolean) {
    const problem = pathProblem(path);
    if (problem !== undefined) throw new ArchiveError(problem, { entry: name });
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (parent !== this.#parent) this.#addParents(parent);
    this.#take(path, isFolder);
  }

  #addParents(parent: string) {
    for (let end = parent.indexOf("/"); end !== -1; end = parent.indexOf("/", end + 1)) {
      this.#take(parent.slice(0, end), true);
    }
    if (parent !== "") this.#take(parent, true);
    this.#parent = parent;
  }

  #take(path: string, isFolder: boolean) {
    const key = sameNames(path);
    const other = this.#taken.get(key);
    if (other === undefined) {
      this.#characters += path.length;
      if (this.#characters > this.most) {
        throw new ArchiveError(`the paths in it have more than ${this.most} characters together`);
      }
      this.#taken.set(key, { path, isFolder });
      if (isFolder) this.folders.push(path);
    } else if (other.path !== path) {
      throw new ArchiveError(`differs from ${shown(other.path)} only by letter case or Unicode form`, {
        entry: path,
      });
    } else if (other.isFolder !== isFolder) {
      throw new ArchiveError("is both a file and a folder", { entry: path });
    } else if (!isFolder) throw new ArchiveError("is there twice", { entry: path });
  }
}

/** What is wrong with a path of an archive; undefined if nothing is. */
export function pathProblem(path: string): string | undefined {
  if (path.length > LONGEST_PATH) return `is longer than the ${LONGEST_PATH} characters of a path`;
  // deno-lint-ignore no-control-regex -- control characters are what is refused
  if (/[\u0000-\u001f\u007f-\u009f]/.test(path)) return "holds a control character";
  return insideProblem(path.startsWith("~") ? `_${path}` : path); // no shell expands it here
}

/** Equal for names that differ by letter case or Unicode form only, as macOS and Windows take them for the same. */
function sameNames(path: string): string {
  // deno-lint-ignore no-control-regex -- in ASCII there is but one form
  if (/^[\x00-\x7f]*$/.test(path)) return path.toLowerCase();
  return path.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");
}
