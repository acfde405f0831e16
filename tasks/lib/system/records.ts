/** Reading records: JSON files that a program wrote, of which nothing is believed before its shape was checked. */

import type { ZodMiniType } from "zod/mini";
import { Failure } from "../cli/failure.ts";
import { type Reading, readRegularText } from "./regular_file.ts";

/** Nesting of a record beyond this is not a record's: it would exhaust the stack of what goes through it. */
const DEEPEST = 100;

/** Problems of one record that are told. */
const MOST_PROBLEMS = 5;

/** Characters of a value that are shown. */
const LONGEST_VALUE = 60;

/**
 * Reads a record. Keys that its schema does not have are left out.
 *
 * @param what the record is, as a phrase: `the evidence of a run`
 * @throws Failure(2) with file and field if it is not JSON or of another shape; as `checkRegular` if it can't be read
 */
export async function readRecord<T>(
  path: string,
  schema: ZodMiniType<T>,
  what: string,
  reading: Reading = {},
): Promise<T> {
  return parseRecord(await readRegularText(path, reading), path, schema, what);
}

/**
 * The same of a text.
 *
 * @param shown how messages call the file
 */
export function parseRecord<T>(text: string, shown: string, schema: ZodMiniType<T>, what: string): T {
  return checkRecord(parseJson(text, shown), shown, schema, what);
}

/** @throws Failure(2) if it is not JSON */
export function parseJson(text: string, shown: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure(2, `${shown} is not JSON: ${shorten((error as Error).message, 200)}`);
  }
}

/** Items of a list that is short in every record; each that is wrong takes 10 µs to tell. */
const MOST_ITEMS = 10_000;

/**
 * Refuses a record of strangers before its shape is checked.
 *
 * @param lists what must be short in it, by name: lists, or objects
 * @throws Failure(2) that names the list and its length
 */
export function refuseLong(lists: Record<string, unknown>, shown: string, what: string) {
  for (const [name, list] of Object.entries(lists)) {
    if (!isCompound(list)) continue;
    const { length } = Array.isArray(list) ? list : Object.keys(list);
    if (length > MOST_ITEMS) {
      throw new Failure(2, `${shown} is not ${what}: ${name} has ${length} items, more than ${MOST_ITEMS}`);
    }
  }
}

/** What {@link readRecord} does, of a value that is at hand. */
export function checkRecord<T>(value: unknown, shown: string, schema: ZodMiniType<T>, what: string): T {
  if (isDeeper(value, DEEPEST)) {
    throw new Failure(2, `${shown} is not ${what}: it is nested deeper than ${DEEPEST} levels`);
  }
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const issues = error.issues.flatMap((issue) => innermost(issue as Issue));
  const [first, ...others] = issues.slice(0, MOST_PROBLEMS).map((issue) => describe(issue, value));
  const more = issues.length - 1 - others.length;
  throw new Failure(2, `${shown} is not ${what}: ${first}`, {
    problems: [...others, ...more > 0 ? [`and ${more} more`] : []].map((message) => ({
      file: shown,
      message,
    })),
  });
}

/**
 * The same of a record with a long list: its items are checked one by one and stay what they are, keys that nobody knows
 * included. A copy of 10,000 members would take more memory than all else.
 *
 * @param item schema of what is in the list of that name
 */
export function checkLongRecord<T>(
  value: unknown,
  shown: string,
  schema: ZodMiniType<T>,
  { list, item }: { list: keyof T & string; item: ZodMiniType },
  what: string,
): T {
  const { [list]: items, ...rest } = (value ?? {}) as Record<string, unknown>;
  const isSound = Array.isArray(items) && schema.safeParse({ ...rest, [list]: [] }).success &&
    items.every((one) => item.safeParse(one).success) && !isDeeper(value, DEEPEST);
  return isSound ? value as T : checkRecord(value, shown, schema, what);
}

/** A record, or nothing where there is none, or what is there is none: for what can be made again. */
export async function readRecordIfSound<T>(
  path: string,
  schema: ZodMiniType<T>,
  reading: Reading = {},
): Promise<T | undefined> {
  try {
    return await readRecord(path, schema, "a record", reading);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return undefined;
  }
}

interface Issue {
  code: string;
  path: PropertyKey[];
  message: string;
  expected?: string;
  values?: unknown[];
  keys?: string[];
  errors?: Issue[][];
}

/** Of what may have several forms, the problem of the form that comes closest: the one that is wrong deepest. */
function innermost(issue: Issue): Issue[] {
  const forms = (issue.errors ?? []).filter((form) => form.length > 0 && form[0]!.path.length > 0);
  if (issue.code !== "invalid_union" || forms.length === 0) return [issue];
  return forms[0]!.flatMap((one) => innermost({ ...one, path: [...issue.path, ...one.path] }));
}

function describe(issue: Issue, value: unknown): string {
  const field = fieldName(issue.path);
  if (issue.code === "unrecognized_keys") {
    return `${field} has unknown keys: ${
      issue.keys!.slice(0, MOST_PROBLEMS).map((key) => shorten(key, LONGEST_VALUE)).join(", ")
    }`;
  }
  const found = issue.path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown>)?.[key],
    value,
  );
  if (found === undefined) return `${field} is missing, it must be ${wanted(issue)}`;
  return `${field} must be ${wanted(issue)}, current value is ${
    shorten(JSON.stringify(found), LONGEST_VALUE)
  }`;
}

const TYPES: Record<string, string> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

function wanted({ code, expected, values, message }: Issue): string {
  if (code === "invalid_type") return TYPES[expected!] ?? String(expected);
  if (code === "invalid_value") return values!.map((value) => JSON.stringify(value)).join(" or ");
  return message === "Invalid input" ? "of another kind" : message;
}

function fieldName(path: PropertyKey[]): string {
  if (path.length === 0) return "the file";
  const parts = path.map((key) =>
    typeof key === "number" ? `[${key}]` : `.${shorten(String(key), LONGEST_VALUE)}`
  );
  return parts.join("").replace(/^\./, "");
}

function shorten(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/** Level by level, since a walk into the depth is what must not be done. */
function isDeeper(value: unknown, most: number): boolean {
  let level = [value].filter(isCompound);
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > most) return true;
    const next: object[] = [];
    for (const one of level) {
      for (const inner of Object.values(one)) if (isCompound(inner)) next.push(inner);
    }
    level = next;
  }
  return false;
}

function isCompound(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
