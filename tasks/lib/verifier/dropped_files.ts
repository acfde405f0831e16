/**
 * The files that were dropped on the page, as the part of Deno's interface by which the rest of the program reads a run
 * folder. It runs in a worker, where a browser reads files without waiting (FileReaderSync).
 */

/** Where the run folder seems to lie for the rest of the program. */
export const RUN = "/run";

/** A dropped file, or the target of a symbolic link. */
export type Dropped = Blob | { link: string };

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
    const open = (path: string) => new OpenFile(this.#blob(path));
    const readFile = async (path: string) => new Uint8Array(await this.#blob(path).arrayBuffer());
    return {
      errors: { NotFound, FilesystemLoop, NotADirectory: NotFound, NotCapable: NotFound },
      build: { os: "linux" },
      env: { get: () => undefined },
      lstatSync: (path: string) => this.#look(path),
      statSync: (path: string) => this.#look(this.#real(path)),
      realPathSync: (path: string) => this.#real(path),
      openSync: open,
      lstat: (path: string) => promised(() => this.#look(path)),
      stat: (path: string) => promised(() => this.#look(this.#real(path))),
      realPath: (path: string) => promised(() => this.#real(path)),
      readLink: (path: string) => promised(() => this.#link(path)),
      open: (path: string) => promised(() => open(path)),
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
      if (entry === undefined || entry instanceof Blob) {
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
    const isFile = entry instanceof Blob;
    const size = isFile ? entry.size : 0;
    return {
      isFile,
      size,
      isDirectory: isFolder,
      isSymlink: !isFile && !isFolder,
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
    if (entry === undefined || entry instanceof Blob) throw new NotFound(path);
    return entry.link;
  }

  #blob(path: string): Blob {
    const entry = this.#entries.get(this.#real(path));
    if (!(entry instanceof Blob)) throw new NotFound(path);
    return entry;
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

/** What a worker of a browser has, and Deno's does not. */
declare const FileReaderSync: new () => { readAsArrayBuffer(blob: Blob): ArrayBuffer };

/** A file that is read from its beginning to its end. */
class OpenFile {
  #at = 0;

  constructor(readonly blob: Blob) {}

  readSync(room: Uint8Array): number | null {
    return this.#take(room, new Uint8Array(new FileReaderSync().readAsArrayBuffer(this.#next(room))));
  }

  async read(room: Uint8Array): Promise<number | null> {
    return this.#take(room, new Uint8Array(await this.#next(room).arrayBuffer()));
  }

  #next(room: Uint8Array): Blob {
    const [begin, end] = [this.#at, Math.min(this.#at + room.length, this.blob.size)];
    this.#at = end;
    return this.blob.slice(begin, end);
  }

  #take(room: Uint8Array, bytes: Uint8Array): number | null {
    room.set(bytes);
    return bytes.length === 0 ? null : bytes.length;
  }

  [Symbol.dispose]() {
    // nothing is held open
  }
}
