/** Where an archive is unpacked before it is moved in: a folder beside the target, locked by one process. */

import { Failure } from "../../cli/failure.ts";
import { shellQuote } from "../../system/command.ts";
import { describeHolder, readHolder, tryAcquire } from "../../system/file_lock.ts";
import { exists } from "../../system/files.ts";
import { manifestPath, type TreeManifest, writeManifest } from "../tree/tree_manifest.ts";

/** The right to unpack to a target. The operating system drops it when this process ends, however it ends. */
export class UnpackingPlace implements AsyncDisposable {
  readonly #lock: Disposable;
  readonly #target: string;
  readonly #manifest: string;
  /** An empty folder. */
  readonly tree: string;

  private constructor(target: string, lock: Disposable) {
    this.#target = target;
    this.#lock = lock;
    this.tree = `${target}.unpacking`;
    this.#manifest = `${this.tree}.json`;
  }

  /**
   * Takes the place, and removes what a process that was killed has left there.
   *
   * @throws Failure(2) if the target exists, Failure(3) if another process unpacks to it.
   */
  static async take(target: string): Promise<UnpackingPlace> {
    const path = `${target}.unpacking.lock`;
    const lock = await tryAcquire(path, `unpacking to ${target}`);
    if (lock === undefined) {
      throw new Failure(
        3,
        `Cannot unpack to ${target}: it is locked by ${describeHolder(await readHolder(path))}`,
        {
          remedy: "Wait until it ends",
        },
      );
    }
    const place = new UnpackingPlace(target, lock);
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

  /** Removes what was not moved in. */
  async [Symbol.asyncDispose]() {
    await removeTree(this.tree).catch(() => {});
    await Deno.remove(this.#manifest).catch(() => {});
    this.#lock[Symbol.dispose]();
  }
}

async function removeTree(tree: string) {
  if (await exists(tree)) await Deno.remove(tree, { recursive: true });
}
