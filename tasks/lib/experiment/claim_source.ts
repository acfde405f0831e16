/** How a claim's `from` is written: reading and writing `train/metrics.json#/accuracy/-1` and its other forms. */

import type { ClaimSource } from "./experiment.ts";
import { insideProblem } from "./relative_path.ts";

/** What all forms begin with, and what is left for a form to read. */
interface Start {
  step: string;
  /** Relative to the run folder: `<step>/<file>`. */
  path: string;
}

type Parsed = ClaimSource | { problem: string };

/** The forms of a place in a file, after its `#`: add one here to teach the tool another. */
const FORMS: {
  example: string;
  parse(start: Start, place: string): Parsed | undefined;
}[] = [
  { example: "train/metrics.json#/accuracy/-1", parse: parsePointer },
  { example: "train/history.csv?epoch=10#validation_accuracy", parse: parseCsv },
  { example: "train/model.safetensors#sha256", parse: parseSha256 },
];

const PATTERN_EXAMPLES = [
  String.raw`notebook/train.ipynb~/accuracy: ([\d.]+)/`,
  String.raw`train~/accuracy: ([\d.]+)/`,
];

/** Examples of all forms, for messages. */
export const SOURCE_EXAMPLES: readonly string[] = [...FORMS.map((form) => form.example), ...PATTERN_EXAMPLES];

/**
 * Reads one of
 *
 * - `<step>/<file>#/json/pointer` (RFC 6901; a negative index counts from the end of a list),
 * - `<step>/<file>.csv?<column>=<value>#<column>`, a cell; without `?…` the whole column,
 * - `<step>/<file>#sha256`,
 * - `<step>/<file>~/regular expression/` with one group: in a notebook's outputs, or in the text of any other file,
 * - `<step>~/regular expression/`: in what the step printed.
 *
 * `problem` says what it must be instead.
 */
export function parseSource(text: string): Parsed {
  const pattern = /^([^/#]+?)(?:\/([^#]+?))?~\/(.+)\/$/s.exec(text);
  if (pattern) return parsePattern(pattern[1]!, pattern[2], pattern[3]!);
  const match = /^([^/#]+)\/([^#]+)#(.*)$/s.exec(text);
  if (!match) return { problem: `must be ${wanted()}` };
  const [, step = "", path = "", place = ""] = match;
  const outside = pathProblem(step, path);
  if (outside) return outside;
  for (const form of FORMS) {
    const source = form.parse({ step, path: `${step}/${path}` }, place);
    if (source) return source;
  }
  return { problem: `must be ${wanted()}` };
}

function pathProblem(step: string, path: string): { problem: string } | undefined {
  const outside = insideProblem(path);
  return outside === undefined
    ? undefined
    : { problem: `must name a file inside the folder of step "${step}": the path ${outside}` };
}

function wanted(): string {
  const quoted = SOURCE_EXAMPLES.map((form) => form.includes("\\") ? `'${form}'` : `"${form}"`);
  return `a step, a file and a place in it, e.g. ${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
}

function parsePointer(start: Start, place: string): Parsed | undefined {
  if (place !== "" && !place.startsWith("/")) return undefined;
  if (/~(?![01])/.test(place)) {
    return { problem: `must write "~" as "~0" (and "/" inside a key as "~1") in a JSON pointer` };
  }
  const keys = place.split("/").slice(1);
  const pointer = keys.map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  return { kind: "pointer", ...start, pointer };
}

function parseSha256(start: Start, place: string): Parsed | undefined {
  return place === "sha256" ? { kind: "sha256", ...start } : undefined;
}

function parseCsv({ step, path: given }: Start, column: string): Parsed | undefined {
  const match = /^(.*\.[ct]sv)(?:\?(.*))?$/is.exec(given);
  if (!match || column === "" || column === "sha256" && match[2] === undefined) return undefined;
  const [, path = "", row] = match;
  if (row === undefined) return { kind: "csv", step, path, column };
  const [key = "", ...value] = row.split("=");
  if (key === "" || value.length === 0) {
    return { problem: `must name the row by a column and its value, e.g. "?epoch=10" after the file` };
  }
  return { kind: "csv", step, path, row: { column: key, value: value.join("=") }, column };
}

function parsePattern(step: string, file: string | undefined, pattern: string): Parsed {
  const problem = patternProblem(pattern);
  if (problem) return { problem };
  if (file === undefined) return { kind: "printed", step, path: "log.txt", pattern };
  return pathProblem(step, file) ?? { kind: "text", step, path: `${step}/${file}`, pattern };
}

/** A pattern is JavaScript's with the flags m and u: ^ and $ are a line's ends, an escape that means nothing is an error. */
function patternProblem(pattern: string): string | undefined {
  let groups: number;
  try {
    groups = new RegExp(`${pattern}|`, "mu").exec("")!.length - 1;
  } catch (error) {
    const reason = (error as Error).message.replace(/^Invalid regular expression: \/.*\/\w*: /s, "");
    const hint = /Invalid group/.test(reason) && pattern.includes("(?P<") ? `, "(?P<" is "(?<" here` : "";
    return `must hold a valid regular expression: ${reason}${hint}`;
  }
  if (groups === 1) return undefined;
  const found = groups === 0 ? "none" : String(groups);
  return `must have one group in its regular expression, the value, it has ${found} ("(?:" begins one that is not counted)`;
}

/** The source as it is written in experiment.yaml. */
export function formatSource(source: ClaimSource): string {
  switch (source.kind) {
    case "pointer":
      return `${source.path}#${formatPointer(source.pointer)}`;
    case "csv": {
      const row = source.row === undefined ? "" : `?${source.row.column}=${source.row.value}`;
      return `${source.path}${row}#${source.column}`;
    }
    case "sha256":
      return `${source.path}#sha256`;
    case "text":
      return `${source.path}~/${source.pattern}/`;
    case "printed":
      return `${source.step}~/${source.pattern}/`;
    default:
      return source satisfies never;
  }
}

function formatPointer(pointer: string[]): string {
  return pointer.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
