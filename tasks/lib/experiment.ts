/** experiment.yaml: what it may say, and everything that is wrong with it at once. */

import { basename, dirname, relative } from "node:path";
import { checkExperiment } from "./experiment_checks.ts";
import type { RawClaim, RawData, RawEnvironment, RawExperiment, RawStep } from "./experiment_schema.ts";
import { Source } from "./experiment_source.ts";
import { Failure } from "./failure.ts";
import { findExperiment } from "./find_experiment.ts";
import type { ContainerLimits, EngineName, Scalar } from "./plan.ts";
import { nearestAncestor } from "./project_root.ts";
import { tidyPath } from "./safe_path.ts";
import { parseSource } from "./source_forms.ts";
import { didYouMean } from "./suggest.ts";
import { placeholders } from "./template.ts";

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

/** Data that are fetched: what they are known by, where they are, and where the steps find them. */
export interface Data {
  name: string;
  /** http or https, in the order to try them. */
  urls: string[];
  /** What the file or archive is known by: exactly one of the two, in small letters. */
  hash: DataHash;
  /** Bytes of the file or archive. */
  size?: number;
  /** The kind of the archive that is unpacked; a file without it. */
  unpack?: "zip" | "tar";
  /** Where the steps find them, relative to the root. */
  to: string;
}

/** A whole SHA-256 has 64 digits; authors of weights often give only the first ones. */
export type DataHash = { sha256: string } | { md5: string };

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
  /** Names of the data the step reads: those it lists, and those its command names. */
  data: string[];
  /** Arguments appended when an interrupted run is taken up again; without it the step starts afresh. */
  resume?: string[];
}

/**
 * Where a claimed value is found in a run folder. `path` is relative to the run folder, mostly `<step>/<file>`.
 *
 * A pattern is a regular expression with one group, to be used with the flags m and u.
 */
export type ClaimSource =
  | { kind: "pointer"; step: string; path: string; pointer: string[] }
  /** A cell of a table by column and key; without a row the whole column. */
  | { kind: "csv"; step: string; path: string; row?: { column: string; value: string }; column: string }
  | { kind: "sha256"; step: string; path: string }
  /** In the outputs of a notebook, or in any other file's text. */
  | { kind: "text"; step: string; path: string; pattern: string }
  /** In what the step printed; `path` is the run's log. */
  | { kind: "printed"; step: string; path: string; pattern: string };

/** What a class of tolerance asks of the environment, each compared with the authors', or a literal such as `cpu`. */
export type When = Partial<Record<keyof Conditions, "same" | "other" | (string & Record<never, never>)>>;

/** What of an environment decides which class of tolerance applies; absent where it is not known. */
export interface Conditions {
  /** The container image, with the registry's digest and the engine's id of it; its name is `none` without one. */
  image?: { name: string; digest?: string; id?: string };
  /** Model of the GPUs that were used, as nvidia-smi names them; `none` on a CPU. */
  gpu?: string;
  /** Version of the GPU's driver; `none` on a CPU. */
  driver?: string;
  device?: "cpu" | "cuda";
}

/** How far an obtained value may be from the claimed one: exactly one of samples, absolute, relative; and the reason. */
export interface Tolerance {
  samples?: number;
  absolute?: number;
  relative?: number;
  because: string;
  /** The environments that it is for; all of them without it. */
  when?: When;
  /** Ids of the runs it rests on. It judges none of these. */
  runs?: string[];
  /** It rests on no runs yet. */
  provisional?: boolean;
}

export interface Claim {
  name: string;
  from: ClaimSource;
  /** The claimed value; a list is a curve, and all of it one claim. */
  value: Scalar | number[];
  /** Source text of the value: 86.10 has two decimals. Of a curve, of each point. */
  text: string | string[];
  unit?: string;
  /** The value is a count of so many samples, printed as a percentage. */
  of?: number;
  /** Classes, of which the first that matches the environment is used; one without `when` matches every one. */
  tolerance: Tolerance[];
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
  data: Record<string, Data>;
  /** In the order of the file. */
  steps: Record<string, Step>;
  claims: Claim[];
  /** The environment that the claimed values are from, where the file says so. */
  authors: Conditions;
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
    data: mapRecord(data.data ?? {}, convertData),
    steps: mapRecord(data.steps, (step, name) => convertStep(source, step, name)),
    claims: (data.claims ?? []).map((claim, index) => convertClaim(source, claim, index)),
    authors: convertAuthors(data.authors),
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

function convertData({ urls, sha256, md5, size, unpack, to }: RawData, name: string): Data {
  const hash = sha256 === undefined ? { md5: md5!.toLowerCase() } : { sha256: sha256.toLowerCase() };
  return { name, urls, hash, size, unpack, to: tidyPath(to) };
}

function convertStep(source: Source, step: RawStep, name: string): Step {
  const texts = (key: "run" | "resume") =>
    step[key]?.map((_, index) => source.text(["steps", name, key, index]));
  const [run, resume] = [texts("run"), texts("resume")];
  return {
    name,
    run,
    notebook: step.notebook && tidyPath(step.notebook),
    needs: step.needs ?? [],
    produces: (step.produces ?? []).map(tidyPath),
    inputs: step.inputs?.map(tidyPath),
    data: dataOf([...run ?? [], ...resume ?? []], step.data ?? []),
    resume,
  };
}

function dataOf(args: string[], listed: string[]): string[] {
  const named = args.flatMap(placeholders).flatMap((name) => /^data\.(.*)$/s.exec(name)?.[1] ?? []);
  return [...new Set([...listed, ...named])];
}

function convertAuthors(authors: RawExperiment["authors"]): Conditions {
  return { ...authors, image: authors?.image === undefined ? undefined : parseImage(authors.image) };
}

/** @param reference `name`, or `name@sha256:…` */
export function parseImage(reference: string): Conditions["image"] {
  const [name = "", digest] = reference.split("@");
  return digest === undefined ? { name } : { name, digest };
}

function convertClaim(source: Source, claim: RawClaim, index: number): Claim {
  const from = parseSource(claim.from);
  if ("problem" in from) throw new Error(`claims[${index}].from was not checked`);
  const { value } = claim;
  const path = ["claims", index, "value"];
  const tolerances = claim.tolerance === undefined ? [] : [claim.tolerance].flat();
  return {
    name: claim.name,
    from,
    value,
    text: Array.isArray(value) ? value.map((_, point) => source.text([...path, point])) : source.text(path),
    unit: claim.unit && oneLine(claim.unit),
    of: claim.of,
    tolerance: tolerances.map((tolerance) => ({ ...tolerance, because: oneLine(tolerance.because) })),
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
