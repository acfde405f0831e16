/** How far a download is, and how long it will take. */

import { bytes, duration } from "../../cli/format.ts";

export interface Progress {
  name: string;
  bytes: number;
  /** In bytes, where it is known. */
  total?: number;
  /** Of the last seconds. */
  bytesPerSecond: number;
}

/** `photos: 45.3 MB of 94.3 MB, 12.1 MB/s, 4.0 s left` */
export function describeProgress({ name, bytes: done, total, bytesPerSecond }: Progress): string {
  const left = total === undefined || bytesPerSecond === 0 ? undefined : (total - done) / bytesPerSecond;
  return [
    `${name}: ${bytes(done)}${total === undefined ? "" : ` of ${bytes(total)}`}`,
    ...bytesPerSecond === 0 ? [] : [`${bytes(Math.round(bytesPerSecond))}/s`],
    ...left === undefined ? [] : [`${duration(left)} left`],
  ].join(", ");
}

const SHOW_EVERY_MS = 200;

/** The rate is taken over so long. */
const WINDOW_MS = 5000;

/** Tells how far it is, a few times in a second. */
export class ProgressMeter {
  #samples: { at: number; bytes: number }[] = [];

  constructor(
    readonly name: string,
    readonly tell: (progress: Progress) => void = () => {},
  ) {}

  /** @param bytes that are there by now; fewer than before if it began anew */
  show(bytes: number, total: number | undefined, at = performance.now()) {
    const last = this.#samples.at(-1);
    if (last !== undefined && at - last.at < SHOW_EVERY_MS) return;
    if (last !== undefined && bytes < last.bytes) this.#samples = [];
    this.#samples.push({ at, bytes });
    while (this.#samples.length > 2 && at - this.#samples[0]!.at > WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0]!;
    const bytesPerSecond = at > first.at ? (bytes - first.bytes) / (at - first.at) * 1000 : 0;
    this.tell({ name: this.name, bytes, total, bytesPerSecond });
  }
}
