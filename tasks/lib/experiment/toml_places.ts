/** Values in TOML files: where they stand, as YAML in one line, and the way back. */

import { type AST, parseTOML } from "toml-eslint-parser";
import { Failure } from "../cli/failure.ts";
import { yaml } from "../values/yaml.ts";
import type { Parameter } from "./experiment.ts";

/** A value in a TOML file; `range` counts UTF-16 units. */
export interface TomlPlace {
  /** Of the value in the text. */
  range: [start: number, end: number];
  parameter: Parameter;
  /** The value as YAML in one line. */
  flow: string;
}

/**
 * Finds the value at a key, also in inline tables and arrays.
 *
 * @throws Failure(2) for a file that is not TOML
 */
export function findInToml(text: string, file: string, keys: readonly string[]): TomlPlace | undefined {
  const node = nodeAt(entriesOf(parse(text, file)), keys);
  if (node === undefined) return undefined;
  const flow = flowOf(node, text);
  const { range: [start, end] } = node;
  return { range: [start, end], flow, parameter: parameterOf(node, flow, text) };
}

/**
 * YAML in one line as TOML.
 *
 * @throws Failure(2) for null, which TOML does not have
 */
export function asToml(flow: string, place: string): string {
  return write(yaml.parseDocument(flow).contents, place);
}

interface Entry {
  path: string[];
  value: AST.TOMLContentNode;
}

function parse(text: string, file: string): AST.TOMLTopLevelTable {
  try {
    return parseTOML(text).body[0];
  } catch (error) {
    const { message, lineNumber } = error as Error & { lineNumber?: number };
    throw new Failure(
      2,
      `Cannot read ${file}: ${message}${lineNumber === undefined ? "" : ` (line ${lineNumber})`}`,
    );
  }
}

function entriesOf({ body }: AST.TOMLTopLevelTable): Entry[] {
  return body.flatMap((node) =>
    node.type === "TOMLTable"
      ? node.body.map((entry) => entryOf(entry, node.resolvedKey.map(String)))
      : entryOf(node, [])
  );
}

function entryOf({ key, value }: AST.TOMLKeyValue, above: string[]): Entry {
  return {
    path: [...above, ...key.keys.map((one) => one.type === "TOMLBare" ? one.name : one.value)],
    value,
  };
}

function nodeAt(entries: Entry[], keys: readonly string[]): AST.TOMLContentNode | undefined {
  for (const { path, value } of entries) {
    if (path.length > keys.length || path.some((key, index) => key !== keys[index])) continue;
    const rest = keys.slice(path.length);
    if (rest.length === 0) return value;
    const inner = value.type === "TOMLInlineTable"
      ? value.body.map((entry) => entryOf(entry, []))
      : value.type === "TOMLArray"
      ? value.elements.map((element, index) => ({ path: [String(index)], value: element }))
      : [];
    const found = nodeAt(inner, rest);
    if (found !== undefined) return found;
  }
}

function parameterOf(node: AST.TOMLContentNode, flow: string, text: string): Parameter {
  if (node.type !== "TOMLValue") return { value: flow, text: flow, structured: true };
  if (node.kind === "string") return { value: node.value, text: node.value };
  if (node.kind === "boolean") return { value: node.value, text: String(node.value) };
  if (node.kind === "integer" || node.kind === "float") return { value: Number(node.value), text: flow };
  const source = sourceOf(node, text); // a date or a time
  return { value: source, text: source };
}

function flowOf(node: AST.TOMLContentNode, text: string): string {
  if (node.type === "TOMLArray") return `[${node.elements.map((one) => flowOf(one, text)).join(", ")}]`;
  if (node.type === "TOMLInlineTable") {
    const entries = node.body.map((one) => entryOf(one, []));
    return `{${
      entries.map(({ path, value }) => `${JSON.stringify(path.join("."))}: ${flowOf(value, text)}`).join(", ")
    }}`;
  }
  if (node.kind === "string") return JSON.stringify(node.value);
  const source = sourceOf(node, text);
  if (node.kind === "boolean") return source;
  return node.kind === "integer" || node.kind === "float"
    ? source.replaceAll("_", "")
    : JSON.stringify(source);
}

function sourceOf({ range }: AST.TOMLContentNode, text: string): string {
  return text.slice(...range);
}

/** As TOML writes numbers; YAML has more ways. */
const NUMBER = /^[+-]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function write(node: unknown, place: string): string {
  if (yaml.isSeq(node)) return `[${node.items.map((one) => write(one, place)).join(", ")}]`;
  if (yaml.isMap(node)) {
    const entries = node.items.map(({ key, value }) => {
      const name = yaml.isScalar(key) ? String(key.value) : String(key);
      return `${/^[\w-]+$/.test(name) ? name : JSON.stringify(name)} = ${write(value, place)}`;
    });
    return `{ ${entries.join(", ")} }`;
  }
  const value = yaml.isScalar(node) ? node.value : null;
  if (value === null) throw new Failure(2, `Cannot write ${place}: TOML has no null`);
  if (typeof value === "string") return JSON.stringify(value);
  const { source = "" } = node as { source?: string };
  return NUMBER.test(source) ? source : String(value);
}
