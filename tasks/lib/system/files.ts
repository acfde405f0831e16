/** Files: written whole or not at all, hashed, listed without leaving their folder. */

import { dirname, join, relative } from "node:path";
import { run } from "./command.ts";
import { nodeCrypto } from "./node.ts";

export { eachPiece } from "./pieces.ts";
export { sha256File } from "./sha256_file.ts";

/** Replaces a file in one move, so that no reader and no crash ever sees half of it. */
export async function writeAtomic(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${crypto.randomUUID().slice(0, 8)}.tmp`);
  try {
    const file = await Deno.open(temporary, { write: true, createNew: true });
    try {
      const data = typeof content === "string" ? new TextEncoder().encode(content) : content;
      for (let done = 0; done < data.length;) done += await file.write(data.subarray(done));
      await file.sync();
    } finally {
      file.close();
    }
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    (error as Error).message = `Cannot write ${path}: ${(error as Error).message}`;
    throw error;
  }
}

export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** The hash where a plan needs one: WebCrypto is there without loading a module of Node. */
export async function sha256InPlan(data: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

export function sha256(data: string | Uint8Array): string {
  return nodeCrypto().hash("sha256", data, "hex");
}

/** A file or link below a folder; a link is recorded by where it points, and never followed. */
export interface Entry {
  /** Relative to the folder, with `/`. */
  path: string;
  bytes: number;
  /** Target of a symbolic link, as it is written. */
  link?: string;
}

/** Files and links below a folder, sorted by path; `skip` is asked for each entry's relative path. */
export async function listFiles(
  folder: string,
  skip: (path: string) => boolean = () => false,
): Promise<Entry[]> {
  const found: Entry[] = [];
  const pending = [folder];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for await (const entry of Deno.readDir(next)) {
      const absolute = join(next, entry.name);
      const path = relative(folder, absolute);
      if (skip(path)) continue;
      if (entry.isSymlink) found.push({ path, bytes: 0, link: await Deno.readLink(absolute) });
      else if (entry.isDirectory) pending.push(absolute);
      else if (entry.isFile) found.push({ path, bytes: (await Deno.stat(absolute)).size });
    }
  }
  return found.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** Does something for each item, so many at a time; results in the order of the items. */
export async function inParallel<T, R>(items: T[], work: (item: T) => Promise<R>, width = 8): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index]!);
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

/**
 * Copies a file, a link or a folder with its times and modes; by reference where the file system can (Deno.copyFile asks
 * for that).
 */
export async function copyTree(from: string, to: string): Promise<void> {
  const info = await Deno.lstat(from);
  await Deno.mkdir(dirname(to), { recursive: true });
  if (info.isSymlink) return await Deno.symlink(await Deno.readLink(from), to);
  if (info.isDirectory) {
    await Deno.mkdir(to, { recursive: true });
    for await (const { name } of Deno.readDir(from)) await copyTree(join(from, name), join(to, name));
    if (info.mode !== null) await Deno.chmod(to, info.mode & 0o7777);
  } else if (info.isFile) await Deno.copyFile(from, to);
  else return; // a socket or a named pipe holds nothing
  if (info.atime && info.mtime) await Deno.utime(to, info.atime, info.mtime);
}

/** Moves a file, a link or a folder, also to another file system. */
export async function moveTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(dirname(to), { recursive: true });
  try {
    await Deno.rename(from, to);
  } catch (error) {
    if (!/os error 18\b|EXDEV/.test(String(error))) throw error;
    await copyTree(from, to);
    await Deno.remove(from, { recursive: true });
  }
}

/** Makes a folder of the program's own, which git leaves alone without being told to in every project. */
export async function makeOwnFolder(folder: string): Promise<void> {
  if (await exists(folder)) return;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, ".gitignore"), "*\n");
}

export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * Bytes that this user may write to the folder's disk, without quotas; not known counts as enough. Deno's own statfs
 * needs every permission.
 */
export async function freeSpace(folder: string): Promise<number> {
  const { stdout } = await run(["df", "-Pk", folder]).catch(() => ({ stdout: "" }));
  const blocks = stdout.trim().split("\n").at(-1)?.split(/\s+/).at(-3);
  return /^\d+$/.test(blocks ?? "") ? Number(blocks) * 1024 : Infinity;
}

/** Whether an error says that there is no room left, on the disk or for this user. */
export function isDiskFull(error: unknown): boolean {
  return /os error (?:28|122)\b|ENOSPC|EDQUOT/.test(String(error));
}

/** Whether an error says that this user may not write there. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied ||
    (error as { code?: string }).code === "EROFS" || /os error 30\b/.test(String(error));
}
