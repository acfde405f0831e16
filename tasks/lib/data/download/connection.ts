/** One request and the bytes that come for it, ended when a user stops it or the server falls silent. */

import { Failure } from "../../cli/failure.ts";
import { duration } from "../../cli/format.ts";
import { MirrorError, networkError } from "./mirror_error.ts";
import { authorization, redirectProblem, standIn } from "./web_address.ts";

/** A server may send in chunks of this size; a read takes what is there. */
const BUFFER_BYTES = 1 << 20;

export interface ConnectionOptions {
  client: Deno.HttpClient;
  /** How long a server may send nothing. */
  idleMs: number;
  signal?: AbortSignal;
  /** Why a redirect is not followed, as a phrase; undefined if it is. */
  mayMove?: (from: URL, to: URL) => string | undefined;
}

/** Ends by itself when nothing was heard for `idleMs`, within an eighth of that. */
export class Connection implements Disposable {
  #silence = new AbortController();
  #heard = performance.now();
  #timer: ReturnType<typeof setInterval>;
  #signal: AbortSignal;

  constructor(readonly options: ConnectionOptions) {
    const { signal, idleMs } = options;
    this.#signal = signal === undefined
      ? this.#silence.signal
      : AbortSignal.any([signal, this.#silence.signal]);
    this.#timer = setInterval(() => {
      if (performance.now() - this.#heard > idleMs) this.#silence.abort();
    }, idleMs / 8);
  }

  /**
   * Asks for a file, wherever it has moved to.
   *
   * @returns the answer, and the address that gave it
   * @throws MirrorError, and Failure(130) if it was stopped
   */
  async ask(
    url: URL,
    headers: Record<string, string>,
    body?: string,
  ): Promise<{ response: Response; url: URL }> {
    let at = url;
    for (let count = 1;; count++) {
      const response = await this.#ask(at, body, {
        // What comes is to be hashed, and a part of it to be gone on with, as it is.
        "accept-encoding": "identity",
        ...headers,
        ...authorization(at),
      });
      const location = response.headers.get("location");
      if (![301, 302, 303, 307, 308].includes(response.status) || location === null) {
        return { response, url: at };
      }
      await response.body?.cancel();
      const next = URL.parse(location, at);
      const problem = next === null
        ? "redirects to no address"
        : redirectProblem(at, next, count) ?? this.options.mayMove?.(at, next);
      if (next === null || problem !== undefined) throw new MirrorError("refused", problem ?? "");
      // As curl does: who the server knows, another one doesn't.
      if (next.origin === at.origin && next.username === "") {
        [next.username, next.password] = [at.username, at.password];
      }
      at = next;
    }
  }

  async #ask(
    url: URL,
    body: string | undefined,
    headers: Record<string, string>,
  ): Promise<Response> {
    const bare = new URL(standIn(url));
    bare.username = bare.password = "";
    const { client } = this.options;
    const method = body === undefined ? "GET" : "POST";
    const asking = fetch(bare, { method, body, headers, redirect: "manual", client, signal: this.#signal });
    return await this.#heed(asking);
  }

  /** The body's chunks. Each is overwritten when the one after the next comes. */
  async *read(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const reader = body.getReader({ mode: "byob" });
    const read = (buffer: ArrayBuffer) => {
      const reading = this.#heed(reader.read(new Uint8Array(buffer)));
      reading.catch(() => {}); // it is waited for only after the chunk before it was used
      return reading;
    };
    try {
      let [next, spare] = [read(new ArrayBuffer(BUFFER_BYTES)), new ArrayBuffer(BUFFER_BYTES)];
      for (let { done, value } = await next; !done && value !== undefined; { done, value } = await next) {
        next = read(spare);
        yield value;
        spare = value.buffer;
      }
    } finally {
      await reader.cancel().catch(() => {});
    }
  }

  async #heed<T>(work: Promise<T>): Promise<T> {
    try {
      const result = await work;
      this.#heard = performance.now();
      return result;
    } catch (error) {
      throw this.#explain(error as Error);
    }
  }

  #explain(error: Error): Error {
    const { signal, idleMs } = this.options;
    if (signal?.aborted) return new Failure(130, "Interrupted");
    if (this.#silence.signal.aborted) {
      return new MirrorError("passing", `sent nothing for ${duration(idleMs / 1000)}`);
    }
    return error instanceof Deno.errors.NotCapable ? error : networkError(error);
  }

  [Symbol.dispose]() {
    clearInterval(this.#timer);
  }
}
