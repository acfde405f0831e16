/** The YAML text of an experiment, with the place of everything in it. */

import { basename } from "node:path";
import type { Document, Node } from "yaml";
import { Failure, type Problem } from "../cli/failure.ts";
import { flowText } from "./flow_text.ts";
import { yaml } from "../values/yaml.ts";
import { pluralize } from "../cli/format.ts";

const { isMap, isScalar, isSeq, LineCounter, parseDocument, visit } = yaml;

/** A larger file is not an experiment.yaml (characters). */
const LARGEST_FILE = 2 ** 18;

/** The least that an experiment.yaml can say. */
export const LEAST = `name: my-paper\nsteps:\n  train:\n    run: [python, train.py, --out, "{out}"]`;

/** Keys and indices that lead to a place in the file. */
export type Path = readonly (string | number)[];

/** The YAML of an experiment, with the place of everything in it, and the problems found so far. */
export class YamlDocument {
  readonly problems: Problem[] = [];
  /** The file is not YAML that can be looked at further. */
  broken = false;
  /** Everything has the right shape. */
  wellFormed = false;
  /** Plain values, as `JSON.parse` would give them. */
  readonly data: Record<string, unknown> = {};
  private readonly lines = new LineCounter();
  private readonly parsed?: Document.Parsed;

  constructor(text: string, private readonly file: string) {
    try {
      if (text.length > LARGEST_FILE) throw new Error(`it must be shorter than ${LARGEST_FILE} characters`);
      this.parsed = parseDocument(text, { lineCounter: this.lines, prettyErrors: false, stringKeys: true });
      this.checkSyntax(this.parsed);
      if (!this.broken) this.data = this.parsed.toJS({ maxAliasCount: 0 });
    } catch (error) {
      this.broken = true;
      const nested = error instanceof RangeError;
      this.addAt(0, `the file can't be read: ${nested ? "it is nested too deep" : (error as Error).message}`);
    }
  }

  private checkSyntax(document: Document.Parsed): void {
    for (const error of [...document.errors, ...document.warnings]) {
      this.addAt(error.pos[0], syntaxMessage(error.code, error.message));
      if (error.code === "DUPLICATE_KEY") continue;
      // What follows is mostly an echo.
      this.broken = true;
      return;
    }
    this.refuseAliases(document);
    if (!isMap(document.contents)) {
      const found =
        document.contents === null || isScalar(document.contents) && document.contents.value === null
          ? "it is empty"
          : `it is ${kindOf(document.contents)}`;
      this.broken = true;
      this.addAt(
        0,
        `the file must describe an experiment with at least a name and a step, but ${found}; e.g.\n${LEAST}`,
      );
    }
  }

  private refuseAliases(document: Document.Parsed): void {
    const found: { at: number; name: string }[] = [];
    visit(document, {
      Alias: (_key, alias) => {
        found.push({ at: alias.range?.[0] ?? 0, name: alias.source });
      },
    });
    const [first] = found;
    if (!first) return;
    const others = found.length > 1 ? ` (and ${found.length - 1} more)` : "";
    this.broken = true;
    this.addAt(
      first.at,
      `values must be written out, YAML aliases are not supported, found *${first.name}${others}`,
    );
  }

  /** Adds a problem with what stands at the path, or with its key. */
  add(path: Path, message: string, at: "value" | "key" = "value"): void {
    this.addAt(this.offset(path, at), message);
  }

  private addAt(offset: number, message: string): void {
    const { line, col } = this.lines.linePos(offset);
    this.problems.push({ message, file: this.file, line: Math.max(line, 1), column: Math.max(col, 1) });
  }

  throwProblems(): void {
    if (this.problems.length === 0) return;
    this.problems.sort((a, b) => a.line! - b.line! || a.column! - b.column!);
    const count = pluralize(this.problems.length, "problem");
    throw new Failure(2, `Cannot use ${this.file}: ${count}`, { problems: this.problems });
  }

  /** Where the value (or its key) begins; of something that is not there, its parent's key. */
  private offset(path: Path, at: "value" | "key"): number {
    let node: unknown = this.parsed?.contents;
    let offset = 0;
    for (const [depth, key] of path.entries()) {
      if (isSeq(node)) node = node.items[Number(key)];
      else {
        const pair = isMap(node)
          ? node.items.find((item) => isScalar(item.key) && item.key.value === key)
          : undefined;
        if (!pair) return offset;
        const last = depth === path.length - 1;
        offset = start(pair.key) ?? offset;
        if (last && at === "key") return offset;
        node = pair.value;
      }
      offset = start(node) ?? offset;
    }
    return offset;
  }

  line(path: Path): number {
    return this.lines.linePos(this.offset(path, "value")).line;
  }

  /** For the end of a message: `experiment.yaml:7:9`. */
  place(path: Path): string {
    const { line, col } = this.lines.linePos(this.offset(path, "value"));
    return `${basename(this.file)}:${line}:${col}`;
  }

  /** Source text of the scalar at the path: 86.10 keeps both decimals; of a quoted text, what it holds. */
  text(path: Path): string {
    const node = this.parsed?.getIn(path, true);
    if (!isScalar(node)) return "";
    return typeof node.value === "string" ? node.value : node.source ?? String(node.value);
  }

  /** What stands at the path as JSON in one line, with the digits of its numbers. */
  flow(path: Path): string {
    return flowText(this.parsed?.getIn(path, true));
  }

  /** Whether the scalar at the path stands in quotes (or as a block). */
  quoted(path: Path): boolean {
    const node = this.parsed?.getIn(path, true);
    return isScalar(node) && node.type !== "PLAIN";
  }

  /** What stands at the path, for a message. */
  show(path: Path): string {
    const node = this.parsed?.getIn(path, true);
    if (node === undefined) return "missing";
    if (!isScalar(node)) return kindOf(node);
    if (node.value === null) return node.source || "empty";
    const text = this.text(path);
    return typeof node.value === "string"
      ? JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
      : text;
  }

  /** Keys of the mapping at the path, undefined if there is none. */
  keys(path: Path): string[] | undefined {
    const node = this.parsed?.getIn(path, true);
    return isMap(node)
      ? node.items.map((item) => String(isScalar(item.key) ? item.key.value : item.key))
      : undefined;
  }

  has(path: Path): boolean {
    return this.parsed?.hasIn(path) ?? false;
  }
}

function start(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

function kindOf(node: unknown): string {
  const empty = (isMap(node) || isSeq(node)) && node.items.length === 0 ? "n empty" : "";
  return isMap(node) ? `a${empty} mapping` : isSeq(node) ? `a${empty} list` : "a single value";
}

function syntaxMessage(code: string, message: string): string {
  switch (code) {
    case "DUPLICATE_KEY":
      return "the key must stand once in its mapping, here it stands again";
    case "MULTIPLE_DOCS":
      return `the file must hold one YAML document, here "---" begins another`;
    case "TAB_AS_INDENT":
      return "lines must be indented with spaces, here is a tab";
    case "TAG_RESOLVE_FAILED":
      return `values must be written without YAML tags: ${message}`;
    default:
      return `the file must be valid YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`;
  }
}

/** `claims[0].tolerance.samples` */
export function fieldName(path: Path): string {
  return path.map((key, depth) => typeof key === "number" ? `[${key}]` : depth === 0 ? key : `.${key}`).join(
    "",
  );
}
