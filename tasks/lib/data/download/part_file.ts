/** The beginning of a file that is being downloaded: kept beside the target, also when the process is killed. */

import { type StandIn, standInAt } from "../stand_in.ts";
import { writeJson } from "../../system/files.ts";
import { readRecordIfSound } from "../../system/records.ts";
import { Hasher } from "./hasher.ts";
import type { Origin } from "./range.ts";
import { algorithmsFor, type Expected, type Found, foundOf, isHashed, readChecksums } from "./checksums.ts";

/** A file of fewer bytes is hashed before a thread for it would have begun. */
const WORTH_HASHERS = 1 << 22;

export class PartFile implements Disposable {
  #file: Deno.FsFile;
  #expected: Expected;
  #hashers: Hasher[] = [];
  /** Where its bytes come from; undefined if there are none. */
  origin?: Origin;
  /** Whether bytes of an earlier process or of another mirror are in it, for which only the hash can stand. */
  isResumed: boolean;

  private constructor(
    readonly target: string,
    file: Deno.FsFile,
    expected: Expected,
    public bytes: number,
    origin?: Origin,
  ) {
    this.#file = file;
    this.#expected = expected;
    this.origin = origin;
    this.isResumed = bytes > 0;
  }

  /** Opens what an earlier process has left, or begins; the caller holds the target's lock. */
  static async open(target: string, expected: Expected): Promise<PartFile> {
    const file = await Deno.open(partPath(target), { read: true, write: true, create: true });
    try {
      const origin = await readOrigin(target);
      const { size } = await file.stat();
      const isOfUse = origin !== undefined && isHashed(expected) && size <= (expected.size ?? Infinity);
      if (!isOfUse) await file.truncate();
      const bytes = await file.seek(0, Deno.SeekMode.End);
      return new PartFile(target, file, expected, bytes, bytes > 0 ? origin : undefined);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** What stands in for the file, if it is that. */
  standIn(): StandIn | undefined {
    return standInAt(partPath(this.target));
  }

  /** Forgets what is there. */
  async restart() {
    this.#endHashers();
    await this.#file.truncate();
    await this.#file.seek(0, Deno.SeekMode.Start);
    this.bytes = 0;
    this.origin = undefined;
    this.isResumed = false;
  }

  /** Says where the bytes that follow come from. */
  async comesFrom(origin: Origin) {
    if (this.origin !== undefined && this.origin.url !== origin.url) this.isResumed = true;
    this.origin = origin;
    await writeJson(originPath(this.target), origin);
  }

  /** Writes at once: to hand a chunk to another thread takes about as long. A part whose writing failed is not gone on with. */
  append(data: Uint8Array) {
    for (let done = 0; done < data.length;) done += this.#file.writeSync(data.subarray(done));
    this.bytes += data.length;
    if (this.bytes >= WORTH_HASHERS && this.#hashers.length === 0) this.#startHashers();
    for (const hasher of this.#hashers) hasher.advance(this.bytes);
  }

  #startHashers() {
    const path = partPath(this.target);
    this.#hashers = algorithmsFor(this.#expected).map((algorithm) => new Hasher(algorithm, path));
  }

  #endHashers() {
    for (const hasher of this.#hashers.splice(0)) hasher[Symbol.dispose]();
  }

  /** The hashes of what is there. */
  async digest(): Promise<Found> {
    if (this.#hashers.length === 0) {
      using file = await Deno.open(partPath(this.target));
      return (await readChecksums(file, this.#expected)).digest();
    }
    const digests = await Promise.all(this.#hashers.map((hasher) => hasher.digest(this.bytes)));
    return foundOf(digests.map((digest, index) => [this.#hashers[index]!.algorithm, digest]), this.bytes);
  }

  /**
   * Puts it at the target in one move. It is not waited for until it has reached the disk, which takes as long as the
   * download: what a power cut loses is found by its size at the next look, and fetched again.
   */
  async finish() {
    await Deno.rename(partPath(this.target), this.target);
    await Deno.remove(originPath(this.target)).catch(() => {});
  }

  /** Emptied as well, since a file that is open takes its room until it is closed. */
  async remove() {
    await this.#file.truncate();
    for (const path of [partPath(this.target), originPath(this.target)]) {
      await Deno.remove(path).catch(() => {});
    }
  }

  [Symbol.dispose]() {
    this.#endHashers();
    this.#file.close();
  }
}

function partPath(target: string): string {
  return `${target}.part`;
}

function originPath(target: string): string {
  return `${target}.part.json`;
}

async function readOrigin(target: string): Promise<Origin | undefined> {
  const { originSchema } = await import("../cache_schema.ts");
  return await readRecordIfSound(originPath(target), originSchema);
}
