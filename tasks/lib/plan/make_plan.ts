/** From an experiment and a request to a plan. */

import { dirname, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { ContainerLimits, Experiment, Scalar, Step } from "../experiment/experiment.ts";
import { holdsValue, replaceValues } from "../experiment/parameter_files.ts";
import { plainClaim } from "../experiment/plain_claim.ts";
import { fillTemplate, placeholders } from "../experiment/template.ts";
import { shellQuote } from "../system/command.ts";
import type { Host } from "../system/host.ts";
import { INSIDE } from "../system/product.ts";
import { chooseGpus, type GpuChoice } from "./gpus.ts";
import { parameterJson, readValue, recordedValue } from "./notebook_parameters.ts";
import {
  type ContainerRequest,
  type Need,
  type NotebookOptions,
  type Plan,
  PLAN_SCHEMA,
  type PlannedContainer,
  type PlannedStep,
} from "./plan.ts";
import { stepCache } from "./step_cache.ts";

/** What a plan follows from beside the experiment and the machine. */
export interface PlanRequest {
  task: string;
  run: string;
  directory: string;
  /** Steps to run, in order. */
  steps: string[];
  /** Values given on the command line, by parameter. */
  overrides: Record<string, string>;
  /** Arguments appended to every step's command. */
  rest: string[];
  notebook?: NotebookOptions;
  experimentText: string;
  authors?: Plan["experiment"]["authors"];
  engine: Plan["engine"];
  container?: ContainerRequest & ContainerLimits;
  /** Further folders for the steps' containers to read, absolute. */
  mounts?: string[];
  /** Of the caller's environment, what results may depend on: a container gets nothing else of it. */
  variables?: Record<string, string>;
  /** Threads of the processor that each step is to take; what it likes without it. */
  threads?: number;
  python: string;
  data?: Plan["data"];
  /** Folder of an earlier run's step, for a need that this run does not make itself. */
  findStep: (step: string, parameters: Record<string, Scalar>) => Promise<Need | undefined>;
}

/**
 * Turns an experiment and a request into a plan.
 *
 * @throws Failure(2) for a parameter value of the wrong type, or a need that nothing fulfils.
 * @throws Failure(3) if the experiment demands GPUs that this machine lacks.
 */
export async function makePlan(experiment: Experiment, host: Host, request: PlanRequest): Promise<Plan> {
  const parameters = chooseParameters(experiment, request.overrides);
  const gpus = chooseGpus(experiment.environment.gpus, host);
  const others = otherChanges(request);
  const context = { experiment, request, parameters, gpus, host };
  const steps: PlannedStep[] = [];
  for (const name of request.steps) steps.push(await planStep(context, experiment.steps[name]!));
  return {
    schema: PLAN_SCHEMA,
    task: request.task,
    run: request.run,
    directory: request.directory,
    experiment: {
      name: experiment.name,
      title: experiment.title,
      file: experiment.file,
      root: experiment.root,
      text: request.experimentText,
      claims: experiment.claims.map(plainClaim),
      authors: request.authors,
      ...(experiment.notes?.length && { notes: experiment.notes }),
    },
    engine: request.engine,
    container: planContainer(context, steps),
    environment: {
      requirements: experiment.environment.requirements?.join(", "),
      python: request.python,
      gpus: gpus.said,
    },
    parameters: recordedValues(parameters),
    changed: [...changedParameters(experiment, parameters), ...others],
    onlyParameters: others.length === 0,
    data: request.data,
    notebooks: request.notebook?.notebooks,
    files: await parameterFiles(experiment, parameters),
    staged: await stageOutputs(context),
    steps,
  };
}

type Parameters = Experiment["parameters"];

interface Context {
  experiment: Experiment;
  request: PlanRequest;
  parameters: Parameters;
  gpus: GpuChoice;
  host: Host;
}

/** The declared values with those of the command line in their place, each of its declared type. */
export function chooseParameters(experiment: Experiment, overrides: Record<string, string>): Parameters {
  const chosen = { ...experiment.parameters };
  for (const [name, text] of Object.entries(overrides)) {
    const declared = experiment.parameters[name];
    if (declared === undefined) throw new Failure(2, `${experiment.name} declares no parameter ${name}`);
    chosen[name] = declared.structured
      ? structuredValue(name, text, declared)
      : { value: convert(name, text, declared), text };
  }
  return chosen;
}

/** What is declared as a list or a mapping stays one; instead of null there may be anything. */
function structuredValue(name: string, given: string, declared: Parameters[string]): Parameters[string] {
  const text = readValue(given, `--${name} ${given}`);
  if (declared.text !== "null" && text[0] !== declared.text[0]) {
    const form = declared.text.startsWith("[") ? "a list" : "a mapping";
    throw new Failure(2, `--${name} must be ${form} such as '${declared.text}', current value is "${given}"`);
  }
  return { value: text, text, structured: true };
}

/** The repository's own files with the values that were chosen, where these are not in them already. */
async function parameterFiles(
  { params, parameterFiles = {} }: Experiment,
  parameters: Parameters,
): Promise<Plan["files"]> {
  const files: NonNullable<Plan["files"]> = [];
  for (const [path, text] of Object.entries(parameterFiles)) {
    const changed: { keys: string[]; text: string }[] = [];
    for (const [name, { file, keys }] of Object.entries(params)) {
      if (file !== path) continue;
      const parameter = parameters[name]!;
      const isText = typeof parameter.value === "string" && !parameter.structured;
      const value = isText ? JSON.stringify(parameter.value) : parameter.text;
      if (!await holdsValue(text, path, keys, value)) changed.push({ keys, text: value });
    }
    if (changed.length > 0) files.push({ path, text: await replaceValues(text, path, changed) });
  }
  return files.length === 0 ? undefined : files;
}

/** A number that is declared with a point, such as 1.0, may have decimals. */
function convert(name: string, text: string, declared: Parameters[string]): Scalar {
  if (typeof declared.value === "string") return text;
  if (typeof declared.value === "boolean") {
    if (text === "true" || text === "false") return text === "true";
    throw new Failure(2, `--${name} must be true or false, current value is "${text}"`);
  }
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) {
    throw new Failure(2, `--${name} must be a number such as ${declared.text}, current value is "${text}"`);
  }
  if (/^[+-]?\d+$/.test(declared.text) && !Number.isInteger(value)) {
    throw new Failure(
      2,
      `--${name} must be a whole number such as ${declared.text}, current value is "${text}"`,
    );
  }
  return value;
}

function recordedValues(parameters: Parameters): Plan["parameters"] {
  return Object.fromEntries(Object.entries(parameters).map(([name, one]) => [name, recordedValue(one)]));
}

function changedParameters(experiment: Experiment, parameters: Parameters): string[] {
  return Object.entries(parameters)
    .filter(([name, parameter]) => recordedValue(parameter) !== recordedValue(experiment.parameters[name]!))
    .map(([name, { text }]) => `${name} = ${text} (declared: ${experiment.parameters[name]?.text})`);
}

function otherChanges({ rest, notebook }: PlanRequest): string[] {
  const given = Object.entries(notebook?.parameters ?? {});
  return [
    ...(rest.length > 0 ? [`arguments added: ${rest.join(" ")}`] : []),
    ...given.map(([name, value]) => `notebook parameter ${name} = ${value}`),
    ...(notebook?.flags.includes("--allow-errors") ? ["cells may fail (--allow-errors)"] : []),
  ];
}

async function planStep(context: Context, step: Step): Promise<PlannedStep> {
  const { experiment, request, parameters } = context;
  const out = join(request.directory, step.name);
  const needs: Record<string, Need> = {};
  for (const need of step.needs) needs[need] = await bindNeed(context, step, need);
  const cache = stepCache(experiment.root, experiment.name);
  const downloads = plannedDownloads(experiment, step);
  const values = new Map([
    ["out", out],
    ["cache", cache],
    ...Object.entries(request.data ?? {}).map(([name, { path }]) => [`data.${name}`, path] as const),
    ...Object.entries(downloads ?? {}).map(([name, { path }]) => [`data.${name}`, path] as const),
    ...Object.entries(parameters).map(([name, { text }]) => [name, text] as const),
    ...Object.entries(needs).map(([name, { directory }]) => [`steps.${name}`, directory] as const),
  ]);
  const own = step.shell !== undefined
    ? [...SHELL, step.shell]
    : step.run === undefined
    ? notebookCommand(context, step, out)
    : step.run.map((part) => fillTemplate(part, values));
  const settings = {
    ...(step.shell === undefined ? {} : shellVariables(values)),
    ...Object.fromEntries(
      Object.entries(step.env ?? {}).map(([name, text]) => [name, fillTemplate(text, values)]),
    ),
  };
  const gpus = step.gpus === undefined ? undefined : chooseGpus(step.gpus, context.host);
  return {
    name: step.name,
    argv: [...own, ...request.rest],
    resume: step.resume?.map((part) => fillTemplate(part, values)),
    // The driver of notebooks is told apart: it works where their paths are relative to.
    cwd: step.cwd === undefined || step.notebook !== undefined
      ? experiment.root
      : join(experiment.root, step.cwd),
    env: { ...stepEnvironment(context, gpus ?? context.gpus), ...settings },
    description: step.description,
    settings: Object.keys(settings).length > 0 ? settings : undefined,
    secrets: step.secrets,
    timeout: step.timeout,
    tty: step.tty,
    optional: step.optional,
    gpus: gpus?.request,
    expect: step.expect,
    out,
    produces: step.produces,
    outputs: step.outputs,
    inputs: step.inputs,
    needs,
    data: step.data.length > 0 ? step.data : undefined,
    downloads,
    cache: namesCache(step) ? cache : undefined,
  };
}

function plannedDownloads({ root, downloads = {} }: Experiment, step: Step): PlannedStep["downloads"] {
  return step.downloads && Object.fromEntries(step.downloads.map((name) => {
    const { to, sha256 } = downloads[name]!;
    return [name, { path: join(root, to), sha256 }];
  }));
}

/** Ends at the first command that fails, also in a pipe, and for a variable that nobody has set. */
const SHELL = ["bash", "-euo", "pipefail", "-c"];

/** `{steps.train}` is `$steps_train` in a script: its text stays as it was written, whatever a value holds. */
function shellVariables(values: Map<string, string>): Record<string, string> {
  return Object.fromEntries([...values].map(([name, value]) => [name.replace(/[.-]/g, "_"), value]));
}

function namesCache({ run = [], resume = [], shell = "", env = {} }: Step): boolean {
  return /\$\{?cache\b/.test(shell) ||
    [...run, ...resume, ...Object.values(env)].some((part) => placeholders(part).includes("cache"));
}

/** What makes runs comparable and their output live; the user's own settings come before it. */
function stepEnvironment({ experiment, request }: Context, gpus: GpuChoice): Record<string, string> {
  const { container, variables } = request;
  return {
    ...(container === undefined ? {} : variables),
    ...(container?.home === undefined ? {} : { HOME: container.home }),
    EXPERIMENT_RUN: request.run,
    // Nothing that an import compiles is written there: inside/children/experiment_bytecode.py.
    EXPERIMENT_PROJECT: experiment.root,
    PYTHONUNBUFFERED: "1",
    PYTHONHASHSEED: "0",
    // Packages are installed uncompiled; where this forbids to keep what an import compiles, each takes twice as long.
    PYTHONDONTWRITEBYTECODE: "",
    // cuBLAS repeats itself only with a fixed workspace, set before CUDA starts [PyTorch: reproducibility].
    CUBLAS_WORKSPACE_CONFIG: ":4096:8",
    ...(request.threads === undefined ? {} : threadVariables(request.threads)),
    // In a container its GPUs are all there are, and are counted from 0.
    ...(container === undefined || container.isProcess ? gpus.env : {}),
  };
}

/** How many threads the libraries of numbers take, each in its own words. */
function threadVariables(threads: number): Record<string, string> {
  const names = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"];
  return Object.fromEntries(names.map((name) => [name, String(threads)]));
}

function planContainer(
  { experiment, request, gpus }: Context,
  steps: PlannedStep[],
): PlannedContainer | undefined {
  if (request.container === undefined) return undefined;
  const { home: _, isProcess, projectAt, ...container } = request.container;
  const { root } = experiment;
  const written = [experiment.root, request.directory];
  const read = [
    ...[INSIDE, ...request.mounts ?? [], ...(request.notebook?.notebooks ?? []).map(dirname)],
    ...[request.notebook?.cwd ?? []].flat(),
    ...steps.flatMap(({ needs }) => Object.values(needs).map(({ directory }) => directory)),
    // What the links in the project lead to.
    ...Object.values(request.data ?? {}).flatMap(({ folder }) => folder ?? []),
  ];
  const mounts = [
    ...outermost(written),
    ...outermost([...written, ...read]).filter((path) => !written.includes(path)),
  ];
  return {
    ...container,
    gpus: gpus.request,
    mounts: [
      ...mounts.map((path) => ({
        source: path,
        target: path,
        ...(written.includes(path) ? {} : { readOnly: true }),
      })),
      ...(projectAt === undefined || projectAt === root
        ? []
        : [{ source: root, target: projectAt, readOnly: true }]),
    ],
    ...(isProcess && { scratch: join(request.directory, ".scratch") }),
  };
}

/** The folders that lie in no other one. */
function outermost(paths: string[]): string[] {
  return [...new Set(paths)].filter((path) =>
    !paths.some((other) => other !== path && path.startsWith(`${other}/`))
  );
}

/** What steps that this run does not make have written into the project: its steps find it there. */
async function stageOutputs(context: Context): Promise<Plan["staged"]> {
  const { experiment, request } = context;
  const staged: NonNullable<Plan["staged"]> = [];
  const seen = new Set(request.steps);
  const follow = async (step: Step): Promise<void> => {
    for (const name of step.needs) {
      if (seen.has(name)) continue;
      seen.add(name);
      const need = experiment.steps[name]!;
      await follow(need); // what is written first is placed first
      if (need.outputs === undefined) continue;
      staged.push({ step: name, ...await bindNeed(context, step, name), outputs: need.outputs });
    }
  };
  for (const name of request.steps) await follow(experiment.steps[name]!);
  return staged.length === 0 ? undefined : staged;
}

async function bindNeed(
  { experiment, request, parameters }: Context,
  step: Step,
  need: string,
): Promise<Need> {
  if (request.steps.includes(need)) return { run: request.run, directory: join(request.directory, need) };
  const found = await request.findStep(need, recordedValues(parameters));
  if (found !== undefined) return found;
  const name = experiment.name;
  const given = Object.entries(request.overrides).map(([key, value]) => ` ${shellQuote([`--${key}`, value])}`)
    .join("");
  throw new Failure(
    2,
    `"${step.name}" needs the step "${need}", and no run of ${name} has it with these parameters`,
    {
      remedy: `deno task step ${need}${given}, or everything at once: deno task reproduce${given}`,
    },
  );
}

function notebookCommand({ experiment, request, parameters }: Context, step: Step, out: string): string[] {
  const { notebooks, own = [], parameters: given, results, cwd, flags }: NotebookOptions = request.notebook ??
    { flags: [] };
  const declared = Object.entries(parameters).map(([name, one]) =>
    [name, parameterJson(one, experiment.parameters[name]!)] as const
  );
  // Notebooks that are not the experiment's get what they were given, not what it declares.
  const values = { ...(notebooks === undefined ? Object.fromEntries(declared) : {}), ...given };
  const json = Object.entries(values).map(([name, value]) => `${JSON.stringify(name)}: ${value}`).join(", ");
  return [
    "python",
    join(INSIDE, "execute_notebook.py"),
    ...(notebooks ?? [step.notebook!]),
    ...["--out", out],
    ...resultsFolder(out, notebooks, own, results),
    ...(json === "" ? [] : ["--parameters", `{${json}}`]),
    ...notebookFolder(cwd, experiment.root, step),
    ...flags,
  ];
}

/** What the user said goes before what the step says. */
function notebookFolder(given: string | undefined, root: string, { cwd }: Step): string[] {
  const folder = given ?? (cwd === undefined ? undefined : join(root, cwd));
  return folder === undefined ? [] : ["--cwd", folder];
}

/** The experiment's notebooks may declare `out`; in a stranger's, that name may mean anything. */
function resultsFolder(
  out: string,
  notebooks: string[] | undefined,
  own: string[],
  results: string | undefined,
): string[] {
  if (results !== undefined) return ["--results", results];
  if (notebooks === undefined) return ["--results", "out", "--results-dir", out];
  return own.length > 0 ? ["--results", "out", ...own.flatMap((path) => ["--results-for", path])] : [];
}
