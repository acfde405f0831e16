/** What is wrong with an experiment.yaml: its shape, and what a schema can't say. */

import type * as z from "zod/mini";
import { didYouMean, suggest } from "../cli/suggest.ts";
import { checkClaims } from "./claim_checks.ts";
import { checkSweep } from "./sweep_checks.ts";
import { checkData } from "./data_checks.ts";
import { checkName, checkNoPattern, checkPath, checkScalar, entriesAt, soundFields } from "./field_checks.ts";
import { tidyPath } from "../values/relative_path.ts";
import { OWN_PLACEHOLDERS, RESERVED_PARAMETERS } from "./reserved_names.ts";
import { parsePlace } from "./parameter_files.ts";
import {
  A_PARAMETER_NAME,
  environmentSchema,
  experimentSchema,
  keysAt,
  PARAMETER,
  PARAMETER_NAME,
  type RawStep as WholeStep,
  stepSchema,
} from "./schema.ts";
import { parseTemplate } from "./template.ts";
import { fieldName, type Path, YamlDocument } from "./yaml_document.ts";

/** Fields that are missing here were wrong in themselves, and are reported already. */
type RawStep = Partial<WholeStep>;

/** Adds every problem to the document. Looks at all that is right in itself, also when something else is wrong. */
export function checkExperiment(document: YamlDocument): void {
  checkSchema(document);
  checkEnvironment(document);
  checkParameters(document);
  checkData(document);
  checkSteps(document);
  checkClaims(document);
  checkSweep(document);
}

function checkSchema(document: YamlDocument): void {
  const result = experimentSchema.safeParse(document.data);
  document.wellFormed = result.success;
  for (const issue of (result.error?.issues ?? []).flatMap(ofMeantForm)) {
    const path = issue.path as Path;
    if (issue.code === "unrecognized_keys") unknownKeys(document, path, issue.keys);
    // Names are looked at by `checkName`: zod leaves out "__proto__".
    else if (issue.code !== "invalid_key") wrongValue(document, path, issue.message);
  }
}

type Issue = z.core.$ZodIssue;

/** What may be a mapping or a list of such, as a tolerance may, has the problems of the one that it is. */
function ofMeantForm(issue: Issue): Issue[] {
  if (issue.code !== "invalid_union" || issue.path[0] !== "claims") return [issue];
  const isOfForm = (issues: Issue[]) =>
    issues.every(({ code, path }) => path.length > 0 || code !== "invalid_type");
  const meant = issue.errors.find(isOfForm);
  return meant?.map((one) => ({ ...one, path: [...issue.path, ...one.path] })) ?? [issue];
}

function unknownKeys(document: YamlDocument, path: Path, keys: string[]): void {
  const known = keysAt(path);
  for (const key of keys) {
    const where = path.length === 0 ? "" : ` in ${fieldName(path)}`;
    const hint = didYouMean(key, known) || `, the keys are ${known.join(", ")}`;
    document.add([...path, key], `key ${JSON.stringify(key)}${where} is unknown${hint}`, "key");
  }
}

function wrongValue(document: YamlDocument, path: Path, expected: string): void {
  const field = path.length === 0 ? "the file" : fieldName(path);
  if (!document.has(path)) {
    return document.add(path.slice(0, -1), `${field} is missing, it must be ${expected}`, "key");
  }
  document.add(
    path,
    `${field} must be ${expected}${asList(document, path)}, current value is ${document.show(path)}`,
  );
}

/** For a shell string where an argument list is expected: the list. */
function asList(document: YamlDocument, path: Path): string {
  if (path[0] !== "steps" || path.length !== 3 || path[2] !== "run" || !document.text(path).trim()) return "";
  const words = document.text(path).match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  const bare = words.map((word) => word.replace(/^(["'])(.*)\1$/s, "$2"));
  const items = bare.map((word) => /^[\w./-]+$/.test(word) ? word : JSON.stringify(word));
  return ` (here perhaps [${items.join(", ")}])`;
}

function checkEnvironment(document: YamlDocument): void {
  const { requirements } = soundFields(document, environmentSchema, document.data.environment);
  const path = ["environment", "requirements"];
  // The project itself is a folder to look in.
  if (requirements === ".") return;
  if (!Array.isArray(requirements)) return checkPath(document, path, requirements);
  for (const [index, file] of requirements.entries()) checkPath(document, [...path, index], file);
}

function checkParameters(document: YamlDocument): void {
  for (const key of ["parameters", "params"]) {
    for (const [name, value] of entriesAt(document, key)) {
      const path = [key, name];
      checkName(document, path, name, [PARAMETER_NAME, A_PARAMETER_NAME]);
      if (RESERVED_PARAMETERS.includes(name)) {
        document.add(
          path,
          `parameter "${name}" must be called something else, ${
            OWN_PLACEHOLDERS.includes(name) ? `{${name}} is a folder` : `--${name} is an option of the tasks`
          }`,
          "key",
        );
      }
      checkScalar(document, path, value);
      if (value === null && document.show(path) === "empty") {
        document.add(path, `${key}.${name} must be ${PARAMETER}, current value is empty`);
      }
      checkForeignName(document, path, name);
    }
  }
  for (const [name, place] of entriesAt(document, "params")) {
    const parsed = typeof place === "string" ? parsePlace(place) : undefined;
    if (typeof parsed !== "string") continue;
    document.add(
      ["params", name],
      `params.${name} ${parsed}, current value is ${document.show(["params", name])}`,
    );
  }
}

/** Names that a notebook or a script of the experiment can't have. */
function checkForeignName(document: YamlDocument, path: Path, name: string): void {
  const steps = entriesAt(document, "steps");
  const stepWith = (key: string) =>
    steps.find(([, step]) => typeof step === "object" && step !== null && Object.hasOwn(step, key))?.[0];
  const notebook = stepWith("notebook");
  if (notebook !== undefined && (!/^[A-Za-z_]\w*$/.test(name) || PYTHON_KEYWORDS.has(name))) {
    const problem = PYTHON_KEYWORDS.has(name) ? "is a word of Python's own" : "is no name in Python";
    document.add(
      path,
      `parameter "${name}" must be called something else, it ${problem}, and the notebook of step "${notebook}" gets it`,
      "key",
    );
  }
  const shell = stepWith("shell");
  if (shell === undefined) return;
  const variable = name.replaceAll("-", "_");
  const twin = parameterNames(document).find((other) =>
    other !== name && other.replaceAll("-", "_") === variable
  );
  const problem = SHELL_VARIABLES.test(variable)
    ? "the shell has a variable of that name"
    : !/^[A-Za-z_]/.test(variable)
    ? "no variable begins with a digit"
    : twin !== undefined
    ? `"${twin}" is the same variable, $${variable}`
    : undefined;
  if (problem === undefined) return;
  document.add(
    path,
    `parameter "${name}" must be called something else, ${problem}, and step "${shell}" is a script`,
    "key",
  );
}

/** What bash, the loader of programs, Python and the runner read. */
const SHELL_VARIABLES =
  /^(?:PATH|HOME|USER|SHELL|IFS|ENV|PWD|OLDPWD|TERM|UID|EUID|PPID|TMPDIR|LANG|LC_.*|BASH.*|SHELLOPTS|PS\d|LD_.*|DYLD_.*|PYTHON.*|EXPERIMENT_.*)$/;

/** Of Python 3, https://docs.python.org/3/reference/lexical_analysis.html#keywords */
const PYTHON_KEYWORDS = new Set(
  ("False None True and as assert async await break class continue def del elif else except finally for from global " +
    "if import in is lambda nonlocal not or pass raise return try while with yield").split(" "),
);

function parameterNames(document: YamlDocument): string[] {
  return ["parameters", "params"].flatMap((key) => entriesAt(document, key).map(([name]) => name));
}

function checkSteps(document: YamlDocument): void {
  const all = entriesAt(document, "steps");
  const names = all.map(([name]) => name);
  if (all.length === 0 && document.keys(["steps"])) {
    document.add(["steps"], "steps must hold at least one step, e.g. { train: { run: [python, train.py] } }");
  }
  const steps = new Map(all.map(([name, step]) => [name, soundFields(document, stepSchema, step)]));
  for (const [name, step] of steps) {
    checkName(document, ["steps", name], name);
    checkKindOfStep(document, name, step);
    checkNeeds(document, name, step, names);
    checkDataNames(document, name, step);
    checkArguments(document, name, step, names);
    checkStepPaths(document, name, step);
  }
  checkCycles(document, steps);
}

function checkKindOfStep(document: YamlDocument, name: string, step: RawStep): void {
  const path = ["steps", name];
  const field = fieldName(path);
  const keys = document.keys(path);
  // Of a mistyped key it is said already that it is unknown.
  if (!keys || keys.some((key) => !keysAt(path).includes(key))) return;
  const kinds = ["run", "shell", "notebook"].filter((kind) => keys.includes(kind));
  const hasRun = kinds.includes("run");
  if (kinds.length > 1) {
    document.add(
      path,
      `${field} must have one of run, shell and notebook, it has ${kinds.join(" and ")}`,
      "key",
    );
  } else if (kinds.length === 0) {
    document.add(path, `${field} must have run, shell or notebook, e.g. run: [python, train.py]`, "key");
  }
  if (step.tty && kinds.includes("notebook")) {
    document.add([...path, "tty"], `${field}.tty goes with run or shell, a notebook has no terminal`, "key");
  }
  if (step.resume && !hasRun) {
    document.add(
      [...path, "resume"],
      `${field}.resume goes with run, it adds arguments to the command`,
      "key",
    );
  }
}

function checkNeeds(document: YamlDocument, name: string, step: RawStep, names: string[]): void {
  const seen = new Set<string>();
  for (const [index, need] of (step.needs ?? []).entries()) {
    const path = ["steps", name, "needs", index];
    if (!names.includes(need)) {
      const hint = didYouMean(need, names) || `, the steps are ${names.join(", ")}`;
      document.add(path, `step "${name}" needs "${need}", which is not a step${hint}`);
    } else if (seen.has(need)) document.add(path, `step "${name}" must name "${need}" once in needs`);
    seen.add(need);
  }
}

function checkDataNames(document: YamlDocument, name: string, step: RawStep): void {
  const known = entriesAt(document, "data").map(([name]) => name);
  for (const [index, data] of (step.data ?? []).entries()) {
    if (known.includes(data)) continue;
    const others = known.length === 0 ? ", the experiment declares none" : `, known are ${known.join(", ")}`;
    const hint = didYouMean(data, known) || others;
    document.add(
      ["steps", name, "data", index],
      `step "${name}" reads "${data}", which is not declared in data${hint}`,
    );
  }
}

function checkArguments(document: YamlDocument, name: string, step: RawStep, names: string[]): void {
  for (const key of ["run", "resume"] as const) {
    for (const [index] of (step[key] ?? []).entries()) {
      checkArgument(document, ["steps", name, key, index], step, names);
    }
  }
  for (const [variable] of Object.entries(step.env ?? {})) {
    checkArgument(document, ["steps", name, "env", variable], step, names);
  }
  if (step.shell?.includes("\0")) {
    document.add(["steps", name, "shell"], `steps.${name}.shell must hold no NUL character`);
  }
  checkVariables(document, name, step);
}

/** Variables by which the runner finds the processes of a run, and what a secret would show. */
function checkVariables(document: YamlDocument, name: string, step: RawStep): void {
  for (const variable of Object.keys(step.env ?? {})) {
    const at = ["steps", name, "env", variable];
    if (variable.startsWith("EXPERIMENT_")) {
      document.add(
        at,
        `${fieldName(at)} must be called something else, EXPERIMENT_… are the runner's own`,
        "key",
      );
    }
    if (step.secrets?.includes(variable)) {
      document.add(at, `${fieldName(at)} must stand in env or in secrets, it is in both`, "key");
    }
  }
}

function checkArgument(document: YamlDocument, path: Path, step: RawStep, names: string[]): void {
  const argument = document.text(path);
  if (argument.includes("\0")) document.add(path, `${fieldName(path)} must hold no NUL character`);
  const parts = parseTemplate(argument);
  if (!Array.isArray(parts)) return document.add(path, `${fieldName(path)}: ${parts.message}`);
  for (const part of parts) {
    if ("placeholder" in part) checkPlaceholder(document, path, part.placeholder, step, names);
  }
}

function checkPlaceholder(
  document: YamlDocument,
  path: Path,
  placeholder: string,
  step: RawStep,
  names: string[],
): void {
  const parameters = parameterNames(document);
  const needs = step.needs ?? [];
  const places = [...OWN_PLACEHOLDERS, ...entriesAt(document, "data").map(([name]) => `data.${name}`)];
  if (places.includes(placeholder) || parameters.includes(placeholder)) return;
  const need = /^steps\.(.*)$/s.exec(placeholder)?.[1];
  if (need !== undefined && needs.includes(need)) return;
  if (need !== undefined && names.includes(need)) {
    const list = [...needs, need].join(", ");
    return document.add(path, `{${placeholder}} must be listed in the needs of its step: needs: [${list}]`);
  }
  const known = [...places, ...parameters, ...needs.map((name) => `steps.${name}`)];
  const meant = suggest(placeholder, known);
  const hint = meant === undefined
    ? `, known are ${known.map((name) => `{${name}}`).join(", ")}; a literal brace is doubled`
    : `, did you mean {${meant}}?`;
  document.add(path, `{${placeholder}} is not a placeholder${hint}`);
}

function checkStepPaths(document: YamlDocument, name: string, step: RawStep): void {
  const path = ["steps", name];
  checkPath(document, [...path, "notebook"], step.notebook);
  if (step.notebook !== undefined && !step.notebook.endsWith(".ipynb")) {
    document.add(
      [...path, "notebook"],
      `${fieldName(path)}.notebook must be an .ipynb file, current value is ${JSON.stringify(step.notebook)}`,
    );
  }
  for (const [index, input] of (step.inputs ?? []).entries()) {
    checkPath(document, [...path, "inputs", index], input);
    checkNoPattern(document, [...path, "inputs", index], input);
  }
  checkPath(document, [...path, "cwd"], step.cwd);
  checkOutputs(document, path, step.outputs ?? []);
  const seen = new Set<string>();
  for (const [index, product] of (step.produces ?? []).entries()) {
    const at = [...path, "produces", index];
    checkPath(document, at, product, "the step's own folder");
    checkNoPattern(document, at, product);
    if (seen.has(tidyPath(product))) {
      document.add(at, `${fieldName(at)} must stand once, "${product}" is listed before`);
    }
    seen.add(tidyPath(product));
  }
}

/** What a step writes is moved to the run folder, so it can't be what the project is made of. */
function checkOutputs(document: YamlDocument, path: Path, outputs: string[]): void {
  const places = entriesAt(document, "data").flatMap(([, data]) => {
    const to = (data as { to?: unknown } | null)?.to;
    return typeof to === "string" ? [tidyPath(to)] : [];
  });
  const seen: string[] = [];
  for (const [index, output] of outputs.entries()) {
    const at = [...path, "outputs", index];
    const tidy = tidyPath(output);
    checkPath(document, at, tidy);
    checkNoPattern(document, at, output);
    const data = places.find((place) => isBelow(place, tidy) || isBelow(tidy, place));
    const other = seen.find((one) => isBelow(one, tidy) || isBelow(tidy, one));
    const problem = OWN_FOLDERS.test(tidy)
      ? "must be what a step writes, not a folder of the tasks or of git"
      : data !== undefined
      ? `must be elsewhere than the data in ${data}`
      : other !== undefined
      ? `must stand once, "${other}" is listed before`
      : undefined;
    if (problem !== undefined) {
      document.add(at, `${fieldName(at)} ${problem}, current value is ${document.show(at)}`);
    }
    seen.push(tidy);
  }
}

const OWN_FOLDERS = /^(?:\.git|\.venv|\.cache|\.set-aside|runs|experiment\.yaml)(?:\/|$)/;

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function checkCycles(document: YamlDocument, steps: Map<string, RawStep>): void {
  const done = new Set<string>();
  const follow = (name: string, trail: string[]): void => {
    const from = trail.indexOf(name);
    if (from >= 0) {
      const cycle = [...trail.slice(from), name].join(" → ");
      return document.add(["steps", name, "needs"], `steps must not need each other in a circle: ${cycle}`);
    }
    if (done.has(name)) return;
    for (const need of steps.get(name)?.needs ?? []) follow(need, [...trail, name]);
    done.add(name);
  };
  for (const name of steps.keys()) follow(name, []);
}
