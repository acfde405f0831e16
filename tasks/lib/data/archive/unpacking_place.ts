/** Where an archive is unpacked before it is moved in: a folder beside the target, held by one process. */

import { shellQuote } from "../../command.ts";
import { Failure } from "../../failure.ts";
import { exists } from "../../files.ts";
import { manifestPath, type TreeManifest, writeManifest } from "../tree/tree_manifest.ts";

/** The right to unpack to a target. The operating system drops it when this process ends, however it ends. */
export class UnpackingPlace implements AsyncDisposable {
  readonly #folder: string;
  readonly #lock: Deno.FsFile;
  readonly #target: string;
  readonly #manifest: string;
  /** An empty folder. */
  readonly tree: string;

  private constructor(target: string, lock: Deno.FsFile) {
    this.#target = target;
    this.#folder = placeOf(target);
    this.#lock = lock;
    this.#manifest = `${this.#folder}/manifest.json`;
    this.tree = `${this.#folder}/tree`;
  }

  /**
   * Takes the place, and removes what a process that was killed has left there.
   *
   * @throws Failure(2) if the target exists, Failure(3) if another process unpacks to it.
   */
  static async take(target: string): Promise<UnpackingPlace> {
    const place = new UnpackingPlace(target, await takeLock(target));
    try {
      if (await exists(target)) {
        throw new Failure(2, `Cannot unpack to ${target}: it exists already`, {
          remedy: shellQuote(["rm", "-rf", target]),
        });
      }
      await removeTree(place.tree);
      await Deno.mkdir(place.tree);
      return place;
    } catch (error) {
      await place[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Makes the tree the target, in one move; its manifest is there before. */
  async moveIn(manifest: TreeManifest) {
    await writeManifest(this.#manifest, manifest);
    await Deno.rename(this.#manifest, manifestPath(this.#target));
    await Deno.rename(this.tree, this.#target);
  }

  /** Removes what was not moved in. The lock's file goes last, and the folder only if nobody has come after. */
  async [Symbol.asyncDispose]() {
    await removeTree(this.tree).catch(() => {});
    await Deno.remove(this.#manifest).catch(() => {});
    await Deno.remove(lockOf(this.#folder)).catch(() => {});
    await Deno.remove(this.#folder).catch(() => {});
    this.#lock.close();
  }
}

function placeOf(target: string): string {
  return `${target}.unpacking`;
}

function lockOf(folder: string): string {
  return `${folder}/lock`;
}

async function removeTree(tree: string) {
  if (await exists(tree)) await Deno.remove(tree, { recursive: true });
}

async function takeLock(target: string): Promise<Deno.FsFile> {
  const path = lockOf(placeOf(target));
  while (true) {
    await Deno.mkdir(placeOf(target), { recursive: true });
    const file = await Deno.open(path, { read: true, write: true, create: true }).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined; // the folder was removed in between
      throw error;
    });
    if (file === undefined) continue;
    try {
      if (!await file.tryLock(true)) throw await heldBy(path, target);
      // Whoever held it before may have removed the file, and another may hold a new one of that name.
      const [mine, there] = [await file.stat(), await Deno.stat(path).catch(() => undefined)];
      if (there?.ino === mine.ino) {
        await file.truncate();
        await file.write(new TextEncoder().encode(`${Deno.pid}`));
        return file;
      }
      file.close();
    } catch (error) {
      file.close();
      throw error;
    }
  }
}

async function heldBy(path: string, target: string): Promise<Failure> {
  const pid = (await Deno.readTextFile(path).catch(() => "")).trim();
  return new Failure(
    3,
    `Cannot unpack to ${target}: ${pid ? `process ${pid}` : "another process"} is at it`,
    {
      remedy: "Wait until it ends, or stop that process",
    },
  );
}
