/** Changes single values in a YAML text; comments, quotes and layout of everything else stay as they are. */

import type { Node, Pair, Scalar, YAMLMap } from "yaml";
import type { Path } from "../experiment/yaml_document.ts";
import { yaml } from "../values/yaml.ts";

const { isMap, isSeq, parseDocument, stringify } = yaml;

/** A number, or true or false, that is to be written as it is: 86.10. */
export class Digits {
  constructor(readonly text: string) {}
}

/** What to write; a mapping is laid out like the mapping it goes into. */
export type NewValue = string | number | Digits | NewValue[] | NewMapping;

export type NewMapping = { [key: string]: NewValue | undefined };

/**
 * The text with the value at the path set. A key that is missing is added at the end of its mapping, an item one beyond
 * the last at the end of its list.
 */
export function setValue(text: string, path: Path, value: NewValue): string {
  const document = parseDocument(text);
  const node = document.getIn(path, true) as Node | undefined;
  if (node?.range) return replace(text, node, value);
  const parent = document.getIn(path.slice(0, -1), true);
  const key = path.at(-1)!;
  if (isMap(parent)) return addPair(text, parent as YAMLMap<Scalar, Node>, String(key), value);
  if (isSeq(parent) && parent.items.length > 0) {
    return addItem(text, parent.items as Node[], parent.flow, value);
  }
  return setValue(text, path.slice(0, -1), typeof key === "number" ? [value] : { [key]: value });
}

function replace(text: string, node: Node, value: NewValue): string {
  const [start, end] = node.range!;
  const tail = text.slice(start, end).endsWith("\n") ? "\n" : "";
  return text.slice(0, start) + flow(value) + tail + text.slice(end);
}

function addPair(text: string, map: YAMLMap<Scalar, Node>, key: string, value: NewValue): string {
  const last = map.items.at(-1)! as Pair<Scalar, Node>;
  if (map.flow) return insert(text, (last.value ?? last.key).range![1], `, ${key}: ${flow(value)}`);
  const first = map.items[0]!.key.range![0];
  return insertLines(text, map.range![1], block(key, value, columnOf(text, first)));
}

function addItem(text: string, items: Node[], isFlow: boolean | undefined, value: NewValue): string {
  const last = items.at(-1)!;
  const [start, end] = last.range!;
  if (isFlow) return insert(text, end, `, ${flow(value)}`);
  const dash = columnOf(text, text.lastIndexOf("-", start - 1));
  return insertLines(text, end, item(value, dash, columnOf(text, start)));
}

/** An item of a list as lines, with its dash at one column and the rest at another. */
function item(value: NewValue, dash: number, column: number): string[] {
  const lines = isMapping(value) ? pairs(value, column) : [" ".repeat(column) + flow(value)];
  const head = " ".repeat(dash) + "-".padEnd(column - dash);
  return [head + lines[0]!.slice(column), ...lines.slice(1)];
}

function pairs(mapping: NewMapping, column: number): string[] {
  return Object.entries(mapping).flatMap(([key, one]) => one === undefined ? [] : block(key, one, column));
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf("\n", offset - 1) + 1);
}

function insert(text: string, at: number, more: string): string {
  return text.slice(0, at) + more + text.slice(at);
}

/** Inserts whole lines below the line that the offset is in. */
function insertLines(text: string, offset: number, lines: string[]): string {
  const lineEnd = text[offset - 1] === "\n" ? offset - 1 : text.indexOf("\n", offset);
  if (lineEnd < 0) return `${text}\n${lines.join("\n")}\n`;
  return insert(text, lineEnd + 1, lines.map((line) => `${line}\n`).join(""));
}

/** `key: value` as lines at a column; a mapping has a line for each of its keys. */
function block(key: string, value: NewValue, column: number): string[] {
  const head = `${" ".repeat(column)}${key}:`;
  if (isMapping(value)) return [head, ...pairs(value, column + 2)];
  if (Array.isArray(value) && value.some(isMapping)) {
    return [head, ...value.flatMap((one) => item(one, column + 2, column + 4))];
  }
  if (typeof value !== "string") return [`${head} ${flow(value)}`];
  // A regular expression reads best in single quotes, where a backslash is a backslash.
  const plain = stringify(value, { lineWidth: 0, singleQuote: value.includes("\\") }).trimEnd();
  return [`${head} ${plain.includes("\n") ? flow(value) : plain}`];
}

/** In one line, in a form that is right everywhere. */
function flow(value: NewValue): string {
  if (value instanceof Digits) return value.text;
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (!isMapping(value)) return JSON.stringify(value);
  const pairs = Object.entries(value).flatMap(([key, one]) =>
    one === undefined ? [] : [`${key}: ${flow(one)}`]
  );
  return `{ ${pairs.join(", ")} }`;
}

function isMapping(value: NewValue): value is NewMapping {
  return typeof value === "object" && !Array.isArray(value) && !(value instanceof Digits);
}
