/** What a person sees: lines, colours, tables and progress. */

const CODES = { bold: "1", dim: "2", red: "31", green: "32", yellow: "33", cyan: "36" } as const;
export type Style = keyof typeof CODES;

/** Terminal columns between two table columns. */
const GAP = 2;

export class Terminal {
  readonly #colour: boolean;
  readonly #live: boolean;
  #progressShown = false;
  #lastProgress = -Infinity;

  /** @param json Standard output is kept for one JSON object; everything else goes to standard error. */
  constructor(readonly json = false) {
    const stream = json ? Deno.stderr : Deno.stdout;
    this.#colour = stream.isTerminal() && !Deno.env.get("NO_COLOR");
    this.#live = Deno.stderr.isTerminal();
  }

  /** Colours a text, on a terminal only. */
  paint(text: string, ...styles: Style[]): string {
    if (!this.#colour) return text;
    return `\x1b[${styles.map((style) => CODES[style]).join(";")}m${text}\x1b[0m`;
  }

  line(text = "") {
    this.raw(new TextEncoder().encode(`${text}\n`));
  }

  /** Writes bytes as they are, e.g. what a step prints. */
  raw(bytes: Uint8Array) {
    this.clearProgress();
    writeAll(this.json ? Deno.stderr : Deno.stdout, bytes);
  }

  /** A warning or a note beside the result, on standard error. */
  note(text: string) {
    this.clearProgress();
    writeAll(Deno.stderr, new TextEncoder().encode(`${text}\n`));
  }

  /** One line that replaces itself on a terminal; elsewhere a line every ten seconds. */
  progress(text: string) {
    if (this.#live) {
      const { columns } = Deno.consoleSize();
      writeAll(Deno.stderr, new TextEncoder().encode(`\r\x1b[2K${text.slice(0, columns - 1)}`));
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

  /** The one object that `--json` prints. */
  result(value: unknown) {
    if (this.json) writeAll(Deno.stdout, new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`));
  }

  /** Width in columns that text may take. */
  get width(): number {
    const stream = this.json ? Deno.stderr : Deno.stdout;
    return stream.isTerminal() ? Math.max(40, Deno.consoleSize().columns) : 110;
  }
}

/** Rows as aligned columns, the last one not padded. Widths are of the plain text, so paint cells after `pad`. */
export function columns(
  rows: string[][],
  paint = (cell: string, _row: number, _column: number) => cell,
): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length))
  );
  return rows.map((row, index) =>
    row.map((cell, column) => {
      const padding = column === row.length - 1 ? "" : " ".repeat((widths[column] ?? 0) - cell.length + GAP);
      return paint(cell, index, column) + padding;
    }).join("")
  );
}

/** Text broken at spaces into lines of at most `width` columns. */
export function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines[lines.length - 1] ?? "";
    if (last !== "" && last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}

/** Seconds as a person says them: 0.4 s, 12 s, 3 min 05 s, 2 h 03 min. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  if (minutes < 60) return `${minutes} min ${String(Math.round(seconds) % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** Bytes in decimal units, as disks and downloads are measured: 512 B, 1.4 GB. */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, count < 1 ? 0 : Math.floor(Math.log10(count) / 3));
  return `${power === 0 ? count : (count / 1000 ** power).toFixed(1)} ${units[power]}`;
}

function writeAll(stream: typeof Deno.stdout | typeof Deno.stderr, data: Uint8Array) {
  try {
    for (let done = 0; done < data.length;) done += stream.writeSync(data.subarray(done));
  } catch (error) {
    // `deno task … | head` closes the pipe: what is left to say has no reader, and the run goes on.
    if (!(error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.WouldBlock)) throw error;
  }
}
