/** Texts, numbers, sizes and times as a person reads them. */

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

/** One line of at most 60 characters. */
export function cut(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is replaced
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}

/**
 * Seconds as a person says them: 0.4 s, 12 s, 3 min 05 s, 2 h 03 min.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(duration(185), "3 min 05 s");
 * ```
 */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  if (minutes < 60) return `${minutes} min ${String(Math.round(seconds) % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/**
 * Bytes in decimal units, as disks and downloads are measured: 512 B, 1.4 GB, 372 MB.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(bytes(1_400_000_000), "1.4 GB");
 * ```
 */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, count < 1 ? 0 : Math.floor(Math.log10(count) / 3));
  const scaled = count / 1000 ** power;
  return `${power === 0 ? Math.round(count) : scaled.toFixed(scaled < 100 ? 1 : 0)} ${units[power]}`;
}

/**
 * A count with its noun: 1 file, 2 files, no "1 files".
 *
 * @param many the plural, where it is not made by an s
 * @param shown the count as it is to be read, e.g. with a sign
 */
export function pluralize(
  count: number,
  one: string,
  { many = `${one}s`, shown = String(count) }: { many?: string; shown?: string } = {},
): string {
  return `${shown} ${Math.abs(count) === 1 ? one : many}`;
}
