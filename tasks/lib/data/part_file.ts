/** The beginning of a file that is being downloaded: kept beside the target, also when the process is killed. */

import { isHashed } from "./sums.ts";
import { type Expected, sumFile, Sums } from "./sums.ts";
import { writeJson } from "../files.ts";
import type { Origin } from "./range.ts";

/** What comes through TLS comes in pieces of 16 KiB: to hand one over takes longer than to write it. */
const WORTH_A_THREAD = 1 << 16;

export class PartFile implements Disposable {
  #file: Deno.FsFile;
  #expected: Expected;
  #sums: Sums;
  /** Where its bytes come from; undefined if there are none. */
  origin?: Origin;
  /** Whether bytes of an earlier process or of another mirror are in it, for which only the hash can stand. */
  isPieced: boolean;

  private constructor(
    readonly target: string,
    file: Deno.FsFile,
    expected: Expected,
    sums: Sums,
    origin?: Origin,
  ) {
    this.#file = file;
    this.#expected = expected;
    this.#sums = sums;
    this.origin = origin;
    this.isPieced = sums.bytes > 0;
  }

  /** Opens what an earlier process has left, or begins; the caller holds the target's lock. */
  static async open(target: string, expected: Expected): Promise<PartFile> {
    const file = await Deno.open(`${target}.part`, { read: true, write: true, create: true });
    try {
      const origin = await readOrigin(target);
      const { size } = await file.stat();
      const isOfUse = origin !== undefined && isHashed(expected) && size <= (expected.size ?? Infinity);
      if (!isOfUse) await file.truncate();
      const sums = await sumFile(file, expected);
      return new PartFile(target, file, expected, sums, sums.bytes > 0 ? origin : undefined);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  get bytes(): number {
    return this.#sums.bytes;
  }

  /** Forgets what is there. */
  async restart() {
    await this.#file.truncate();
    await this.#file.seek(0, Deno.SeekMode.Start);
    this.#sums = new Sums(this.#expected);
    this.origin = undefined;
    this.isPieced = false;
  }

  /** Says where the bytes that follow come from. */
  async comesFrom(origin: Origin) {
    if (this.origin !== undefined && this.origin.url !== origin.url) this.isPieced = true;
    this.origin = origin;
    await writeJson(originPath(this.target), origin);
  }

  /** Writes on another thread and hashes meanwhile. A part whose writing failed is not gone on with. */
  async append(data: Uint8Array) {
    const writing = data.length < WORTH_A_THREAD ? this.#writeHere(data) : this.#write(data);
    this.#sums.update(data);
    await writing;
  }

  #writeHere(data: Uint8Array) {
    for (let done = 0; done < data.length;) done += this.#file.writeSync(data.subarray(done));
  }

  async #write(data: Uint8Array) {
    for (let done = 0; done < data.length;) done += await this.#file.write(data.subarray(done));
  }

  /** The hashes of what is there, which is not added to any more. */
  digest() {
    return this.#sums.digest();
  }

  /** Puts it at the target in one move, after it has reached the disk. */
  async finish() {
    await this.#file.sync();
    await Deno.rename(`${this.target}.part`, this.target);
    await Deno.remove(originPath(this.target)).catch(() => {});
  }

  /** Emptied as well, since a file that is open takes its room until it is closed. */
  async remove() {
    await this.#file.truncate();
    for (const path of [`${this.target}.part`, originPath(this.target)]) {
      await Deno.remove(path).catch(() => {});
    }
  }

  [Symbol.dispose]() {
    this.#file.close();
  }
}

function originPath(target: string): string {
  return `${target}.part.json`;
}

async function readOrigin(target: string): Promise<Origin | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(originPath(target)));
  } catch {
    return undefined; // not there, or not whole
  }
}
