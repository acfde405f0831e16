/** experiment.yaml: what it may say, and everything that is wrong with it at once. */

import { basename, dirname, join, relative, resolve } from "node:path";
import type { Document, Node } from "yaml";
import { z } from "zod";
import { parseSource } from "./claim_source.ts";
import { countsOf, decimalsToTell, parseDecimal, percentageOf } from "./decimal.ts";
import { Failure, type Problem } from "./failure.ts";
import { insideProblem, tidyPath } from "./safe_path.ts";
import { didYouMean } from "./suggest.ts";
import { parseTemplate } from "./template.ts";
import { yaml } from "./yaml.ts";

const { isMap, isScalar, isSeq, LineCounter, parseDocument, visit } = yaml;

// Each schema is used once or twice in a process: generating code for it takes longer than it saves.
z.config({ jitless: true });

/** A declared parameter; `text` is the source text of its default, so that `1e-3` stays `1e-3` on a command line. */
export interface Parameter {
  value: number | string | boolean;
  text: string;
}

export interface Environment {
  /** Container image that holds the authors' environment. */
  image?: string;
  /** Python requirements file, relative to the root; its locks stand beside it. Without it, a bare Python is enough. */
  requirements?: string;
  /** What the steps need: no GPU, one if there is one, all, a count, or device ids. */
  gpus: "none" | "optional" | "all" | number | string[];
  /** Size of /dev/shm in a container, e.g. "8g". */
  shmSize?: string;
}

export interface Step {
  name: string;
  /** Argument list with `{placeholders}`; a step has either this or `notebook`. */
  run?: string[];
  /** Path of a notebook, relative to the root. */
  notebook?: string;
  /** Names of the steps whose folders this one reads. */
  needs: string[];
  /** Paths, relative to the step's own folder, that must be there when it ends. */
  produces: string[];
  /** Paths (files or folders, relative to the root) the step reads; all tracked files unless given. */
  inputs?: string[];
  /** Arguments appended when an interrupted run is taken up again; without it the step starts afresh. */
  resume?: string[];
}

/** Where a claimed value is found in a run folder. `path` is relative to the run folder: `<step>/<file>`. */
export type ClaimSource =
  | { kind: "pointer"; step: string; path: string; pointer: string[] }
  | { kind: "sha256"; step: string; path: string };

/** How far an obtained value may be from the claimed one; exactly one of the three, and the reason. */
export interface Tolerance {
  samples?: number;
  absolute?: number;
  relative?: number;
  because: string;
}

export interface Claim {
  name: string;
  from: ClaimSource;
  /** The claimed value, and its source text: 86.10 has two decimals. */
  value: number | string | boolean;
  text: string;
  unit?: string;
  /** The value is a count of so many samples, printed as a percentage. */
  of?: number;
  tolerance?: Tolerance;
  /** Line of the claim in its file, 1-based. */
  line: number;
}

export interface Experiment {
  name: string;
  title?: string;
  /** Absolute path of the YAML file. */
  file: string;
  /** Absolute path of the project root, which every path in the file is relative to. */
  root: string;
  environment: Environment;
  parameters: Record<string, Parameter>;
  /** In the order of the file. */
  steps: Record<string, Step>;
  claims: Claim[];
}

/** The options of the tasks themselves; a parameter can't be called like one of them. */
export const RESERVED_PARAMETERS: readonly string[] = [
  "plan",
  "json",
  "engine",
  "help",
  "runs",
  "reuse",
  "resume",
  "yes",
  "twice",
  "open",
  "force",
  "out",
  "steps",
];

/** A larger file is no experiment.yaml (characters). */
const LARGEST_FILE = 2 ** 20;

const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const A_NAME = "a name of small letters, digits, _ and -, beginning with a letter or digit, at most 64 long";

// The messages of the schema say what is wanted; `schemaProblems` puts the field before and the value after them.
const path = (example: string) => z.string({ error: `a path, e.g. ${example}` });
const paths = (example: string) => z.array(path(example), { error: `a list of paths, e.g. [${example}]` });
const name = (what: string) =>
  z.string({ error: `${what}, e.g. digits-resnet` }).regex(NAME, { error: A_NAME });
const text = (example: string) => z.string({ error: `a text, e.g. ${example}` });
const anyScalar = (wanted: string) => z.union([z.string(), z.number(), z.boolean()], { error: wanted });
const size = (example: string) => {
  const error = `a finite number that is not negative, e.g. ${example}`;
  return z.number({ error }).nonnegative({ error });
};
const wholeNumber = (wanted: string, least: number) => z.int({ error: wanted }).min(least, { error: wanted });
const argumentList = (example: string) =>
  z.array(anyScalar("a text or number; quote it if it looks like something else to YAML"), {
    error: `a list of arguments, e.g. ${example}`,
  }).min(1, { error: `a list of at least one argument, e.g. ${example}` });

const GPUS = `none, optional, all, a count or a list of device ids, e.g. 1 or ["0", "2"]`;

const environmentSchema = z.strictObject({
  image: text("cschranz/gpu-jupyter:v1.10_cuda-12.9_ubuntu-24.04").min(1, { error: "the name of an image" })
    .optional(),
  requirements: path("requirements.txt").optional(),
  gpus: z.union(
    [
      z.enum(["none", "optional", "all"]),
      z.int().min(1),
      z.array(z.union([z.string().min(1), z.int().min(0)])).min(1),
    ],
    { error: GPUS },
  ).optional(),
  shm_size: z.string({ error: "a size, e.g. 8g" }).regex(/^[1-9]\d*[bkmgBKMG]?$/, {
    error: "a size, e.g. 8g",
  })
    .optional(),
}, { error: "a mapping of image, requirements, gpus and shm_size" });

const stepSchema = z.strictObject({
  run: argumentList(`[python, -m, src.train, --out, "{out}"]`).optional(),
  notebook: path("notebooks/train.ipynb").optional(),
  needs: z.array(z.string({ error: "the name of a step" }), { error: "a list of steps, e.g. [train]" })
    .optional(),
  produces: paths("metrics.json").optional(),
  inputs: paths("src").optional(),
  resume: argumentList("[--resume]").optional(),
}, { error: "a mapping with run or notebook, e.g. { run: [python, train.py] }" });

const toleranceSchema = z.strictObject({
  samples: wholeNumber("a whole number of samples that is not negative, e.g. 1", 0).optional(),
  absolute: size("0.01").optional(),
  relative: size("0.01").optional(),
  because: text("spread over 10 seeds, published/spread.json"),
}, { error: `a mapping, e.g. { samples: 1, because: "spread over threads" }` });

const CLAIM_NAME = "one line of text that names the claim, at most 200 characters";

const claimSchema = z.strictObject({
  name: z.string({ error: CLAIM_NAME }).regex(/^(?=.*\S)[^\p{Cc}]{1,200}$/u, { error: CLAIM_NAME }),
  from: text("train/metrics.json#/accuracy/-1"),
  value: anyScalar("a finite number, a text, true or false"),
  unit: text(`"%"`).optional(),
  of: wholeNumber("the number of samples, a positive whole number", 1).optional(),
  tolerance: toleranceSchema.optional(),
}, { error: "a mapping with name, from and value" });

const schema = z.strictObject({
  name: name("the name of the experiment"),
  title: text("A small ResNet on handwritten digits").optional(),
  environment: environmentSchema.optional(),
  parameters: z.record(
    z.string().regex(NAME, { error: A_NAME }),
    anyScalar("a finite number, a text, true or false"),
    {
      error: "a mapping of names to default values, e.g. { epochs: 15, seed: 23 }",
    },
  ).optional(),
  steps: z.record(z.string().regex(NAME, { error: A_NAME }), stepSchema, {
    error: "a mapping of names to steps, e.g. { train: { run: [python, train.py] } }",
  }),
  claims: z.array(claimSchema, { error: "a list of claims" }).optional(),
}, { error: "a mapping with name and steps" });

/** JSON Schema of experiment.yaml for editors, as the text of `experiment.schema.json`. */
export function experimentSchema(): string {
  const json = z.toJSONSchema(schema, { io: "input" });
  return JSON.stringify({ title: "experiment.yaml", ...json }, null, 2) + "\n";
}

type RawStep = Partial<z.infer<typeof stepSchema>>;
/** Fields that are missing here were wrong in themselves, and are reported already. */
type RawClaim = Partial<z.infer<typeof claimSchema>>;

/**
 * Reads the text of an experiment.yaml.
 *
 * @param file absolute path of the file the text is from, for messages
 * @param root absolute path that the paths in the file are relative to
 * @throws {Failure} 2 with all its problems at once, in the order of the file
 */
export function parseExperiment(text: string, file: string, root: string): Experiment {
  const source = new Source(text, relative(root, file) || basename(file));
  if (source.problems.length === 0) checkSchema(source);
  if (!source.broken) checkMeaning(source);
  source.throwProblems();
  return convert(source, file, root);
}

type Key = string | number;
type Path = readonly Key[];

/** The YAML of an experiment, with the place of everything in it, and the problems found so far. */
class Source {
  readonly problems: Problem[] = [];
  /** The file is no YAML that can be looked at further. */
  broken = false;
  /** Plain values, as `JSON.parse` would give them. */
  readonly data: Record<string, unknown> = {};
  private readonly lines = new LineCounter();
  private readonly document?: Document.Parsed;

  constructor(text: string, private readonly file: string) {
    try {
      if (text.length > LARGEST_FILE) throw new Error(`it must be shorter than ${LARGEST_FILE} characters`);
      this.document = parseDocument(text, { lineCounter: this.lines, prettyErrors: false, stringKeys: true });
      this.checkSyntax(this.document);
      if (!this.broken) this.data = this.document.toJS({ maxAliasCount: 0 });
    } catch (error) {
      this.broken = true;
      const nested = error instanceof RangeError;
      this.addAt(0, `the file can't be read: ${nested ? "it is nested too deep" : (error as Error).message}`);
    }
  }

  private checkSyntax(document: Document.Parsed): void {
    const lines = new Set<number>();
    for (const error of [...document.errors, ...document.warnings]) {
      const { line } = this.lines.linePos(error.pos[0]);
      // What follows a mistake on its line is mostly its echo.
      if (!lines.has(line)) this.addAt(error.pos[0], syntaxMessage(error.code, error.message));
      lines.add(line);
      if (error.code !== "DUPLICATE_KEY") this.broken = true;
    }
    if (this.broken) return;
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
    const count = this.problems.length === 1 ? "1 problem" : `${this.problems.length} problems`;
    throw new Failure(2, `Cannot use ${this.file}: ${count}`, { problems: this.problems });
  }

  /** Where the value (or its key) begins; of something that is not there, its parent's key. */
  private offset(path: Path, at: "value" | "key"): number {
    let node: unknown = this.document?.contents;
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

  /** Source text of the scalar at the path: 86.10 keeps both decimals; of a quoted text, what it holds. */
  text(path: Path): string {
    const node = this.document?.getIn(path, true);
    if (!isScalar(node)) return "";
    return typeof node.value === "string" ? node.value : node.source ?? String(node.value);
  }

  /** Whether the scalar at the path stands in quotes (or as a block). */
  quoted(path: Path): boolean {
    const node = this.document?.getIn(path, true);
    return isScalar(node) && node.type !== "PLAIN";
  }

  /** What stands at the path, for a message. */
  show(path: Path): string {
    const node = this.document?.getIn(path, true);
    if (node === undefined) return "missing";
    if (!isScalar(node)) return kindOf(node);
    if (node.value === null) return "empty";
    const text = this.text(path);
    return typeof node.value === "string"
      ? JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
      : text;
  }

  isMapping(path: Path): boolean {
    return isMap(this.document?.getIn(path, true));
  }

  has(path: Path): boolean {
    return this.document?.hasIn(path) ?? false;
  }
}

const LEAST = `name: digits-resnet\nsteps:\n  train:\n    run: [python, train.py, --out, "{out}"]`;

function start(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

function kindOf(node: unknown): string {
  return isMap(node) ? "a mapping" : isSeq(node) ? "a list" : "a single value";
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

function fieldName(path: Path): string {
  return path.map((key, depth) => typeof key === "number" ? `[${key}]` : depth === 0 ? key : `.${key}`).join(
    "",
  );
}

function checkSchema(source: Source): void {
  const result = schema.safeParse(source.data);
  for (const issue of result.error?.issues ?? []) {
    const path = issue.path as Path;
    if (issue.code === "unrecognized_keys") unknownKeys(source, path, issue.keys);
    else if (issue.code === "invalid_key") {
      const wanted = issue.issues[0]?.message ?? A_NAME;
      source.add(path, `the name ${JSON.stringify(path.at(-1))} must be ${wanted}`, "key");
    } else wrongValue(source, path, issue.message);
  }
}

function unknownKeys(source: Source, path: Path, keys: string[]): void {
  const known = keysAt(path);
  for (const key of keys) {
    const where = path.length === 0 ? "" : ` in ${fieldName(path)}`;
    const hint = didYouMean(key, known) || `, the keys are ${known.join(", ")}`;
    source.add([...path, key], `key ${JSON.stringify(key)}${where} is unknown${hint}`, "key");
  }
}

function wrongValue(source: Source, path: Path, wanted: string): void {
  const field = path.length === 0 ? "the file" : fieldName(path);
  if (!source.has(path)) {
    return source.add(path.slice(0, -1), `${field} is missing, it must be ${wanted}`, "key");
  }
  source.add(
    path,
    `${field} must be ${wanted}${asList(source, path)}, current value is ${source.show(path)}`,
  );
}

/** For a shell string where an argument list is wanted: the list. */
function asList(source: Source, path: Path): string {
  if (path[0] !== "steps" || path.length !== 3 || path[2] !== "run" || !source.text(path).trim()) return "";
  const words = source.text(path).trim().split(/\s+/).map((word) =>
    /^[\w./-]+$/.test(word) ? word : JSON.stringify(word)
  );
  return ` (here perhaps [${words.join(", ")}])`;
}

/** The keys that may stand in the mapping at the path. */
function keysAt(path: Path): string[] {
  let at: unknown = schema;
  for (const key of path) {
    while (at instanceof z.ZodOptional) at = at.unwrap();
    if (at instanceof z.ZodObject) at = at.shape[key];
    else if (at instanceof z.ZodRecord) at = at.valueType;
    else if (at instanceof z.ZodArray) at = at.element;
  }
  while (at instanceof z.ZodOptional) at = at.unwrap();
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

/** What a schema can't say. Looks at every part whose own shape is right, also when another's is wrong. */
function checkMeaning(source: Source): void {
  checkEnvironment(source);
  checkParameters(source);
  checkSteps(source);
  checkClaims(source);
}

/** Those fields of a mapping whose own shape is right. */
function soundFields<T extends z.ZodRawShape>(
  part: z.ZodObject<T>,
  value: unknown,
): Partial<z.infer<z.ZodObject<T>>> {
  if (typeof value !== "object" || value === null) return {};
  const fields = Object.entries(value).filter(([key, field]) =>
    Object.hasOwn(part.shape, key) && (part.shape[key] as unknown as z.ZodType).safeParse(field).success
  );
  return Object.fromEntries(fields) as Partial<z.infer<z.ZodObject<T>>>;
}

function entriesAt(source: Source, key: string): [string, unknown][] {
  const value = source.data[key];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

function checkEnvironment(source: Source): void {
  const { requirements } = soundFields(environmentSchema, source.data.environment);
  checkPath(source, ["environment", "requirements"], requirements);
}

function checkPath(source: Source, path: Path, value: string | undefined, inside = "the project"): void {
  const problem = value === undefined ? undefined : insideProblem(tidyPath(value));
  if (!problem) return;
  const field = fieldName(path);
  source.add(
    path,
    `${field} must be a path inside ${inside}, current value ${JSON.stringify(value)} ${problem}`,
  );
}

/** Words that are true or false to YAML 1.1 (and so to Python), and texts to YAML 1.2. */
const YAML_1_1_BOOLEAN = /^(?:yes|no|on|off)$/i;

function checkParameters(source: Source): void {
  for (const [name, value] of entriesAt(source, "parameters")) {
    const path = ["parameters", name];
    if (RESERVED_PARAMETERS.includes(name)) {
      source.add(
        path,
        `parameter "${name}" must be called something else, --${name} is an option of the tasks`,
        "key",
      );
    }
    checkScalar(source, path, value);
  }
}

function checkScalar(source: Source, path: Path, value: unknown): void {
  if (typeof value !== "string") return;
  if (value.includes("\0")) source.add(path, `${fieldName(path)} must hold no NUL character`);
  if (!YAML_1_1_BOOLEAN.test(value) || source.quoted(path)) return;
  source.add(
    path,
    `${fieldName(path)} must be true or false, or a quoted text, current value is ${value} without quotes`,
  );
}

function checkSteps(source: Source): void {
  const all = entriesAt(source, "steps");
  const names = all.map(([name]) => name);
  if (all.length === 0 && source.isMapping(["steps"])) {
    source.add(["steps"], "steps must hold at least one step, e.g. { train: { run: [python, train.py] } }");
  }
  const steps = new Map(all.map(([name, step]) => [name, soundFields(stepSchema, step)]));
  for (const [name, step] of steps) {
    checkKindOfStep(source, name, step);
    checkNeeds(source, name, step, names);
    checkArguments(source, name, step, names);
    checkStepPaths(source, name, step);
  }
  checkCycles(source, steps);
}

function checkKindOfStep(source: Source, name: string, step: RawStep): void {
  const path = ["steps", name];
  const field = fieldName(path);
  if (!source.isMapping(path)) return;
  const hasRun = source.has([...path, "run"]);
  const hasNotebook = source.has([...path, "notebook"]);
  if (hasRun && hasNotebook) {
    source.add(path, `${field} must have either run or notebook, it has both`, "key");
  } else if (!hasRun && !hasNotebook) {
    source.add(path, `${field} must have either run or notebook, e.g. run: [python, train.py]`, "key");
  }
  if (step.resume && !hasRun) {
    source.add([...path, "resume"], `${field}.resume goes with run, it adds arguments to the command`, "key");
  }
}

function checkNeeds(source: Source, name: string, step: RawStep, names: string[]): void {
  const seen = new Set<string>();
  for (const [index, need] of (step.needs ?? []).entries()) {
    const path = ["steps", name, "needs", index];
    if (!names.includes(need)) {
      const hint = didYouMean(need, names) || `, the steps are ${names.join(", ")}`;
      source.add(path, `step "${name}" needs "${need}", which is no step${hint}`);
    } else if (seen.has(need)) source.add(path, `step "${name}" must name "${need}" once in needs`);
    seen.add(need);
  }
}

function checkArguments(source: Source, name: string, step: RawStep, names: string[]): void {
  for (const key of ["run", "resume"] as const) {
    for (const [index] of (step[key] ?? []).entries()) {
      checkArgument(source, ["steps", name, key, index], step, names);
    }
  }
}

function checkArgument(source: Source, path: Path, step: RawStep, names: string[]): void {
  const argument = source.text(path);
  if (argument.includes("\0")) source.add(path, `${fieldName(path)} must hold no NUL character`);
  const parts = parseTemplate(argument);
  if (!Array.isArray(parts)) return source.add(path, `${fieldName(path)}: ${parts.message}`);
  for (const part of parts) {
    if ("placeholder" in part) checkPlaceholder(source, path, part.placeholder, step, names);
  }
}

function checkPlaceholder(
  source: Source,
  path: Path,
  placeholder: string,
  step: RawStep,
  names: string[],
): void {
  const parameters = entriesAt(source, "parameters").map(([name]) => name);
  const needs = step.needs ?? [];
  if (placeholder === "out" || parameters.includes(placeholder)) return;
  const need = /^steps\.(.*)$/s.exec(placeholder)?.[1];
  if (need !== undefined && needs.includes(need)) return;
  if (need !== undefined && names.includes(need)) {
    const list = [...needs, need].join(", ");
    return source.add(path, `{${placeholder}} must be listed in the needs of its step: needs: [${list}]`);
  }
  const known = ["out", ...parameters, ...needs.map((name) => `steps.${name}`)];
  const hint = didYouMean(placeholder, known) || `, known are ${known.map((name) => `{${name}}`).join(", ")}`;
  source.add(path, `{${placeholder}} is no placeholder${hint}; a literal brace is doubled`);
}

function checkStepPaths(source: Source, name: string, step: RawStep): void {
  const path = ["steps", name];
  checkPath(source, [...path, "notebook"], step.notebook);
  if (step.notebook !== undefined && !step.notebook.endsWith(".ipynb")) {
    source.add(
      [...path, "notebook"],
      `${fieldName(path)}.notebook must be an .ipynb file, current value is ${JSON.stringify(step.notebook)}`,
    );
  }
  for (const [index, input] of (step.inputs ?? []).entries()) {
    checkPath(source, [...path, "inputs", index], input);
  }
  const seen = new Set<string>();
  for (const [index, product] of (step.produces ?? []).entries()) {
    const at = [...path, "produces", index];
    checkPath(source, at, product, "the step's own folder");
    if (seen.has(tidyPath(product))) {
      source.add(at, `${fieldName(at)} must stand once, "${product}" is listed before`);
    }
    seen.add(tidyPath(product));
  }
}

function checkCycles(source: Source, steps: Map<string, RawStep>): void {
  const done = new Set<string>();
  const follow = (name: string, trail: string[]): void => {
    const from = trail.indexOf(name);
    if (from >= 0) {
      const cycle = [...trail.slice(from), name].join(" → ");
      return source.add(["steps", name, "needs"], `steps must not need each other in a circle: ${cycle}`);
    }
    if (done.has(name)) return;
    for (const need of steps.get(name)?.needs ?? []) follow(need, [...trail, name]);
    done.add(name);
  };
  for (const name of steps.keys()) follow(name, []);
}

function checkClaims(source: Source): void {
  const claims = Array.isArray(source.data.claims) ? source.data.claims : [];
  const steps = entriesAt(source, "steps").map(([name]) => name);
  const seen = new Map<string, number>();
  for (const [index, claim] of claims.entries()) {
    const path = ["claims", index];
    const fields = soundFields(claimSchema, claim);
    const earlier = seen.get(fields.name ?? "");
    if (earlier !== undefined) {
      source.add(
        [...path, "name"],
        `claims must have different names, this is also the name of claims[${earlier}]`,
      );
    } else if (fields.name !== undefined) seen.set(fields.name, index);
    checkFrom(source, path, fields, steps);
    checkValue(source, path, fields);
    checkTolerance(source, path, fields);
  }
}

function checkFrom(source: Source, path: Path, claim: RawClaim, steps: string[]): void {
  const at = [...path, "from"];
  if (claim.from === undefined) return;
  const parsed = parseSource(claim.from);
  if ("problem" in parsed) {
    return source.add(at, `${fieldName(at)} ${parsed.problem}, current value is ${source.show(at)}`);
  }
  if (!steps.includes(parsed.step)) {
    const hint = didYouMean(parsed.step, steps) || `, the steps are ${steps.join(", ")}`;
    source.add(at, `${fieldName(at)} must begin with a step, "${parsed.step}" is none${hint}`);
  }
  const isHash = typeof claim.value === "string" && /^[\da-f]{64}$/i.test(claim.value);
  if (parsed.kind === "sha256" && claim.value !== undefined && !isHash) {
    const value = [...path, "value"];
    source.add(
      value,
      `${fieldName(value)} must be 64 hexadecimal digits in quotes, current value is ${source.show(value)}`,
    );
  }
}

function checkValue(source: Source, path: Path, claim: RawClaim): void {
  if (claim.value === undefined) return;
  const at = [...path, "value"];
  const field = fieldName(at);
  checkScalar(source, at, claim.value);
  const decimal = typeof claim.value === "number" ? parseDecimal(source.text(at)) : undefined;
  if (typeof claim.value === "number" && !decimal) {
    return source.add(
      at,
      `${field} must be a decimal number, e.g. 86.10, current value is ${source.text(at)}`,
    );
  }
  if (claim.of === undefined) return;
  if (!decimal) {
    return source.add(
      at,
      `${field} must be a percentage because of: ${claim.of} is given, current value is ${source.show(at)}`,
    );
  }
  const problem = countProblem(source.text(at), claim.of);
  if (problem) source.add(at, `${field} must be the percentage of a count of ${claim.of}: ${problem}`);
}

/** Why a printed percentage does not stand for one count of n. */
function countProblem(text: string, n: number): string | undefined {
  const value = parseDecimal(text)!;
  const { first, last } = countsOf(value, n);
  if (first === last) return undefined;
  if (first < last) {
    const decimals = Math.max(decimalsToTell(n), value.scale + 1);
    return `${text} is ambiguous, it stands for ${first} to ${last}; give ${decimals} decimals, e.g. ${
      percentageOf(first, n, decimals)
    }`;
  }
  const below = Math.min(Math.max(Math.floor(Number(text) * n / 100), 0), n - 1);
  const show = (count: number) => `${count} (${percentageOf(count, n, value.scale)})`;
  return `${text} is no count of ${n}; nearest are ${show(below)} and ${show(below + 1)}`;
}

function checkTolerance(source: Source, path: Path, claim: RawClaim): void {
  const { tolerance } = claim;
  if (!tolerance || claim.value === undefined) return;
  const at = [...path, "tolerance"];
  const field = fieldName(at);
  const given = (["samples", "absolute", "relative"] as const).filter((kind) =>
    tolerance[kind] !== undefined
  );
  if (given.length !== 1) {
    const found = given.length === 0 ? "none" : given.join(" and ");
    source.add(at, `${field} must have one of samples, absolute and relative, it has ${found}`, "key");
  }
  if (tolerance.because.trim() === "") {
    source.add([...at, "because"], `${field}.because must say where the tolerance is from, it is empty`);
  }
  if (typeof claim.value !== "number") {
    source.add(
      at,
      `${field} must be left out, ${source.show([...path, "value"])} is compared exactly`,
      "key",
    );
  } else if (
    tolerance.samples !== undefined && claim.of === undefined &&
    !/^[+-]?\d+$/.test(source.text([...path, "value"]))
  ) {
    source.add(
      [...at, "samples"],
      `${field}.samples must go with of (or with a whole value), e.g. of: 360`,
      "key",
    );
  } else if (tolerance.samples === undefined && given.length === 1 && claim.of !== undefined) {
    source.add(
      [...at, given[0]!],
      `${field} must be in samples because of: ${claim.of} is given, e.g. samples: 1`,
      "key",
    );
  }
}

function convert(source: Source, file: string, root: string): Experiment {
  const data = source.data as z.infer<typeof schema>;
  return {
    name: data.name,
    title: data.title,
    file,
    root,
    environment: convertEnvironment(data.environment ?? {}),
    parameters: mapRecord(
      data.parameters ?? {},
      (value, name) => ({ value, text: source.text(["parameters", name]) }),
    ),
    steps: mapRecord(data.steps, (step, name) => convertStep(source, step, name)),
    claims: (data.claims ?? []).map((claim, index) => convertClaim(source, claim, index)),
  };
}

/** Without a prototype, so that no name (`constructor`) is found that nobody wrote. */
function mapRecord<T, U>(
  record: Record<string, T>,
  convert: (value: T, name: string) => U,
): Record<string, U> {
  const result: Record<string, U> = Object.create(null);
  for (const [name, value] of Object.entries(record)) result[name] = convert(value, name);
  return result;
}

function convertEnvironment(environment: z.infer<typeof environmentSchema>): Environment {
  const { image, requirements, gpus, shm_size } = environment;
  return {
    image,
    requirements: requirements && tidyPath(requirements),
    gpus: Array.isArray(gpus) ? gpus.map(String) : gpus ?? "none",
    shmSize: shm_size,
  };
}

function convertStep(source: Source, step: z.infer<typeof stepSchema>, name: string): Step {
  const texts = (key: "run" | "resume") =>
    step[key]?.map((_, index) => source.text(["steps", name, key, index]));
  return {
    name,
    run: texts("run"),
    notebook: step.notebook && tidyPath(step.notebook),
    needs: step.needs ?? [],
    produces: (step.produces ?? []).map(tidyPath),
    inputs: step.inputs?.map(tidyPath),
    resume: texts("resume"),
  };
}

function convertClaim(source: Source, claim: z.infer<typeof claimSchema>, index: number): Claim {
  const from = parseSource(claim.from);
  if ("problem" in from) throw new Error(`claims[${index}].from was not checked`);
  return {
    name: claim.name,
    from,
    value: claim.value,
    text: source.text(["claims", index, "value"]),
    unit: claim.unit,
    of: claim.of,
    tolerance: claim.tolerance,
    line: source.line(["claims", index]),
  };
}

/**
 * The named steps and all that they need, in the order to run them: what is needed comes first,
 * otherwise the order of the file.
 *
 * @throws {Failure} 2 if there is no such step
 */
export function stepOrder(experiment: Experiment, names: readonly string[]): string[] {
  const all = Object.keys(experiment.steps);
  const wanted = new Set<string>();
  const want = (name: string): void => {
    const step = Object.hasOwn(experiment.steps, name) ? experiment.steps[name] : undefined;
    if (!step) throw unknownStep(experiment, name);
    if (wanted.has(name)) return;
    wanted.add(name);
    step.needs.forEach(want);
  };
  names.forEach(want);
  const order: string[] = [];
  while (order.length < wanted.size) {
    const next = all.find((name) =>
      wanted.has(name) && !order.includes(name) &&
      experiment.steps[name]!.needs.every((need) => order.includes(need))
    );
    if (next === undefined) {
      throw new Failure(2, `Cannot order the steps of "${experiment.name}": they need each other`);
    }
    order.push(next);
  }
  return order;
}

function unknownStep(experiment: Experiment, name: string): Failure {
  const all = Object.keys(experiment.steps);
  const hint = didYouMean(name, all);
  const message = `Cannot find step ${JSON.stringify(name)} in ${
    relative(experiment.root, experiment.file)
  }${hint}`;
  return new Failure(2, message, { remedy: `The steps are ${all.join(", ")}` });
}

/**
 * Reads the experiment that a user means.
 *
 * @param which nothing for `experiment.yaml` of the project; a name for `experiments/<name>/experiment.yaml`;
 * or a path of a YAML file, or of a folder that holds an `experiment.yaml`
 * @param cwd absolute path of the folder the user stands in
 * @throws {Failure} 2 if there is none (listing those there are), or with all its problems
 */
export async function readExperiment(which: string | undefined, cwd: string): Promise<Experiment> {
  const file = await findExperiment(which, cwd);
  const root = await nearestAncestor(dirname(file), ["deno.json"]) ?? dirname(file);
  return parseExperiment(await readText(file, root), file, root);
}

async function readText(file: string, root: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await Deno.readFile(file));
  } catch (error) {
    const reason = error instanceof TypeError ? "it must be UTF-8 text" : (error as Error).message;
    throw new Failure(2, `Cannot read ${relative(root, file)}: ${reason}`);
  }
}

async function findExperiment(which: string | undefined, cwd: string): Promise<string> {
  const root = await nearestAncestor(cwd, ["deno.json"]) ?? await nearestAncestor(cwd, ["experiment.yaml"]) ??
    cwd;
  const candidates = which === undefined
    ? [join(await nearestAncestor(cwd, ["experiment.yaml", "deno.json"]) ?? cwd, "experiment.yaml")]
    : isPath(which)
    ? [resolve(cwd, which), resolve(cwd, which, "experiment.yaml")]
    : [join(root, "experiments", which, "experiment.yaml"), resolve(cwd, which, "experiment.yaml")];
  for (const candidate of candidates) if (await isFile(candidate)) return candidate;
  const main = join(root, "experiment.yaml");
  if (which !== undefined && await nameIn(main) === which) return main;
  throw await notFound(which, root);
}

function isPath(which: string): boolean {
  return /[/\\]/.test(which) || /\.ya?ml$/.test(which) || which === "." || which === "..";
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false);
}

/** What a file gives as the experiment's name, without reading the rest of it. */
async function nameIn(file: string): Promise<string | undefined> {
  const text = await Deno.readTextFile(file).catch(() => "");
  return /^name:[ \t]*["']?([a-z0-9_-]+)/m.exec(text)?.[1];
}

async function nearestAncestor(folder: string, names: string[]): Promise<string | undefined> {
  for (let at = resolve(folder);; at = dirname(at)) {
    for (const name of names) if (await isFile(join(at, name))) return at;
    if (at === dirname(at)) return undefined;
  }
}

async function notFound(which: string | undefined, root: string): Promise<Failure> {
  const names = await experimentNames(root);
  const main = await nameIn(join(root, "experiment.yaml"));
  const all = main === undefined ? names : [main, ...names];
  const wanted = which === undefined ? "experiment.yaml" : `experiment ${JSON.stringify(which)}`;
  const hint = which === undefined ? "" : didYouMean(which, all);
  const remedy = all.length === 0
    ? `Write an experiment.yaml, e.g.\n${LEAST}`
    : `The experiments are ${all.join(", ")}; a path of a YAML file will do, too`;
  return new Failure(2, `Cannot find ${wanted}${hint}`, { remedy });
}

async function experimentNames(root: string): Promise<string[]> {
  const names = [];
  try {
    for await (const entry of Deno.readDir(join(root, "experiments"))) {
      if (await isFile(join(root, "experiments", entry.name, "experiment.yaml"))) names.push(entry.name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}
