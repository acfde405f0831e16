/** log.txt: what the steps of a run printed, in the order it came. */

import { join } from "node:path";

/** Bytes of one step that go into log.txt; a step that prints more gets a file of its own that holds all of it. */
export const LOG_LIMIT = 8_000_000;

/** The log of one attempt. Lines are written in the order in which they were given, without being waited for. */
export class RunLog {
  readonly path: string;
  #directory: string;
  #log: Deno.FsFile;
  #overflow?: Deno.FsFile;
  #step = "";
  #written = 0;
  #begin = 0;
  #queue = Promise.resolve();
  /** Why nothing is written any more, e.g. a full disk. */
  broken?: string;

  private constructor(directory: string, path: string, log: Deno.FsFile, readonly attempt: number) {
    this.#directory = directory;
    this.path = path;
    this.#log = log;
  }

  /** @param attempt Counts from 1; each has whole files of its own. */
  static async open(directory: string, attempt = 1): Promise<RunLog> {
    const path = join(directory, "log.txt");
    const log = await Deno.open(path, { create: true, read: true, write: true });
    await log.seek(0, Deno.SeekMode.End);
    return new RunLog(directory, path, log, attempt);
  }

  /** Begins a step's part of the log. */
  async begin(step: string, title: string) {
    this.#closeOverflow();
    this.#step = step;
    await this.note(title);
    this.#written = 0;
    this.#begin = await this.#log.seek(0, Deno.SeekMode.Current);
  }

  /** In one line: what stands in further ones would be taken for what the step printed. */
  async note(text: string) {
    const line = text.trimEnd().replace(/\s*[\r\n]+\s*/g, " ⏎ ");
    await this.#put(this.#log, new TextEncoder().encode(`==== ${new Date().toISOString()} ${line}\n`));
  }

  /** Appends what a step printed; calls that overlap, as of two streams, keep their order. */
  write(chunk: Uint8Array): Promise<void> {
    return this.#queue = this.#queue.then(() => this.#append(chunk));
  }

  async #append(chunk: Uint8Array) {
    const room = Math.max(0, LOG_LIMIT - this.#written);
    this.#written += chunk.length;
    const isFull = this.#overflow === undefined && chunk.length > room;
    if (isFull) await this.#spill();
    if (room > 0) await this.#put(this.#log, chunk.subarray(0, room));
    if (this.#overflow !== undefined) await this.#put(this.#overflow, chunk);
    if (isFull) {
      await this.note(`${this.#step} printed more than this log holds: all of it is in ${this.#wholeName()}`);
    }
  }

  close() {
    this.#closeOverflow();
    this.#log.close();
  }

  #wholeName(): string {
    return this.attempt === 1 ? `log-${this.#step}.txt` : `log-${this.#step}.attempt-${this.attempt}.txt`;
  }

  /** Opens the step's own file and puts what it has printed so far into it. */
  async #spill() {
    try {
      this.#overflow = await Deno.open(join(this.#directory, this.#wholeName()), {
        create: true,
        write: true,
        truncate: true,
      });
      using source = await Deno.open(this.path);
      await source.seek(this.#begin, Deno.SeekMode.Start);
      const buffer = new Uint8Array(1 << 16);
      for (let count = await source.read(buffer); count !== null; count = await source.read(buffer)) {
        await this.#put(this.#overflow, buffer.subarray(0, count));
      }
    } catch (error) {
      this.broken ??= (error as Error).message;
    }
  }

  /** A log that can't be written is no reason to end a step that may have run for hours. */
  async #put(file: Deno.FsFile, data: Uint8Array) {
    if (this.broken !== undefined) return;
    try {
      for (let done = 0; done < data.length;) done += await file.write(data.subarray(done));
    } catch (error) {
      this.broken = (error as Error).message;
    }
  }

  #closeOverflow() {
    this.#overflow?.close();
    this.#overflow = undefined;
  }
}
