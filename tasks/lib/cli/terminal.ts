/** What a person sees: lines, colours, tables and progress. */

import { Failure } from "./failure.ts";
import { asCalled } from "./program.ts";
import { visible, visibleJson, visibleLine } from "./visible.ts";

const CODES = { bold: "1", dim: "2", red: "31", green: "32", yellow: "33", cyan: "36" } as const;

export type Style = keyof typeof CODES;

/** Stands in our own colours until they are written, so that nobody else's text can be taken for one. */
const OURS = crypto.randomUUID();

const OUR_COLOURS = new RegExp(`␛\\[([\\d;]+)${OURS}m`, "g");

const LINE_BREAK = 10;

/** What POSIX lets a pipe take in one piece at the least (PIPE_BUF), and less than Deno's buffer of standard output. */
const PIECE_BYTES = 512;

const RETRY_MS = 5;

/** How long a reader may take nothing of a non-blocking stream before what is left is dropped. */
const STALLED_MS = 30_000;

/** Standard output and standard error, for people; and the one JSON object for programs. */
export class Terminal {
  readonly #colour: boolean;
  readonly #live: boolean;
  #progressShown = false;
  #lastProgress = -Infinity;
  #resultCut = false;

  /** @param json Standard output is kept for one JSON object; everything else goes to standard error. */
  constructor(readonly json = false) {
    const stream = json ? Deno.stderr : Deno.stdout;
    this.#colour = stream.isTerminal() && !Deno.env.get("NO_COLOR");
    this.#live = Deno.stderr.isTerminal();
  }

  /** Colours a text, on a terminal only; to be given to `line` or `note`. */
  paint(text: string, ...styles: Style[]): string {
    if (!this.#colour) return text;
    return `\x1b[${styles.map((style) => CODES[style]).join(";")}${OURS}m${text}\x1b[0${OURS}m`;
  }

  /** Control characters in the text are shown, since it may quote a record, a file's name or another program. */
  line(text = "") {
    this.raw(encode(`${text}\n`));
  }

  /** Writes bytes as they are, e.g. what a step prints. */
  raw(bytes: Uint8Array) {
    this.clearProgress();
    writeAll(this.json ? Deno.stderr : Deno.stdout, bytes);
  }

  /** A warning or a note beside the result, on standard error; as with `line`. */
  note(text: string) {
    this.clearProgress();
    writeAll(Deno.stderr, encode(`${text}\n`));
  }

  /** One line that replaces itself on a terminal; elsewhere a line every ten seconds. */
  progress(text: string) {
    if (this.#live) {
      const { columns } = Deno.consoleSize();
      const line = fitting(visibleLine(text), (columns || ASSUMED_COLUMNS) - 1);
      writeAll(Deno.stderr, new TextEncoder().encode(`\r\x1b[2K${line}`));
      this.#progressShown = true;
    } else if (performance.now() - this.#lastProgress > 10_000) {
      this.#lastProgress = performance.now();
      this.note(text);
    }
  }

  clearProgress() {
    if (!this.#progressShown) return;
    this.#progressShown = false;
    writeAll(Deno.stderr, new TextEncoder().encode("\r\x1b[2K"));
  }

  /**
   * The one object that `--json` prints.
   *
   * @throws Failure(1) if nobody reads it: half a result is none.
   */
  result(value: unknown) {
    if (!this.json || this.#resultCut) return;
    const text = `${visibleJson(JSON.stringify(value, null, 2))}\n`;
    this.#resultCut = !writeAll(Deno.stdout, new TextEncoder().encode(text));
    if (this.#resultCut) {
      const seconds = STALLED_MS / 1000;
      throw new Failure(1, `Cannot write the result: standard output took nothing for ${seconds} s`);
    }
  }

  /** Width in columns that text may take. */
  get width(): number {
    return Number.isFinite(this.room) ? this.room : 110;
  }

  /** Width in columns of a terminal; in a file or a pipe nothing has to be cut to fit. */
  get room(): number {
    const stream = this.json ? Deno.stderr : Deno.stdout;
    return stream.isTerminal() ? Math.max(40, Deno.consoleSize().columns) : Infinity;
  }
}

/** As much of a text as surely fits; the widths of characters are in a table that would have to be loaded first. */
function fitting(text: string, columns: number): string {
  let [taken, length] = [0, 0];
  for (const character of text) {
    taken += character.codePointAt(0)! < FIRST_WIDE ? 1 : 2;
    if (taken > columns) break;
    length += character.length;
  }
  return text.slice(0, length);
}

/** Of a terminal that does not say its size. */
const ASSUMED_COLUMNS = 80;

/** No character before it takes two columns. */
const FIRST_WIDE = 0x1100;

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(visible(asCalled(text)).replace(OUR_COLOURS, "\x1b[$1m"));
}

type Stream = typeof Deno.stdout | typeof Deno.stderr;

/** Streams whose reader took nothing for too long: what comes next does not wait for it again. */
const stalled = new Set<Stream>();

/** Writes everything, also to a stream that is non-blocking; returns whether a reader who is still there got it. */
function writeAll(stream: Stream, data: Uint8Array): boolean {
  try {
    for (let done = 0; done < data.length;) {
      const piece = nextPiece(data.subarray(done));
      if (!writePiece(stream, piece)) return false;
      done += piece.length;
    }
  } catch (error) {
    // `deno task … | head` closes the pipe: what is left to say has no reader, and the run goes on.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
  return true;
}

/**
 * The bytes to write next. A full pipe takes all or nothing of so few, so that it is known what is still to be written;
 * and they end at a line break if there is one, because Deno keeps an unfinished line in a buffer.
 */
function nextPiece(data: Uint8Array): Uint8Array {
  const piece = data.subarray(0, PIECE_BYTES);
  return piece.subarray(0, piece.lastIndexOf(LINE_BREAK) + 1 || piece.length);
}

function writePiece(stream: Stream, piece: Uint8Array): boolean {
  const deadline = performance.now() + (stalled.has(stream) ? 0 : STALLED_MS);
  let left = piece;
  while (true) {
    try {
      do left = left.subarray(stream.writeSync(left)); while (left.length > 0);
      stalled.delete(stream);
      return true;
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      // An unfinished line is in the buffer of standard output by now: writing nothing is trying again.
      if (stream === Deno.stdout && left.at(-1) !== LINE_BREAK) left = left.subarray(left.length);
    }
    if (performance.now() > deadline) {
      stalled.add(stream);
      return false;
    }
    sleep(RETRY_MS);
  }
}

function sleep(ms: number) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
