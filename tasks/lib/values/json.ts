/**
 * Finds one value in a JSON text and keeps its source text, which `JSON.parse` throws away: 99.40
 * stays 99.40. Reads what Python writes: NaN and Infinity elsewhere in the file do no harm.
 *
 * `JSON.parse` gives source texts to a reviver, but takes twice to three times as long and fifteen times the memory
 * (bench/source_text.ts), refuses NaN, and has no place for its messages.
 */

import { ContentProblem } from "./content_problem.ts";

export interface JsonValue {
  value: number | string | boolean;
  text: string;
}

const DEEPEST = 500;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

const WORD = /true|false|null|NaN|-?Infinity/y;

const SPACE = /[ \t\n\r]*/y;

/**
 * The number, string or boolean that an RFC 6901 pointer leads to; a negative index counts from the
 * end of a list (our extension). Of a key that stands twice the last counts, as in Python.
 *
 * @param pointer unescaped keys and indices
 * @throws {ContentProblem} if the text is not JSON (with line and column), the pointer leads nowhere (with
 * how far it got), or no single finite value stands there
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const { value, text } = findInJson('{"accuracy": [84.81, 86.10]}', ["accuracy", "-1"]);
 * assert.deepEqual([value, text], [86.1, "86.10"]);
 * ```
 */
export function findInJson(text: string, pointer: readonly string[]): JsonValue {
  const scanner = scannerOf(text);
  return scalar(scanner, follow(scanner, pointer), pointer);
}

/**
 * The items of the list that a pointer leads to, each like the value of {@link findInJson}.
 *
 * @throws {ContentProblem} as that does, and if there is no list
 */
export function findListInJson(text: string, pointer: readonly string[]): JsonValue[] {
  const scanner = scannerOf(text);
  const start = follow(scanner, pointer);
  if (scanner.kind(start) !== "list") {
    throw new ContentProblem(
      `has ${whatIsAt(scanner, start)} ${placeName(pointer)}, where a list was looked for`,
    );
  }
  return scanner.items(start).map((item, index) => scalar(scanner, item, [...pointer, String(index)]));
}

/**
 * All values that a pointer leads to, where `*` stands for every item of a list: `/log_history/*` with `/eval_loss` are the losses
 * of those items that have one. Of a list that it leads to, all items. `null` is left out.
 *
 * @throws {ContentProblem} as {@link findInJson} does, and if there is none
 */
export function findAllInJson(text: string, pointer: readonly string[]): JsonValue[] {
  const scanner = scannerOf(text);
  const star = pointer.indexOf("*");
  const head = star < 0 ? pointer : pointer.slice(0, star);
  const start = follow(scanner, head);
  if (scanner.kind(start) !== "list") {
    if (star >= 0 && scanner.kind(start) === "object") {
      return [scalar(scanner, follow(scanner, pointer), pointer)];
    }
    throw new ContentProblem(
      `has ${whatIsAt(scanner, start)} ${placeName(head)}, where a list was looked for`,
    );
  }
  const rest = star < 0 ? [] : pointer.slice(star + 1);
  const found = scanner.items(start).flatMap((item, index) => {
    const at = walk(scanner, item, rest);
    if (at === undefined) return [];
    const word = whatIsAt(scanner, at);
    if (word === "null") return [];
    // One value that is none does not keep the others from being taken.
    if (/^(?:NaN|-?Infinity)$/.test(word)) return [{ value: Number(word), text: word }];
    return [scalar(scanner, at, [...head, String(index), ...rest])];
  });
  if (found.length === 0 && rest.length > 0) {
    throw new ContentProblem(`has no item with ${placeName(rest).slice(3)} in the list ${placeName(head)}`);
  }
  return found;
}

/** Where keys and indices lead from a value on; undefined if they don't. */
function walk(scanner: Scanner, from: number, pointer: readonly string[]): number | undefined {
  let at: number | undefined = from;
  for (const key of pointer) {
    if (at === undefined) return undefined;
    const kind = scanner.kind(at);
    at = kind === "object"
      ? scanner.members(at).get(key)
      : kind === "list" && /^-?\d+$/.test(key)
      ? scanner.items(at).at(Number(key))
      : undefined;
  }
  return at;
}

/** The text that was looked into last: hundreds of claims may be about one file, which is gone through once. */
let latest: Scanner | undefined;

function scannerOf(text: string): Scanner {
  if (latest?.text !== text) latest = new Scanner(text);
  return latest;
}

function follow(scanner: Scanner, pointer: readonly string[]): number {
  scanner.checkAll();
  let start = scanner.afterSpace(scanner.text.startsWith("\uFEFF") ? 1 : 0);
  for (let depth = 0; depth < pointer.length; depth++) {
    start = child(scanner, start, pointer, depth);
  }
  return start;
}

function child(scanner: Scanner, start: number, pointer: readonly string[], depth: number): number {
  const key = pointer[depth]!;
  const place = placeName(pointer.slice(0, depth));
  const kind = scanner.kind(start);
  if (kind === "object") {
    const members = scanner.members(start);
    const found = members.get(key);
    if (found === undefined) {
      throw new ContentProblem(`has no ${quote(key)} ${place}, the keys are ${keyList(members)}`);
    }
    return found;
  }
  if (kind === "list") {
    const items = scanner.items(start);
    if (!/^(?:0|-?[1-9]\d*)$/.test(key)) {
      throw new ContentProblem(
        `has a list of ${items.length} ${place}, where an index is expected and not ${quote(key)}`,
      );
    }
    const found = items.at(Number(key));
    if (found === undefined) {
      throw new ContentProblem(`has no item ${key} ${place}, the list has ${items.length}`);
    }
    return found;
  }
  throw new ContentProblem(`has ${whatIsAt(scanner, start)} ${place}, where ${quote(key)} was looked for`);
}

function scalar(scanner: Scanner, start: number, pointer: readonly string[]): JsonValue {
  const kind = scanner.kind(start);
  const text = scanner.text.slice(start, scanner.skip(start));
  const place = placeName(pointer);
  if (kind === "string") {
    const value = JSON.parse(text) as string;
    return { value, text: value };
  }
  if (kind === "number") {
    if (Number.isFinite(Number(text))) return { value: Number(text), text };
    throw new ContentProblem(`has ${text} ${place}, which is beyond the range of numbers`);
  }
  if (text === "true" || text === "false") return { value: text === "true", text };
  throw new ContentProblem(`has ${whatIsAt(scanner, start)} ${place}, where a single value was looked for`);
}

function whatIsAt(scanner: Scanner, start: number): string {
  const kind = scanner.kind(start);
  return kind === "word" ? scanner.text.slice(start, scanner.skip(start)) : kindName(kind);
}

type Kind = "object" | "list" | "string" | "number" | "word";

function kindName(kind: Kind): string {
  return {
    object: "an object",
    list: "a list",
    string: "a string",
    number: "a number",
    word: "a single value",
  }[kind];
}

function placeName(pointer: readonly string[]): string {
  const escaped = pointer.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  return pointer.length === 0 ? "at the top" : `at ${escaped}`;
}

function quote(key: string): string {
  return JSON.stringify(key.length > 80 ? `${key.slice(0, 80)}…` : key);
}

function keyList(members: Map<string, number>): string {
  const names = [...members.keys()].slice(0, 10).map(quote).join(", ");
  return members.size > 10 ? `${names} and ${members.size - 10} more` : names || "none";
}

/** Walks over JSON text without building its values. Positions are UTF-16 offsets. */
class Scanner {
  #checked = false;
  #members = new Map<number, Map<string, number>>();
  #items = new Map<number, number[]>();

  constructor(readonly text: string) {}

  /** Throws unless the whole text is one JSON value. */
  checkAll(): void {
    if (this.#checked) return;
    const end = this.afterSpace(this.skip(this.afterSpace(this.text.startsWith("\uFEFF") ? 1 : 0)));
    if (end < this.text.length) this.fail(end, "the end of the file");
    this.#checked = true;
  }

  kind(at: number): Kind {
    const first = this.text[at];
    if (first === "{") return "object";
    if (first === "[") return "list";
    if (first === '"') return "string";
    return first !== undefined && /[-\d]/.test(first) && this.text[at + 1] !== "I" ? "number" : "word";
  }

  /** Start of the value of each key. */
  members(at: number): Map<string, number> {
    const known = this.#members.get(at);
    if (known !== undefined) return known;
    const found = new Map<string, number>();
    this.container(at, 0, (key, start) => found.set(key!, start));
    this.#members.set(at, found);
    return found;
  }

  /** Start of each item. */
  items(at: number): number[] {
    const known = this.#items.get(at);
    if (known !== undefined) return known;
    const found: number[] = [];
    this.container(at, 0, (_key, start) => found.push(start));
    this.#items.set(at, found);
    return found;
  }

  /** The position after the value that begins here. */
  skip(at: number, depth = 0): number {
    switch (this.kind(at)) {
      case "object":
      case "list":
        return this.container(at, depth);
      case "string":
        return this.string(at);
      case "number":
        return this.match(NUMBER, at) ?? this.fail(at, "a number");
      case "word":
        return this.match(WORD, at) ?? this.fail(at, "a value");
    }
  }

  afterSpace(at: number): number {
    return this.match(SPACE, at) ?? at;
  }

  private container(
    at: number,
    depth: number,
    visit?: (key: string | undefined, start: number) => void,
  ): number {
    if (depth > DEEPEST) throw new ContentProblem(`is nested deeper than ${DEEPEST} levels`);
    const isObject = this.text[at] === "{";
    const close = isObject ? "}" : "]";
    let here = this.afterSpace(at + 1);
    if (this.text[here] === close) return here + 1;
    while (true) {
      let key: string | undefined;
      if (isObject) {
        const end = this.string(here);
        if (visit) key = JSON.parse(this.text.slice(here, end));
        here = this.afterSpace(this.expect(":", this.afterSpace(end)));
      }
      visit?.(key, here);
      here = this.afterSpace(this.skip(here, depth + 1));
      if (this.text[here] === close) return here + 1;
      here = this.afterSpace(this.expect(",", here, ` or "${close}"`));
    }
  }

  private string(at: number): number {
    this.expect('"', at);
    for (let here = at + 1; here < this.text.length; here++) {
      const code = this.text.charCodeAt(here);
      if (code === 0x22) return here + 1;
      if (code < 0x20) this.fail(here, "no bare control character in a string");
      if (code === 0x5c) here = this.escape(here);
    }
    return this.fail(this.text.length, "the end of a string");
  }

  /** The last position of an escape sequence. */
  private escape(at: number): number {
    const letter = this.text[at + 1];
    if (letter === "u" && /^[\da-fA-F]{4}$/.test(this.text.slice(at + 2, at + 6))) return at + 5;
    if (letter !== undefined && '"\\/bfnrt'.includes(letter)) return at + 1;
    return this.fail(at, "a valid escape in a string");
  }

  private expect(expected: string, at: number, or = ""): number {
    return this.text[at] === expected ? at + 1 : this.fail(at, `"${expected}"${or}`);
  }

  private match(pattern: RegExp, at: number): number | undefined {
    pattern.lastIndex = at;
    return pattern.test(this.text) ? pattern.lastIndex : undefined;
  }

  private fail(at: number, expected: string): never {
    const before = this.text.slice(0, at);
    const line = before.split("\n").length;
    const column = at - before.lastIndexOf("\n");
    const found = at < this.text.length
      ? quote(this.text.slice(at, at + 20).split("\n")[0]!)
      : "the end of the file";
    throw new ContentProblem(
      `is not JSON: expected ${expected} at line ${line}, column ${column}, found ${found}`,
    );
  }
}
