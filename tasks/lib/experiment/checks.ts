/** What is wrong with an experiment.yaml: its shape, and what a schema can't say. */

import type * as z from "zod/mini";
import { didYouMean, suggest } from "../cli/suggest.ts";
import { checkClaims } from "./claim_checks.ts";
import { checkData } from "./data_checks.ts";
import { checkName, checkPath, checkScalar, entriesAt, soundFields } from "./field_checks.ts";
import { tidyPath } from "../values/relative_path.ts";
import { OWN_PLACEHOLDERS, RESERVED_PARAMETERS } from "./reserved_names.ts";
import {
  environmentSchema,
  experimentSchema,
  keysAt,
  type RawStep as WholeStep,
  stepSchema,
} from "./schema.ts";
import { parseTemplate } from "./template.ts";
import { fieldName, type Path, Source } from "./yaml_source.ts";

/** Fields that are missing here were wrong in themselves, and are reported already. */
type RawStep = Partial<WholeStep>;

/** Adds every problem to the source. Looks at all that is right in itself, also when something else is wrong. */
export function checkExperiment(source: Source): void {
  checkSchema(source);
  checkEnvironment(source);
  checkParameters(source);
  checkData(source);
  checkSteps(source);
  checkClaims(source);
}

function checkSchema(source: Source): void {
  const result = experimentSchema.safeParse(source.data);
  source.wellFormed = result.success;
  for (const issue of (result.error?.issues ?? []).flatMap(ofMeantForm)) {
    const path = issue.path as Path;
    if (issue.code === "unrecognized_keys") unknownKeys(source, path, issue.keys);
    // Names are looked at by `checkName`: zod leaves out "__proto__".
    else if (issue.code !== "invalid_key") wrongValue(source, path, issue.message);
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
  const words = source.text(path).match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  const bare = words.map((word) => word.replace(/^(["'])(.*)\1$/s, "$2"));
  const items = bare.map((word) => /^[\w./-]+$/.test(word) ? word : JSON.stringify(word));
  return ` (here perhaps [${items.join(", ")}])`;
}

function checkEnvironment(source: Source): void {
  const { requirements } = soundFields(source, environmentSchema, source.data.environment);
  checkPath(source, ["environment", "requirements"], requirements);
}

function checkParameters(source: Source): void {
  for (const [name, value] of entriesAt(source, "parameters")) {
    const path = ["parameters", name];
    checkName(source, path, name);
    if (RESERVED_PARAMETERS.includes(name)) {
      source.add(
        path,
        `parameter "${name}" must be called something else, ${
          OWN_PLACEHOLDERS.includes(name) ? `{${name}} is a folder` : `--${name} is an option of the tasks`
        }`,
        "key",
      );
    }
    checkScalar(source, path, value);
  }
}

function checkSteps(source: Source): void {
  const all = entriesAt(source, "steps");
  const names = all.map(([name]) => name);
  if (all.length === 0 && source.keys(["steps"])) {
    source.add(["steps"], "steps must hold at least one step, e.g. { train: { run: [python, train.py] } }");
  }
  const steps = new Map(all.map(([name, step]) => [name, soundFields(source, stepSchema, step)]));
  for (const [name, step] of steps) {
    checkName(source, ["steps", name], name);
    checkKindOfStep(source, name, step);
    checkNeeds(source, name, step, names);
    checkDataNames(source, name, step);
    checkArguments(source, name, step, names);
    checkStepPaths(source, name, step);
  }
  checkCycles(source, steps);
}

function checkKindOfStep(source: Source, name: string, step: RawStep): void {
  const path = ["steps", name];
  const field = fieldName(path);
  const keys = source.keys(path);
  // Of a mistyped key it is said already that it is unknown.
  if (!keys || keys.some((key) => !keysAt(path).includes(key))) return;
  const hasRun = keys.includes("run");
  const hasNotebook = keys.includes("notebook");
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

function checkDataNames(source: Source, name: string, step: RawStep): void {
  const known = entriesAt(source, "data").map(([name]) => name);
  for (const [index, data] of (step.data ?? []).entries()) {
    if (known.includes(data)) continue;
    const others = known.length === 0 ? ", the experiment declares none" : `, known are ${known.join(", ")}`;
    const hint = didYouMean(data, known) || others;
    source.add(["steps", name, "data", index], `step "${name}" reads "${data}", which is no data${hint}`);
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
  const places = [...OWN_PLACEHOLDERS, ...entriesAt(source, "data").map(([name]) => `data.${name}`)];
  if (places.includes(placeholder) || parameters.includes(placeholder)) return;
  const need = /^steps\.(.*)$/s.exec(placeholder)?.[1];
  if (need !== undefined && needs.includes(need)) return;
  if (need !== undefined && names.includes(need)) {
    const list = [...needs, need].join(", ");
    return source.add(path, `{${placeholder}} must be listed in the needs of its step: needs: [${list}]`);
  }
  const known = [...places, ...parameters, ...needs.map((name) => `steps.${name}`)];
  const meant = suggest(placeholder, known);
  const hint = meant === undefined
    ? `, known are ${known.map((name) => `{${name}}`).join(", ")}; a literal brace is doubled`
    : `, did you mean {${meant}}?`;
  source.add(path, `{${placeholder}} is no placeholder${hint}`);
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
