/** Bytes that come in chunks, taken in the lengths that are needed. */
export class Chunks {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Valid until the next call; shorter if the source ends before. */
  async take(count: number): Promise<Uint8Array> {
    if (this.#chunk.length < count) await this.#gather(count);
    const taken = this.#chunk.subarray(0, count);
    this.#chunk = this.#chunk.subarray(count);
    return taken;
  }

  /** At least one byte, at most so many; nothing at the end of the source. */
  async some(most: number): Promise<Uint8Array | undefined> {
    if (this.#chunk.length === 0) await this.#gather(1);
    return this.#chunk.length === 0 ? undefined : await this.take(Math.min(most, this.#chunk.length));
  }

  /** Lets the source go. */
  async close() {
    await this.#source.return?.();
  }

  async #gather(count: number) {
    const parts = [this.#chunk];
    let length = this.#chunk.length;
    while (length < count) {
      const next = await this.#source.next();
      if (next.done) break;
      parts.push(next.value);
      length += next.value.length;
    }
    this.#chunk = joined(parts, length);
  }
}

function joined(parts: Uint8Array[], length: number): Uint8Array {
  const filled = parts.filter((part) => part.length > 0);
  if (filled.length === 1) return filled[0]!;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of filled) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
