/** YAML, TOML and JSON lines as JSON texts in which every number keeps its source text, so that one reader serves all. */

import { ContentProblem } from "./content_problem.ts";
import { findInJson } from "./json.ts";
import type { RowQuery } from "./csv.ts";

/**
 * JSON lines as a list; empty lines are left out.
 *
 * @param row those lines alone whose key `column` is `value` (10 is 10.0, `last` is the last value of it)
 * @throws {ContentProblem} if no line is asked for
 */
export function jsonLinesAsJson(text: string, row?: RowQuery): string {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/).filter((line) => line.trim() !== "");
  if (row === undefined) return `[${lines.join(",\n")}]`;
  const keyed = lines.flatMap((line) => {
    const key = keyOf(line, row.column);
    return key === undefined ? [] : [{ line, key }];
  });
  const last = row.value === "last" ? keyed.at(-1)?.key : undefined;
  const wanted = last ?? row.value;
  const found = keyed.filter(({ key }) => key === wanted || Number(key) === Number(wanted));
  if (found.length > 0) return `[${found.map(({ line }) => line).join(",\n")}]`;
  const keys = keyed.slice(0, 10).map(({ key }) => key).join(", ");
  const more = keyed.length > 10 ? ` and ${keyed.length - 10} more` : "";
  throw new ContentProblem(
    `has no line with ${row.column} = ${row.value}, ${row.column} is ${keys || "in no line"}${more}`,
  );
}

function keyOf(line: string, key: string): string | undefined {
  try {
    return findInJson(line, [key]).text;
  } catch (error) {
    if (error instanceof ContentProblem && !error.message.startsWith("is not JSON")) return undefined;
    throw error;
  }
}

/** What a hostile file may grow to by its aliases. */
const MOST_NODES = 1_000_000;

/**
 * A YAML document as JSON.
 *
 * @param most how many values it may hold, with what its aliases repeat
 * @throws {ContentProblem} if it is not YAML (with the line), or holds more
 */
export async function yamlAsJson(text: string, most = MOST_NODES): Promise<string> {
  const { yaml: { isAlias, isMap, isScalar, isSeq, parseDocument } } = await import("./yaml.ts");
  const document = parseDocument(text, { logLevel: "silent" });
  const [error] = document.errors;
  if (error !== undefined) {
    throw new ContentProblem(`is not YAML: ${error.message.split("\n")[0]!.replace(/:$/, "")}`);
  }
  let nodes = 0;
  const write = (node: unknown): string => {
    if (++nodes > most) throw new ContentProblem(`holds more than ${most} values`);
    if (isAlias(node)) return write(node.resolve(document));
    if (isSeq(node)) return `[${node.items.map(write).join(",")}]`;
    if (isMap(node)) {
      const entries = node.items.map(({ key, value }) =>
        `${JSON.stringify(isScalar(key) ? String(key.source ?? key.value) : String(key))}:${write(value)}`
      );
      return `{${entries.join(",")}}`;
    }
    if (!isScalar(node)) return "null";
    return scalar(node.value, node.source ?? "");
  };
  return write(document.contents);
}

/** @throws {ContentProblem} if it is not TOML (with line and column) */
export async function tomlAsJson(text: string): Promise<string> {
  const { parseTOML } = await import("toml-eslint-parser");
  let program;
  try {
    program = parseTOML(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    const { message, lineNumber, column } = error as {
      message: string;
      lineNumber?: number;
      column?: number;
    };
    if (lineNumber === undefined) throw error;
    throw new ContentProblem(`is not TOML: ${message} at line ${lineNumber}, column ${(column ?? 0) + 1}`);
  }
  const top: Tree = new Map();
  const [{ body }] = program.body;
  for (const node of body) {
    if (node.type === "TOMLKeyValue") setAt(top, namesOf(node), valueOf(node.value));
    else {
      setAt(top, node.resolvedKey.map(String), new Map());
      for (const entry of node.body) {
        setAt(top, [...node.resolvedKey.map(String), ...namesOf(entry)], valueOf(entry.value));
      }
    }
  }
  return write(top);
}

type TomlContent = import("toml-eslint-parser").AST.TOMLContentNode;

type TomlEntry = import("toml-eslint-parser").AST.TOMLKeyValue;

/** Tables, and lists of tables by their index; a text is JSON already. */
type Tree = Map<string, Tree | string>;

function namesOf({ key }: TomlEntry): string[] {
  return key.keys.map((part) => part.type === "TOMLBare" ? part.name : part.value);
}

function valueOf(node: TomlContent): Tree | string {
  if (node.type === "TOMLArray") return `[${node.elements.map((one) => write(valueOf(one))).join(",")}]`;
  if (node.type === "TOMLInlineTable") {
    const table: Tree = new Map();
    for (const entry of node.body) setAt(table, namesOf(entry), valueOf(entry.value));
    return table;
  }
  if (node.kind === "integer" || node.kind === "float") {
    return scalar(node.value, node.number.replaceAll("_", "").replace(/^\+/, ""));
  }
  return node.kind === "boolean" ? String(node.value) : JSON.stringify(node.value);
}

function setAt(tree: Tree, path: string[], value: Tree | string): void {
  for (const key of path.slice(0, -1)) {
    const next = tree.get(key) ?? new Map();
    if (typeof next === "string") return; // the parser refuses what is defined twice
    tree.set(key, next);
    tree = next;
  }
  const last = path.at(-1)!;
  // A table may follow its own parts.
  if (!(tree.get(last) instanceof Map && value instanceof Map)) tree.set(last, value);
}

/** A list of tables has the keys 0, 1, 2, … */
function write(tree: Tree | string): string {
  if (typeof tree === "string") return tree;
  const keys = [...tree.keys()];
  const isList = keys.length > 0 && keys.every((key, index) => key === String(index));
  return isList
    ? `[${[...tree.values()].map(write).join(",")}]`
    : `{${[...tree].map(([key, value]) => `${JSON.stringify(key)}:${write(value)}`).join(",")}}`;
}

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function scalar(value: unknown, source: string): string {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return JSON_NUMBER.test(source) ? source : String(value);
  return typeof value === "boolean" || value === null ? String(value) : JSON.stringify(String(value));
}
