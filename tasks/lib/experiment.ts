/** experiment.yaml: what it may say, and everything that is wrong with it at once. */

import { basename, dirname, relative } from "node:path";
import { parseSource } from "./claim_source.ts";
import { checkExperiment } from "./experiment_checks.ts";
import type { RawClaim, RawEnvironment, RawExperiment, RawStep } from "./experiment_schema.ts";
import { Source } from "./experiment_source.ts";
import { Failure } from "./failure.ts";
import { findExperiment } from "./find_experiment.ts";
import type { ContainerLimits, EngineName } from "./plan.ts";
import { nearestAncestor } from "./project_root.ts";
import { tidyPath } from "./safe_path.ts";
import { didYouMean } from "./suggest.ts";

export { RESERVED_PARAMETERS } from "./experiment_checks.ts";

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
  /** Where the steps run unless the user says otherwise. */
  engine?: EngineName;
  /** Limits of the steps' containers. */
  limits: ContainerLimits;
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

/**
 * Reads the text of an experiment.yaml.
 *
 * @param file absolute path of the file the text is from, for messages
 * @param root absolute path that the paths in the file are relative to
 * @throws {Failure} 2 with all its problems at once, in the order of the file
 */
export function parseExperiment(text: string, file: string, root: string): Experiment {
  const source = new Source(text, relative(root, file) || basename(file));
  if (!source.broken) checkExperiment(source);
  source.throwProblems();
  return convert(source, file, root);
}

function convert(source: Source, file: string, root: string): Experiment {
  const data = source.data as RawExperiment;
  return {
    name: data.name,
    title: data.title && oneLine(data.title),
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

function convertEnvironment(environment: RawEnvironment): Environment {
  const { image, requirements, gpus, engine, shm_size, memory, cpus, network } = environment;
  return {
    image,
    requirements: requirements && tidyPath(requirements),
    gpus: Array.isArray(gpus) ? gpus.map(String) : gpus ?? "none",
    engine,
    limits: { shmSize: shm_size, memory, cpus: cpus === undefined ? undefined : String(cpus), network },
  };
}

function convertStep(source: Source, step: RawStep, name: string): Step {
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

function convertClaim(source: Source, claim: RawClaim, index: number): Claim {
  const from = parseSource(claim.from);
  if ("problem" in from) throw new Error(`claims[${index}].from was not checked`);
  return {
    name: claim.name,
    from,
    value: claim.value,
    text: source.text(["claims", index, "value"]),
    unit: claim.unit && oneLine(claim.unit),
    of: claim.of,
    tolerance: claim.tolerance && { ...claim.tolerance, because: oneLine(claim.tolerance.because) },
    line: source.line(["claims", index]),
  };
}

/** A text that may have been folded over several lines. */
function oneLine(text: string): string {
  return text.trim().replace(/\s+/g, " ");
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
  const order = new Set<string>();
  while (order.size < wanted.size) {
    const ready = (name: string) => experiment.steps[name]!.needs.every((need) => order.has(need));
    const next = all.find((name) => wanted.has(name) && !order.has(name) && ready(name));
    if (next === undefined) {
      throw new Failure(
        2,
        `Cannot order the steps of "${experiment.name}": they need each other in a circle`,
      );
    }
    order.add(next);
  }
  return [...order];
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
