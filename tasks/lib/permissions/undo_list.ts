/** The list of what a repair changed, by which it can be taken back. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { sha256 } from "../system/files.ts";

/** Lists of one project that are kept. */
const KEPT = 5;

/** A list that grows while the repair goes on; its file is there from the first change on. */
export class UndoList implements Disposable {
  #file?: Deno.FsFile;
  #path?: string;

  constructor(readonly root: string) {}

  /** Where it is, if there was a change. */
  get path(): string | undefined {
    return this.#path;
  }

  /** Adds what the helper says before it makes a change. */
  add(line: string) {
    if (this.#file === undefined) {
      this.#path = newList(this.root);
      this.#file = Deno.openSync(this.#path, { write: true, createNew: true, mode: 0o600 });
    }
    write(this.#file, new TextEncoder().encode(`${line}\n`));
  }

  [Symbol.dispose]() {
    this.#file?.close();
  }
}

function write(file: Deno.FsFile, bytes: Uint8Array) {
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}

/** Outside of the project, whose owner may be anybody; the oldest lists make place for it. */
function newList(root: string): string {
  const home = Deno.env.get("HOME");
  const states = Deno.env.get("XDG_STATE_HOME") || (home ? join(home, ".local/state") : "/var/tmp");
  const folder = join(states, "experiment-permissions", sha256(root).slice(0, 16));
  Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const old = [...Deno.readDirSync(folder)].map(({ name }) => name).sort().slice(0, 1 - KEPT);
  for (const name of old) Deno.removeSync(join(folder, name));
  return join(folder, `${new Date().toISOString().replace(/[:.]/g, "-")}.jsonl`);
}

/**
 * A list as the helper reads it, after a look at whether it is one.
 *
 * @throws Failure(2) if it is not
 */
export async function readUndoList(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (info?.isFile !== true) {
    throw new Failure(2, `Cannot undo: there is no file ${path}`, {
      remedy: "fix-permissions names its list when it repairs something",
    });
  }
  const all = await Deno.readFile(path);
  // The last line of a repair that was killed may be half.
  const bytes = all.slice(0, all.lastIndexOf("\n".charCodeAt(0)) + 1);
  const lines = new TextDecoder().decode(bytes).split("\n");
  lines.forEach((line, index) => {
    if (line !== "" && !isChange(line)) {
      throw new Failure(2, `Cannot undo: ${path}:${index + 1} is not a change that fix-permissions made`);
    }
  });
  return bytes;
}

function isChange(line: string): boolean {
  try {
    const [path, ...ids] = JSON.parse(line) as unknown[];
    return typeof path === "string" && !path.startsWith("/") && !path.split("/").includes("..") &&
      ids.length === 5 && ids.every((id) => Number.isInteger(id) && Number(id) >= 0);
  } catch {
    return false;
  }
}
