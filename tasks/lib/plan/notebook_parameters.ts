/** Parameters for notebooks, from YAML to the text that the driver reads: types and digits are kept on the way. */

import { Failure } from "../cli/failure.ts";
import type { Parameter } from "../experiment/experiment.ts";
import { yaml } from "../values/yaml.ts";

/** What YAML can say: a whole number is a `bigint`, one with a point or an exponent a `number`. */
type Value = null | boolean | string | number | bigint | Value[] | Map<Value, Value>;

/** JSON knows texts as keys only; a mapping with others is written as its pairs. */
const PAIRS = "!pairs";

/**
 * Reads a mapping of names to values.
 *
 * @returns each name with its value as Python's JSON: `1.0` stays a float, `NaN` and `Infinity` are written out
 * @throws Failure(2) for text that is no such mapping
 */
export function readParameters(text: string, what: string): Record<string, string> {
  const values = parse(text, what);
  if (!(values instanceof Map)) {
    throw new Failure(2, `${what} must hold names with values, such as "epochs: 3"`);
  }
  return Object.fromEntries(
    [...values].map(([name, value]) => {
      if (typeof name !== "string") {
        throw new Failure(2, `Cannot read ${what}: the name ${pythonJson(name, what)} must be a text`);
      }
      return [name, pythonJson(value, what)];
    }),
  );
}

/** Reads one value, e.g. `3`, `.nan` or `[1, 2.0]`. */
export function readValue(text: string, what: string): string {
  return pythonJson(parse(text, what), what);
}

/** A declared parameter's value with the type that it was declared with: an option's `2` for a declared `1.0` is 2.0. */
export function parameterJson({ value, text, structured }: Parameter, declared: Parameter): string {
  if (structured) return readValue(text, text);
  if (typeof value !== "number") return JSON.stringify(value);
  const [given, wanted] = [text, declared.text].map((source) => parse(source, source));
  if (typeof given === "bigint" && typeof wanted === "bigint") return String(given);
  return typeof wanted === "bigint" ? String(BigInt(value)) : float(value);
}

/** A number as the record keeps it: its digits as a text, where JavaScript would change them. */
export function recordedValue({ value, text, structured }: Parameter): Parameter["value"] {
  if (structured) return readValue(text, text);
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  return /^[+-]?\d+$/.test(text) ? text : value;
}

function parse(text: string, what: string): Value {
  try {
    return yaml.parse(text, { intAsBigInt: true, mapAsMap: true, maxAliasCount: 0 });
  } catch (error) {
    throw new Failure(2, `Cannot read ${what}: ${(error as Error).message.split("\n")[0]}`);
  }
}

function pythonJson(value: Value, what: string): string {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return float(value);
  if (Array.isArray(value)) return `[${value.map((item) => pythonJson(item, what)).join(", ")}]`;
  return value instanceof Map ? mapping(value, what) : JSON.stringify(value ?? null);
}

function mapping(value: Map<Value, Value>, what: string): string {
  const keys = [...value.keys()];
  if (keys.some((key) => typeof key === "object" && key !== null)) {
    throw new Failure(
      2,
      `Cannot read ${what}: the keys of a mapping must be texts, numbers, true, false or null`,
    );
  }
  const pairs = [...value].map((pair) => pair.map((part) => pythonJson(part, what)));
  if (keys.every((key) => typeof key === "string") && !keys.includes(PAIRS)) {
    return `{${pairs.map((pair) => pair.join(": ")).join(", ")}}`;
  }
  return `{"${PAIRS}": [${pairs.map((pair) => `[${pair.join(", ")}]`).join(", ")}]}`;
}

function float(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}
