/** What a kind of claim source is, and what it works with. */

import type { NumberFormat } from "../values/written_number.ts";

/** Where a claimed value is found in a run folder; its kind adds the place in the file. */
export interface ClaimSource {
  /** Name of the kind. */
  kind: string;
  step: string;
  /** Relative to the run folder: `<step>/<file>`, or `log.txt` for what the step printed; may be a pattern with `*`. */
  path: string;
  /** Which one is taken where many values are; `sources.ts` sees to it, for all kinds. */
  select?: Selector;
  /** How the file writes its values, where that is not what its name says. */
  format?: Format;
}

/** An index (-1 is the last), or what is computed of all. */
export type Selector = number | "max" | "min" | "mean" | "count";

/** How a table, or the numbers in a text, are written. */
export interface Format extends NumberFormat {
  /** Between the cells: one character, or `space` for any number of blanks. */
  separator?: string;
  /** False if the first row holds values: columns are then called 0, 1, 2, …, and -1 is the last. */
  header?: boolean;
}

/** The parts of a source as it is written: `step/file#place`, `step/file~/pattern/` or `step~/pattern/`. */
export interface Written {
  step: string;
  /** Relative to the step's folder. */
  file?: string;
  /** What follows `#`. */
  place?: string;
  /** What stands between `~/` and the last `/`. */
  pattern?: string;
  format?: Format;
}

/** One value and its source text. */
export interface FoundValue {
  /** A cell or a match is a text, also where it reads as a number. */
  value: number | string | boolean;
  /** Source text of a number in its file (99.40 keeps both decimals); otherwise the value as text. */
  text: string;
}

/** Whether one value is expected, or the points of a curve. */
export type Form = "value" | "list";

/** The files of a run folder, by path relative to it; what leads out of the folder is refused. */
export interface RunFiles {
  /** The whole file as UTF-8, read once for all sources. */
  text(path: string): Promise<string>;
  bytes(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Absolute path of the file, for a reader that opens files itself. */
  realPath(path: string): Promise<string>;
  /**
   * The one file that matches a path, in which `*` stands for any part of a name and `**` for any folders.
   *
   * @throws if none does, or more than one
   */
  only(pattern: string): Promise<string>;
  /** In small hexadecimal digits. */
  sha256(path: string): Promise<string>;
}

/** What is measured by a value, so that it is found again in a curve or in another file of the step. */
export interface Quantity {
  /** The keys that lead to it, without an index: `["accuracy"]`. */
  keys: string[];
  /** Which value of a curve it is: by index (-1 is the last) or by another column's value; all of them without it. */
  at?: { index: number } | { column: string; value: string };
  /** It is computed of some of them, and no point of the curve. */
  isPart?: true;
}

/**
 * A kind of claim source. Everything that is particular to a kind stands in its object; `kinds.ts` lists them.
 *
 * @example
 * ```ts
 * interface LineSource extends ClaimSource { kind: "line"; line: number }
 *
 * export const LINE: SourceKind<LineSource> = {
 *   name: "line",
 *   examples: ["train/result.txt#line=3"],
 *   isText: true,
 *   parse({ step, file, place }) {
 *     const line = /^line=(\d+)$/.exec(place ?? "")?.[1];
 *     return line && file ? { kind: "line", step, path: `${step}/${file}`, line: Number(line) } : undefined;
 *   },
 *   format: ({ path, line }) => `${path}#line=${line}`,
 *   async read({ path, line }, files) {
 *     const text = (await files.text(path)).split("\n")[line - 1];
 *     if (text === undefined) throw new ContentProblem(`has no line ${line}`);
 *     return [{ value: text, text }];
 *   },
 * };
 * ```
 */
export interface SourceKind<S extends ClaimSource = ClaimSource> {
  name: S["kind"];
  /** As they are written in experiment.yaml; the first ones are shown in messages. */
  examples: readonly string[];
  /** What is found is a text also where it reads as a number, as cells and matches are. */
  isText: boolean;
  /** What is found is a cell, in which a number may stand with its spread, emphasis or a percent sign. */
  isCell?: true;
  /** What is found is a hash: capitals mean nothing, and a table shows its first digits. */
  isHash?: boolean;
  /** The source, what is wrong with it ("must …"), or undefined if it is of another kind. */
  parse(written: Written): S | { problem: string } | undefined;
  /** As it is written in experiment.yaml. */
  format(source: S): string;
  /**
   * What stands at the source: of the form `value` exactly one. With a selector, `list` is asked for. A reader that is
   * large, or stands on a library, is imported here, when it is needed.
   *
   * @throws {ContentProblem} if it is not there
   */
  read(source: S, files: RunFiles, form: Form): Promise<FoundValue[]>;
  /**
   * How far what stands at the source is from what was published, from 0 to 1, where the two are not the same; or in words
   * why it can't be told. Claims of a kind that has it may have a tolerance.
   *
   * @param reference a file that holds what was published, and the value that it has to have
   */
  distance?(source: S, files: RunFiles, reference: { path: string; value: string }): Promise<number | string>;
  /**
   * What is wrong with a claim of this value from this source ("must …"), and with which of its fields. With a
   * selector, the value is a list here.
   */
  check?(source: S, value: unknown): { field: "from" | "value"; problem: string } | undefined;
  /** Undefined if nobody can tell. */
  quantity?(source: S): Quantity | undefined;
  /**
   * What can be claimed from a file, as it is written after the file's path; undefined if the file is none of this kind.
   *
   * @throws if the file can't be read
   */
  suggest?(path: string, text: () => Promise<string>): Promise<string[]> | undefined;
}
