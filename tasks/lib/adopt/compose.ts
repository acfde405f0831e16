/** From all that was found to what is proposed: which steps, in which order, with which parameters and claims. */

import { basename, dirname, join, normalize, relative } from "node:path/posix";
import { isNamed } from "../environment/format.ts";
import { FORMATS } from "../environment/formats/index.ts";
import { PARAMETER_NAME } from "../experiment/schema.ts";
import { RESERVED_PARAMETERS } from "../experiment/reserved_names.ts";
import {
  type ClaimDraft,
  type Draft,
  type Found,
  type KindSteps,
  type ParameterDraft,
  type StepDraft,
  stepName,
  STORES_NOTHING,
} from "./draft.ts";
import { missingNotes, writersOfMissing } from "./missing_inputs.ts";
import { dayOfMost } from "./kinds/last_change.ts";
import { packagesOf, unnamedPackages } from "./kinds/imports.ts";
import { withoutNested } from "./plain_step.ts";
import type { OptionFact, PythonFacts } from "./python_facts.ts";
import type { Repository } from "./repository.ts";
import { storedResults } from "./stored_results.ts";

export interface Proposal {
  name: Found<string>;
  title?: Found<string>;
  requirements?: Found<string[]>;
  install: Found<string[]>[];
  python?: Found<string>;
  asOf?: Found<string>;
  image?: Found<string>;
  gpus?: Found<"optional">;
  /** Other environment files, Pythons and images. */
  otherEnvironments: Found<string>[];
  steps: Found<StepDraft>[];
  /** Comments only: what a person may choose instead. */
  otherSteps: Found<StepDraft>[];
  parameters: Found<ParameterDraft>[];
  params: Found<{ name: string; place: string }>[];
  /** Constants of notebooks, which would be parameters if their cell were tagged. */
  constants: Found<ParameterDraft>[];
  claims: Found<ClaimDraft>[];
  otherClaims: Found<ClaimDraft>[];
  notes: string[];
}

/** @param from the file that the steps are to come from, where a person says so */
export async function compose(repository: Repository, draft: Draft, from?: string): Promise<Proposal> {
  const { chosen, others, notes } = choose(draft.kinds, from);
  const python = await repository.python();
  const steps = chosen.map((step) => ({ ...step, value: { ...step.value } }));
  const parameters = draft.parameters.filter(({ value, found }) =>
    steps.some((step) => step.value.notebook !== undefined && found.startsWith(`${step.value.notebook},`)) ||
    steps.some((step) => step.value.run?.some((word) => word.includes(`{${value.name}}`)))
  );
  const taken = assignedByNotebooks(steps, python);
  const addAllFiles = () => {
    for (const { value: step } of steps) addFiles(step, python.get(step.sources[0] ?? ""), repository);
  };
  addAllFiles();
  steps.unshift(...writersOfMissing(repository, steps, draft, python));
  addAllFiles();
  for (const { value: step } of steps) addRootToPath(step, python, repository);
  for (const { value: step, found } of steps) {
    const facts = python.get(step.sources[0] ?? "");
    addOutFolder(step, facts, steps.map(({ value }) => value));
    addParameters({ step, found }, facts, parameters, taken, repository);
  }
  addNeeds(steps.map(({ value }) => value));
  const drafts = steps.map(({ value }) => value);
  markIndependent(drafts);
  notes.push(...missingNotes(repository, steps, python));
  const active = new Set(drafts.map(({ name }) => name));
  const isOfStep = ({ value }: Found<ClaimDraft>) => active.has(value.from.split(/[/~]/)[0]!);
  const all = [...draft.claims, ...await storedResults(repository, drafts)].map((claim) =>
    claim.value.from.startsWith("?") ? withStep(claim, drafts.at(-1)?.name ?? "train") : claim
  );
  const claims = all.filter((claim) => isOfStep(claim) && claim.value.doubt === undefined);
  const left = all.filter((claim) => !isOfStep(claim) && claim.value.doubt === undefined).length;
  if (left > 0) notes.push(`${left} values that are stored in notebooks are of steps that are not proposed`);
  return {
    name: draft.name ??
      { value: stepName(basename(repository.root)), found: "the folder's name", certainty: "guessed" },
    ...(draft.title && { title: draft.title }),
    ...await environmentOf(repository, draft, steps),
    steps,
    otherSteps: others,
    parameters,
    params: namedOnce(draft.params, parameters),
    constants: constantsOf(drafts, python),
    claims: uniquelyNamed(claims),
    otherClaims: all.filter(({ value }) => value.doubt !== undefined).slice(0, MOST_OTHERS),
    notes: [...repository.notes, ...draft.notes, ...notes],
  };
}

/** Comments beyond this are not read. */
const MOST_OTHERS = 30;

function withStep(claim: Found<ClaimDraft>, step: string): Found<ClaimDraft> {
  return { ...claim, value: { ...claim.value, from: claim.value.from.replace("?", step) } };
}

/** A pipeline goes before all; what the README tells, and notebooks that were run, before scripts. */
function choose(kinds: KindSteps[], from: string | undefined) {
  const usable = ({ steps }: KindSteps) => steps.some(({ value }) => value.doubt === undefined);
  const notes: string[] = [];
  let picked: KindSteps[];
  if (from !== undefined) {
    const only = kinds.map((kind) => ({
      ...kind,
      steps: kind.steps.filter(({ found }) => found === from || found.startsWith(`${from}:`)),
    })).filter(({ steps }) => steps.length > 0);
    // Who names a file wants it, doubts or none.
    picked = only.map((kind) => ({
      ...kind,
      steps: usable(kind)
        ? kind.steps
        : kind.steps.map((step) => ({ ...step, value: { ...step.value, doubt: undefined } })),
    }));
  } else {
    const pipeline = kinds.filter((kind) => kind.tier === "pipeline" && usable(kind))
      .sort((one, other) => rankOf(one.kind) - rankOf(other.kind)).slice(0, 1);
    const told = kinds.filter((kind) => kind.tier === "told" && usable(kind));
    picked = pipeline.length > 0 ? pipeline : told.length > 0 ? told : kinds.filter(usable);
  }
  const passed = kinds.filter((kind) =>
    !picked.some((one) => one.kind === kind.kind) && kind.steps.length > 0
  );
  for (const { kind, steps } of passed) {
    const own = new Set(picked.flatMap(({ steps }) => steps.flatMap(({ value }) => value.sources)));
    if (steps.every(({ value }) => value.sources.length > 0 && value.sources.every((one) => own.has(one)))) {
      continue;
    }
    const names = steps.slice(0, 5).map(({ value }) => value.name).join(", ");
    notes.push(`passed over: ${kind} (${names}${steps.length > 5 ? ", …" : ""})`);
  }
  const isNothing = picked.length === 0 && from === undefined;
  const all = (isNothing ? kinds : picked).flatMap(({ steps }) => steps);
  if (isNothing) runnableAtLeast(all);
  return {
    chosen: all.filter(({ value }) => value.doubt === undefined),
    others: all.filter(({ value }) => value.doubt !== undefined).slice(0, 20),
    notes,
  };
}

/** More notebooks are a collection. */
const MOST_UNJUDGED = 4;

/** Where there is nothing else: notebooks that can be run, though nothing can be claimed of them. */
function runnableAtLeast(steps: Found<StepDraft>[]) {
  const unjudged = steps.filter(({ value }) => value.doubt === STORES_NOTHING);
  if (unjudged.length > MOST_UNJUDGED) return;
  for (const step of unjudged) {
    delete step.value.doubt;
    step.certainty = "guessed";
  }
}

/** Which pipeline goes before which: calkit writes a dvc.yaml of its own. */
const PIPELINES = ["calkit.yaml", "dvc.yaml", "Snakefile", "Makefile", "MLproject"];

function rankOf(kind: string): number {
  return PIPELINES.findIndex((name) => name.toLowerCase() === basename(kind).toLowerCase());
}

/** Of several notebooks that do not need each other, each is judged by itself: one that fails does not end the run. */
function markIndependent(steps: StepDraft[]) {
  for (const step of steps) {
    const isAlone = step.needs.length === 0 && !steps.some(({ needs }) => needs.includes(step.name));
    if (steps.length > 1 && step.notebook !== undefined && isAlone) step.optional = true;
  }
}

/** Names that a notebook gives a value of its own: an experiment's parameter of that name would be replaced. */
function assignedByNotebooks(steps: Found<StepDraft>[], python: Map<string, PythonFacts>): Set<string> {
  return new Set(
    steps.flatMap(({ value }) =>
      value.notebook === undefined ? [] : python.get(value.notebook)?.assigned ?? []
    ),
  );
}

/** Cells in which a notebook says what may be changed. */
const FIRST_CELLS = 6;

const MOST_CONSTANTS = 12;

function constantsOf(steps: StepDraft[], python: Map<string, PythonFacts>): Found<ParameterDraft>[] {
  const found = steps.flatMap(({ notebook }) => {
    const { tagged, constants = {} } = (notebook && python.get(notebook)) || {};
    if (tagged) return [];
    return Object.entries(constants).flatMap(([name, { value, cell }]) =>
      cell! > FIRST_CELLS
        ? []
        : [{ value: { name, value }, found: `${notebook}, cell ${cell}`, certainty: "read" as const }]
    );
  });
  return found.slice(0, MOST_CONSTANTS);
}

/** What the script itself opens, where no pipeline says it. */
function addFiles(step: StepDraft, facts: PythonFacts | undefined, repository: Repository) {
  if (facts === undefined || step.notebook !== undefined) return;
  const at = (path: string) => normalize(join(step.cwd ?? "", path));
  const inside = (path: string) => !/^(?:\.\.|\/|~|[a-z]+:)/.test(path) && path !== ".";
  if (step.reads.length === 0) step.reads = (facts.reads ?? []).map(({ path }) => at(path)).filter(inside);
  if (step.outputs.length > 0) return;
  const tracked = facts.imports?.mlflow !== undefined && repository.named(/^mlruns\//).length > 0
    ? ["mlruns"]
    : [];
  const written = (facts.writes ?? []).filter(({ options = [] }) => options.length === 0);
  step.outputs = withoutNested([
    ...written.map(({ path }) => folderOf(at(path), repository)).filter(inside),
    ...tracked,
  ]);
}

/** A script or notebook in a folder imports what stands at the root, which is on Python's path only where it was installed. */
function addRootToPath(step: StepDraft, python: Map<string, PythonFacts>, repository: Repository) {
  const script = step.run?.[0] === "python" && step.run[1]?.endsWith(".py") ? step.run[1] : undefined;
  const source = step.notebook ?? (script && join(step.cwd ?? "", script));
  const folder = source === undefined ? "." : dirname(source);
  if (folder === "." || step.env?.PYTHONPATH !== undefined) return;
  const isAt = (top: string, place: string) =>
    repository.has(`${place}${top}.py`) ||
    repository.files.some((path) => path.startsWith(`${place}${top}/`));
  const imported = Object.keys(python.get(step.sources[0] ?? "")?.imports ?? {}).map((one) =>
    one.split(".")[0]!
  );
  if (!imported.some((top) => top !== "" && isAt(top, "") && !isAt(top, `${folder}/`))) return;
  step.env = { ...step.env, PYTHONPATH: relative(step.cwd ?? "", "") || "." };
}

/** The folder of a result, if it is one of results only. */
function folderOf(path: string, repository: Repository): string {
  const folder = dirname(path);
  const holdsSources = folder === "." ||
    repository.files.some((file) =>
      file.startsWith(`${folder}/`) && /\.(?:py|ipynb|R|sh|toml|md)$/.test(file)
    );
  const isData = /^(?:data|datasets?|input|raw)(?:\/|$)/.test(folder);
  return holdsSources || isData ? path : folder;
}

/** An option that says where to write gets the step's own folder, unless another step reads what stands there. */
function addOutFolder(step: StepDraft, facts: PythonFacts | undefined, steps: StepDraft[]) {
  if (facts === undefined || step.run === undefined) return;
  const reading = new Set((facts.reads ?? []).flatMap(({ options = [] }) => options));
  const names = new Set((facts.writes ?? []).flatMap(({ options = [] }) => options));
  for (const name of names) {
    const option = facts.options?.find((one) => one.name === name);
    if (option === undefined || option.positional) continue;
    const given = valueIn(step.run, option);
    const place = normalize(join(step.cwd ?? "", given?.text ?? String(option.default)));
    const isRead = steps.some((other) =>
      other !== step &&
      [...other.reads, ...other.run ?? []].some((path) => path === place || path.startsWith(`${place}/`))
    );
    // What it goes on from, or another step reads, stays where it is.
    if (isRead || reading.has(name)) {
      step.outputs = withoutNested([...step.outputs, place]);
      continue;
    }
    const file = /\.\w{1,12}$/.test(place) ? `/${basename(place)}` : "";
    setValue(step.run, option, `{out}${file}`, given);
  }
}

/** A number or a word that the command gives to an option, or that the option has by itself. */
function addParameters(
  { step, found: place }: { step: StepDraft; found: string },
  facts: PythonFacts | undefined,
  parameters: Found<ParameterDraft>[],
  taken: Set<string>,
  repository: Repository,
) {
  if (facts?.options === undefined || step.run === undefined || step.run[0] === "bash") return;
  const places = new Set(
    [...facts.writes ?? [], ...facts.reads ?? []].flatMap(({ options = [] }) => options),
  );
  for (const option of facts.options) {
    const { name } = option;
    if (option.positional || option.switch || taken.has(name) || places.has(name)) continue;
    if (!PARAMETER_NAME.test(name) || RESERVED_PARAMETERS.includes(name)) continue;
    const given = valueIn(step.run, option);
    if (given !== undefined && given.text.includes("{")) continue;
    const value = given === undefined
      ? (typeof option.default === "number" ? String(option.default) : undefined)
      : isPath(given.text, repository)
      ? undefined
      : given.text;
    if (value === undefined) continue;
    const known = parameters.find((one) => one.value.name === name);
    const found = given === undefined ? `${step.sources[0]}:${option.line}` : place;
    if (known !== undefined && String(known.value.value) !== value) continue;
    if (known === undefined) {
      const isNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(value);
      parameters.push({ value: { name, value: isNumber ? Number(value) : value }, found, certainty: "read" });
      if (isNumber && String(Number(value)) !== value) parameters.at(-1)!.value.value = Number(value);
    }
    setValue(step.run, option, `{${name}}`, given);
  }
}

function isPath(text: string, repository: Repository): boolean {
  return text.includes("/") || repository.has(text) || /\.\w{2,5}$/.test(text) && !/^[\d.]+$/.test(text);
}

interface Given {
  index: number;
  /** `--flag=value` is one word. */
  prefix: string;
  text: string;
}

function valueIn(run: string[], { flags }: OptionFact): Given | undefined {
  for (const [index, word] of run.entries()) {
    for (const flag of flags) {
      if (word.startsWith(`${flag}=`)) {
        return { index, prefix: `${flag}=`, text: word.slice(flag.length + 1) };
      }
      const next = run[index + 1];
      if (word === flag && next !== undefined) return { index: index + 1, prefix: "", text: next };
    }
  }
}

function setValue(run: string[], { flags }: OptionFact, text: string, given: Given | undefined) {
  if (given !== undefined) run[given.index] = given.prefix + text;
  else run.push(flags.find((flag) => flag.startsWith("--")) ?? flags[0]!, text);
}

/** A step needs those that write what it reads. */
function addNeeds(steps: StepDraft[]) {
  const overlaps = (one: string, other: string) =>
    one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
  for (const [index, step] of steps.entries()) {
    for (const [before, other] of steps.entries()) {
      if (before === index || step.needs.includes(other.name)) continue;
      if (!other.outputs.some((output) => step.reads.some((read) => overlaps(read, output)))) continue;
      if (!reaches(other, step.name, steps)) step.needs.push(other.name);
    }
  }
}

function reaches(step: StepDraft, name: string, steps: StepDraft[]): boolean {
  return step.needs.some((need) =>
    need === name || reaches(steps.find((one) => one.name === need)!, name, steps)
  );
}

async function environmentOf(repository: Repository, draft: Draft, steps: Found<StepDraft>[]) {
  const [requirements, ...later] = draft.requirements;
  const passed = later.filter(({ value }, index) =>
    ![requirements!, ...later.slice(0, index)].some((one) => one.value.join() === value.join())
  );
  const isOwn = ({ value }: Found<string[]>) => value.includes("-e") || value.includes(".");
  const sources = steps.flatMap(({ value }) => value.sources.slice(0, 1));
  const install = (await Promise.all(
    draft.install.filter((one) => requirements === undefined || isOwn(one)).slice(0, 2).map(async (one) =>
      one.found.startsWith("imports,")
        ? { ...one, value: await packagesOf(repository, sources, one.value) }
        : one
    ),
  )).filter(({ value }) => value.length > 0);
  const said = [
    ...[...(requirements?.value ?? []), ...OWN_SPECIFICATIONS].map((path) =>
      repository.has(path) ? repository.text(path) ?? "" : ""
    ),
    ...install.map(({ value }) => value.join("\n")),
  ].join("\n");
  const unnamed = requirements === undefined && install.length === 0
    ? new Map<string, string>()
    : await unnamedPackages(repository, sources, said);
  if (unnamed.size > 0) {
    const [place] = unnamed.values();
    install.push({
      value: [...unnamed.keys()].sort(),
      found: `imports that nothing lists, the first in ${place}`,
      certainty: "guessed",
    });
  }
  const kernel = kernelPackages(said, steps) ?? programPackage(said, steps);
  const python = draft.pythons.find(({ certainty }) => certainty === "stated");
  const asOf = draft.asOf && isResolved(requirements, install)
    ? await dayOf(repository.root, sources, requirements?.value ?? [], draft.asOf)
    : undefined;
  const asTexts = (founds: Found<string[]>[], key: string) =>
    founds.map(({ value, ...rest }) => ({ ...rest, value: `${key}: ${value.join(", ")}` }));
  return {
    ...(requirements && { requirements }),
    install: kernel === undefined ? install : [...install, kernel],
    ...(python && { python }),
    ...(asOf && { asOf }),
    ...(draft.images[0] && { image: draft.images[0] }),
    ...(draft.gpus && { gpus: draft.gpus }),
    otherEnvironments: [
      ...asTexts(passed, "requirements"),
      ...asTexts(draft.install.filter((one) => !install.some(({ found }) => found === one.found)), "install"),
      ...draft.pythons.filter((one) => one !== python).map((one) => ({
        ...one,
        value: `python: "${one.value}"`,
      })),
      ...draft.images.slice(1).map((one) => ({ ...one, value: `image: ${one.value}` })),
    ],
  };
}

/** Notebooks are run when they are written: they may be years older than the repository's newest. */
async function dayOf(root: string, sources: string[], requirements: string[], other: Found<string>) {
  const areNotebooks = sources.length > 0 && sources.every((path) => path.endsWith(".ipynb"));
  const day = areNotebooks ? await dayOfMost(root, sources, requirements) : undefined;
  return day === undefined ? other : day ?? undefined;
}

/** Nothing pins the versions, and `as_of` can say of which day they are. */
function isResolved(requirements: Found<string[]> | undefined, install: Found<string[]>[]): boolean {
  if (requirements === undefined) return install.length > 0;
  return requirements.value.every((path) =>
    FORMATS.some((format) => isNamed(format, path) && format.has?.includes("as_of"))
  );
}

/** A program of Python's that runs a step, and that nothing lists. */
function programPackage(said: string, steps: Found<StepDraft>[]): Found<string[]> | undefined {
  const step = steps.find(({ value }) =>
    /^(?:snakemake|dvc|papermill|accelerate|deepspeed)$/.test(value.run?.[0] ?? "")
  );
  const program = step?.value.run?.[0];
  if (program === undefined || new RegExp(`\\b${program}\\b`).test(said)) return undefined;
  return { value: [program], found: step!.found, certainty: "read" };
}

/** They list what the repository itself needs, whichever file the environment is made from. */
const OWN_SPECIFICATIONS = ["pyproject.toml", "setup.py", "setup.cfg"];

/** What executes a notebook, where nothing says that it is installed. */
function kernelPackages(said: string, steps: Found<StepDraft>[]): Found<string[]> | undefined {
  const first = steps.find(({ value }) => value.notebook !== undefined);
  if (first === undefined) return undefined;
  if (/^[\s\-"'[]*(?:name = ")?(?:jupyter|jupyterlab|notebook|nbclient|nbconvert)\b/m.test(said)) {
    return undefined;
  }
  return {
    value: ["ipykernel", "nbclient", "nbconvert"],
    found: `${first.value.notebook}, which they execute`,
    certainty: "read",
  };
}

/** A parameter in a file is called by the last part of its key, or by all of it where two end alike. */
function namedOnce(params: Found<{ name: string; place: string }>[], parameters: Found<ParameterDraft>[]) {
  const last = (key: string) => key.split(".").at(-1)!;
  const count = (name: string) => params.filter(({ value }) => last(value.name) === name).length;
  return params.flatMap((one) => {
    const short = last(one.value.name);
    const isFree = count(short) === 1 && !RESERVED_PARAMETERS.includes(short) &&
      !parameters.some(({ value }) => value.name === short);
    const name = isFree ? short : one.value.name.replaceAll(".", "_");
    if (!PARAMETER_NAME.test(name) || RESERVED_PARAMETERS.includes(name)) return [];
    return [{ ...one, value: { name, place: one.value.place } }];
  });
}

function uniquelyNamed(claims: Found<ClaimDraft>[]): Found<ClaimDraft>[] {
  const names = new Set<string>();
  return claims.map((claim) => {
    const step = claim.value.from.split(/[/~]/)[0]!;
    let name = claim.value.name;
    if (names.has(name)) name = `${name}, ${step}`;
    for (let i = 2; names.has(name); i++) name = `${claim.value.name}, ${step} (${i})`;
    names.add(name);
    return { ...claim, value: { ...claim.value, name: escapedName(name) } };
  });
}

function escapedName(name: string): string {
  return name.replace(/\p{Cc}/gu, " ").slice(0, 200);
}
