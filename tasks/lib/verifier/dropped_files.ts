/**
 * The files that were dropped on the page, as the part of Deno's interface by which the rest of the program reads a run
 * folder.
 */

/** Where the run folder seems to lie for the rest of the program. */
export const RUN = "/run";

/** A file of a zip, which is unpacked when it is read: what nobody reads may be as large as it likes. */
export interface Packed {
  /** Bytes when it is unpacked, as the zip says. */
  size: number;
  /** Bytes in the zip. */
  packed: number;
  /** @throws Error if it can't be unpacked, or becomes larger than that */
  unpack(): Promise<Blob>;
}

/** A dropped file, or the target of a symbolic link. */
export type Dropped = Blob | Packed | { link: string };

export function isFile(entry: Dropped | undefined): entry is Blob | Packed {
  return entry !== undefined && !("link" in entry);
}

class NotFound extends Error {
  override name = "NotFound";
}

class FilesystemLoop extends Error {
  override name = "FilesystemLoop";
}

/** Links that are followed one after the other before it is a circle, as Linux has it. */
const MOST_LINKS = 40;

/** Files by their path below {@link RUN}; there is nothing else. */
export class DroppedFiles {
  readonly #entries = new Map<string, Dropped>();
  readonly #folders = new Map<string, Set<string>>([[RUN, new Set()]]);

  constructor(entries: Iterable<readonly [path: string, file: Dropped]>) {
    this.add(entries);
  }

  add(entries: Iterable<readonly [path: string, file: Dropped]>) {
    for (const [path, file] of entries) this.#add(`${RUN}/${path}`, file);
  }

  #add(path: string, file: Dropped) {
    this.#entries.set(path, file);
    for (let at = path; at !== RUN; at = parentOf(at)) {
      const parent = parentOf(at);
      const names = this.#folders.get(parent);
      if (names !== undefined) {
        names.add(at.slice(parent.length + 1));
        return;
      }
      this.#folders.set(parent, new Set([at.slice(parent.length + 1)]));
    }
  }

  /** What reads these files where the program says `Deno`. */
  asDeno() {
    const readFile = async (path: string) => new Uint8Array(await (await this.#blob(path)).arrayBuffer());
    return {
      errors: { NotFound, FilesystemLoop, NotADirectory: NotFound, NotCapable: NotFound },
      build: { os: "linux" },
      env: { get: () => undefined },
      lstatSync: (path: string) => this.#look(path),
      statSync: (path: string) => this.#look(this.#real(path)),
      realPathSync: (path: string) => this.#real(path),
      lstat: (path: string) => promised(() => this.#look(path)),
      stat: (path: string) => promised(() => this.#look(this.#real(path))),
      realPath: (path: string) => promised(() => this.#real(path)),
      readLink: (path: string) => promised(() => this.#link(path)),
      open: async (path: string) => new OpenFile(await this.#blob(path)),
      readFile: async (path: string) => await readFile(path),
      readTextFile: async (path: string) => new TextDecoder().decode(await readFile(path)),
      readDir: (path: string) => this.#list(path),
    };
  }

  /** The path with all links followed. */
  #real(path: string): string {
    let [real, links] = ["", 0];
    const left = path.split("/").filter(Boolean);
    for (let part = left.shift(); part !== undefined; part = left.shift()) {
      if (part === ".") continue;
      if (part === "..") {
        real = parentOf(real);
        continue;
      }
      const entry = this.#entries.get(`${real}/${part}`);
      if (entry === undefined || isFile(entry)) {
        real = `${real}/${part}`;
        continue;
      }
      if (++links > MOST_LINKS) throw new FilesystemLoop(path);
      if (entry.link.startsWith("/")) real = "";
      left.unshift(...entry.link.split("/").filter(Boolean));
    }
    if (!this.#entries.has(real) && !this.#folders.has(real)) throw new NotFound(path);
    return real;
  }

  #look(path: string) {
    const entry = this.#entries.get(path) ?? this.#entries.get(this.#throughFolders(path));
    const isFolder = this.#folders.has(path);
    if (entry === undefined && !isFolder) throw new NotFound(path);
    const isOne = isFile(entry);
    return {
      isFile: isOne,
      size: isOne ? entry.size : 0,
      isDirectory: isFolder,
      isSymlink: !isOne && !isFolder,
      isFifo: false,
      isSocket: false,
    };
  }

  /** Links in the folders of a path are followed, the last part is not. */
  #throughFolders(path: string): string {
    return `${this.#real(parentOf(path))}/${path.slice(parentOf(path).length + 1)}`;
  }

  #link(path: string): string {
    const entry = this.#entries.get(path);
    if (entry === undefined || isFile(entry)) throw new NotFound(path);
    return entry.link;
  }

  async #blob(path: string): Promise<Blob> {
    const real = this.#real(path);
    const entry = this.#entries.get(real);
    if (!isFile(entry)) throw new NotFound(path);
    if (entry instanceof Blob) return entry;
    const blob = await entry.unpack();
    this.#entries.set(real, blob);
    return blob;
  }

  async *#list(path: string) {
    const folder = this.#real(path);
    const names = this.#folders.get(folder);
    if (names === undefined) throw new NotFound(path);
    for (const name of names) yield { name, ...this.#look(`${folder}/${name}`) };
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

// deno-lint-ignore require-await -- what it throws is a rejection
async function promised<T>(work: () => T): Promise<T> {
  return work();
}

/** A file of the run folder that is looked at now. */
export async function blobOf(path: string): Promise<Blob> {
  return (await Deno.open(path) as unknown as OpenFile).blob;
}

/** A file that is read from its beginning to its end. */
class OpenFile {
  #at = 0;

  constructor(readonly blob: Blob) {}

  async read(room: Uint8Array): Promise<number | null> {
    const [begin, end] = [this.#at, Math.min(this.#at + room.length, this.blob.size)];
    this.#at = end;
    const bytes = new Uint8Array(await this.blob.slice(begin, end).arrayBuffer());
    room.set(bytes);
    return bytes.length === 0 ? null : bytes.length;
  }

  [Symbol.dispose]() {
    // nothing is held open
  }
}
