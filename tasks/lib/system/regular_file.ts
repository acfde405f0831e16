/**
 * Reading what others left: only regular files, of a size that is looked at first. A named pipe would be waited for
 * without end, a device has no end, and a link may lead anywhere.
 */

import { dirname } from "node:path";
import { Failure } from "../cli/failure.ts";

/** What stands in a file's place can't be read. */
export class IrregularFile extends Failure {
  /** @param problem as it goes on after the file's name, e.g. `is a named pipe, not a regular file` */
  constructor(path: string, readonly problem: string) {
    super(2, `Cannot read ${path}: it ${problem}`);
  }
}

/** What may be read. */
export interface Reading {
  /** Folder that a link must not lead out of; anywhere without one. */
  within?: Folder;
  /** Largest number of bytes that is read; {@link LARGEST_FILE} without one. */
  most?: number;
}

/** A text beyond this (bytes) is not held in memory; no record is near it. */
export const LARGEST_FILE = 256 * 2 ** 20;

/** A folder whose files are read; each folder below it is looked up once. */
export class Folder {
  #real: string | undefined;
  readonly #inside = new Map<string, boolean>();

  constructor(readonly path: string) {}

  /**
   * Whether a path, with all links followed, is one below this folder.
   *
   * @param isLink what is known of it
   */
  holds(path: string, isLink = Deno.lstatSync(path).isSymlink): boolean {
    if (isLink) return this.#isBelow(Deno.realPathSync(path));
    const parent = dirname(path);
    let inside = this.#inside.get(parent);
    if (inside === undefined) {
      inside = this.#reaches(parent) || this.#isBelow(`${Deno.realPathSync(parent)}/`);
      this.#inside.set(parent, inside);
    }
    return inside;
  }

  /** Whether no link is on the way to a file below this folder; false, too, where there is no such file. */
  isPlain(path: string): boolean {
    try {
      return this.#reaches(dirname(path)) && Deno.lstatSync(path).isFile;
    } catch {
      return false;
    }
  }

  /** A few looks cost a third of what it costs to ask where a folder really is. */
  #reaches(folder: string): boolean {
    if (folder === this.path) return true;
    if (!folder.startsWith(`${this.path}/`)) return false;
    let at = this.path;
    for (const part of folder.slice(at.length + 1).split("/")) {
      if (part === "" || part === "." || part === "..") return false;
      at += `/${part}`;
      if (Deno.lstatSync(at).isSymlink) return false;
    }
    return true;
  }

  #isBelow(real: string): boolean {
    this.#real ??= realOrItself(this.path);
    return real.startsWith(`${this.#real}/`);
  }
}

/** Nothing is below a folder that is not there. */
function realOrItself(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

/**
 * Looks at what stands there without opening it.
 *
 * @returns its size in bytes
 * @throws IrregularFile unless it may be read; what the system says where there is nothing
 */
export function checkRegular(path: string, { within, most = Infinity }: Reading = {}): number {
  const { info, isLink } = look(path);
  if (!info.isFile) throw new IrregularFile(path, `is ${kindOf(info)}, not a regular file`);
  if (within !== undefined && !within.holds(path, isLink)) {
    throw new IrregularFile(path, `is a link that leaves the folder ${within.path}`);
  }
  if (info.size > most) {
    throw new IrregularFile(
      path,
      `has ${inMiB(info.size)} MiB, more than the ${inMiB(most)} MiB that are read`,
    );
  }
  return info.size;
}

/** What stands there, and whether a link led to it: asked once for what is no link. */
function look(path: string): { info: Deno.FileInfo; isLink: boolean } {
  try {
    const info = Deno.lstatSync(path);
    return info.isSymlink ? { info: Deno.statSync(path), isLink: true } : { info, isLink: false };
  } catch (error) {
    if (!(error instanceof Deno.errors.FilesystemLoop)) throw error;
    throw new IrregularFile(path, "is a link that leads in a circle");
  }
}

function kindOf(info: Deno.FileInfo): string {
  if (info.isDirectory) return "a folder";
  if (info.isFifo) return "a named pipe";
  if (info.isSocket) return "a socket";
  return "a device";
}

function inMiB(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20);
}

/** @throws as {@link checkRegular} */
export async function openRegular(path: string, reading: Reading = {}): Promise<Deno.FsFile> {
  checkRegular(path, reading);
  return await Deno.open(path);
}

/** @throws as {@link checkRegular} */
export async function readRegular(path: string, reading: Reading = {}): Promise<Uint8Array<ArrayBuffer>> {
  checkRegular(path, { most: LARGEST_FILE, ...reading });
  return await Deno.readFile(path);
}

/** The same without waiting, which is several times quicker for a small file. */
export function readRegularSync(path: string, reading: Reading = {}): Uint8Array<ArrayBuffer> {
  checkRegular(path, { most: LARGEST_FILE, ...reading });
  return Deno.readFileSync(path);
}

/** A file's text; what is not UTF-8 in it is replaced. @throws as {@link checkRegular} */
export async function readRegularText(path: string, reading: Reading = {}): Promise<string> {
  checkRegular(path, { most: LARGEST_FILE, ...reading });
  return await Deno.readTextFile(path);
}

/** The same, or nothing where there is no such file. @throws as {@link checkRegular} for anything else */
export async function readTextIfThere(path: string, reading: Reading = {}): Promise<string | undefined> {
  try {
    return await readRegularText(path, reading);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}
