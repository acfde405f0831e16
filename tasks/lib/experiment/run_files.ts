/** The files of a run folder, or of a project: each is read once, and nothing outside it is. */

import { isAbsolute } from "node:path";
import type { RunFiles } from "../sources/source.ts";
import { exists, sha256File } from "../system/files.ts";
import { checkRegular, Folder, readRegular } from "../system/regular_file.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A reason why a value can't be read. */
export class NotFound extends Error {}

/**
 * The files of a run folder, each read once: hundreds of claims may be about one file.
 *
 * @param runDir path of the run folder; nothing outside it is read, not even through a link
 * @param read how a regular file is read, by its absolute path
 */
export function runFiles(
  runDir: string,
  read: (file: string) => Bytes | Promise<Bytes> = readRegular,
): RunFiles {
  const folder = new Folder(runDir);
  const texts = new Map<string, Promise<string>>();
  const listed = new Map<string, Promise<string[]>>();
  return {
    text(path) {
      const text = texts.get(path) ?? realFile(path, folder).then((file) => readText(read, file, path));
      texts.set(path, text);
      return text;
    },
    async bytes(path) {
      return await read(await realFile(path, folder));
    },
    async realPath(path) {
      return await realFile(path, folder);
    },
    async only(pattern) {
      const step = pattern.split("/")[0]!;
      const all = listed.get(step) ?? filesIn(step, runDir);
      listed.set(step, all);
      return onlyMatch(await all, pattern, step);
    },
    async sha256(path) {
      return await sha256File(await realFile(path, folder));
    },
  };
}

/** Path of a regular file inside the run folder, which no link leads out of. */
async function realFile(path: string, folder: Folder): Promise<string> {
  const file = `${folder.path}/${path}`;
  if (isAbsolute(file) && folder.isPlain(file)) return file;
  const root = await Deno.realPath(folder.path).catch(() => {
    throw new NotFound("the run folder is not there");
  });
  const real = await Deno.realPath(`${root}/${path}`).catch((error) => missing(path, root, error));
  if (!real.startsWith(`${root}/`)) {
    throw new NotFound(`${path} is a link that leaves the run folder, so it is not a result of this run`);
  }
  checkRegular(real);
  return real;
}

/** The files of a step, relative to the run folder; links are not followed. */
async function filesIn(folder: string, runDir: string): Promise<string[]> {
  const found: string[] = [];
  const waiting = [folder];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const entries = Deno.readDir(`${runDir}/${next}`);
    try {
      for await (const { name, isDirectory } of entries) {
        (isDirectory ? waiting : found).push(`${next}/${name}`);
      }
    } catch (error) {
      if (next !== folder) continue;
      throw error instanceof Deno.errors.NotFound ? new NotFound(`the run folder has no ${folder}`) : error;
    }
  }
  return found.sort();
}

function onlyMatch(files: string[], pattern: string, step: string): string {
  const found = matching(files, pattern);
  if (found.length === 1) return found[0]!;
  if (found.length > 1) {
    throw new NotFound(
      `${found.length} files match ${pattern}, where one was looked for: ${list(found, "")}`,
    );
  }
  const name = pattern.split("/").at(-1)!;
  const near = matching(files, `${step}/**/${name}`);
  const there = near.length > 0
    ? `${step} holds ${list(near.map((path) => path.slice(step.length + 1)), "")}`
    : `${step} holds ${list(files.map((path) => path.slice(step.length + 1)), "nothing")}`;
  throw new NotFound(`no file matches ${pattern}, ${there}`);
}

/** `*` is any part of a name, `**` any folders, also none; everything else is itself. */
function matching(files: string[], pattern: string): string[] {
  const parts = pattern.split("/").map((part) =>
    part === "**" ? "(?:[^/]+/)*" : `${part.split(/\*+/).map(RegExp.escape).join("[^/]*")}/`
  );
  const expression = new RegExp(`^${parts.join("")}$`, "u");
  return files.filter((path) => expression.test(`${path}/`));
}

/** Says which part of the path is there, and what stands beside the missing one. */
async function missing(path: string, root: string, error: Error): Promise<never> {
  const parts = path.split("/");
  for (let depth = parts.length - 1; depth >= 0; depth--) {
    const folder = parts.slice(0, depth).join("/");
    const real = await Deno.realPath(`${root}/${folder}`).catch(() => undefined);
    if (real === undefined) continue;
    if (real !== root && !real.startsWith(`${root}/`)) break;
    if (!(await Deno.stat(real)).isDirectory) throw new NotFound(`${folder} is a file, not a folder`);
    const part = parts.slice(0, depth + 1).join("/");
    const there = await exists(`${root}/${part}`);
    if (there) throw new NotFound(`${part} is a link that leads nowhere`);
    const name = folder || "the run folder";
    throw new NotFound(`${name} has no ${parts[depth]}, it holds ${await contents(real)}`);
  }
  throw new NotFound(`${path} can't be opened: ${error.message}`);
}

async function contents(folder: string): Promise<string> {
  const names = [];
  for await (const entry of Deno.readDir(folder)) {
    names.push(entry.isDirectory ? `${entry.name}/` : entry.name);
  }
  return list(names.sort(), "nothing");
}

function list(names: string[], none: string): string {
  const shown = names.slice(0, 10).join(", ");
  return names.length > 10 ? `${shown} and ${names.length - 10} more` : shown || none;
}

async function readText(
  read: (file: string) => Bytes | Promise<Bytes>,
  file: string,
  path: string,
): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await read(file));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new NotFound(`${path} is not UTF-8 text`);
  }
}
