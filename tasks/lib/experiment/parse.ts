/** From the text of an experiment.yaml to an experiment, or everything that is wrong with it at once. */

import { basename, relative } from "node:path";
import { checkExperiment } from "./checks.ts";
import { parseSource } from "../sources/sources.ts";
import {
  type Claim,
  type Conditions,
  type Data,
  type Environment,
  type Experiment,
  type OwnDownload,
  type Parameter,
  parseImage,
  rangeText,
  type Statistic,
  type Step,
  type Sweep,
} from "./experiment.ts";
import { tidyPath } from "../values/relative_path.ts";
import type { RawClaim, RawData, RawEnvironment, RawExperiment, RawStep, RawSweep } from "./schema.ts";
import { type ParameterPlace, parsePlace } from "./parameter_files.ts";
import { placeholders } from "./template.ts";
import { type Path, YamlDocument } from "./yaml_document.ts";

/**
 * Reads the text of an experiment.yaml.
 *
 * @param file absolute path of the file the text is from, for messages
 * @param root absolute path that the paths in the file are relative to
 * @throws {Failure} 2 with all its problems at once, in the order of the file
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const text = 'name: test\nsteps: { train: { run: [python, train.py, "{out}"] } }\n';
 * const { name, steps } = parseExperiment(text, "/paper/experiment.yaml", "/paper");
 * assert.deepEqual([name, Object.keys(steps)], ["test", ["train"]]);
 * ```
 */
export function parseExperiment(text: string, file: string, root: string): Experiment {
  const document = new YamlDocument(text, relative(root, file) || basename(file));
  if (!document.broken) checkExperiment(document);
  document.throwProblems();
  return convert(document, file, root);
}

function convert(document: YamlDocument, file: string, root: string): Experiment {
  const data = document.data as RawExperiment;
  return {
    name: data.name,
    title: data.title && oneLine(data.title),
    file,
    root,
    environment: convertEnvironment(document, data.environment ?? {}),
    parameters: mapRecord(
      data.parameters ?? {},
      (value, name) => convertParameter(document, value, name),
    ),
    params: mapRecord(data.params ?? {}, (text) => parsePlace(text) as ParameterPlace),
    data: mapRecord(pick(data.data, (one) => !isOwnDownload(one)), convertData),
    ...convertDownloads(pick(data.data, isOwnDownload)),
    steps: mapRecord(data.steps, (step, name) => convertStep(document, step, name)),
    claims: (data.claims ?? []).map((claim, index) => convertClaim(document, claim, index)),
    ...(data.sweep && { sweep: convertSweep(document, data.sweep) }),
    authors: convertAuthors(data.authors),
  };
}

function convertParameter(document: YamlDocument, value: unknown, name: string): Parameter {
  if (typeof value !== "object") {
    return { value: value as Parameter["value"], text: document.text(["parameters", name]) };
  }
  const text = document.flow(["parameters", name]);
  return { value: text, text, structured: true };
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

function convertEnvironment(document: YamlDocument, environment: RawEnvironment): Environment {
  const { image, requirements, gpus, engine, shm_size, memory, cpus, network } = environment;
  const { extras, groups, install, python, torch, as_of } = environment;
  const placeOf = (key: string, value: unknown) =>
    value === undefined ? {} : { [key]: document.place(["environment", key]) };
  return {
    image,
    requirements: requirements === undefined || requirements === "active"
      ? undefined
      : [requirements].flat().map(tidyPath),
    ...{ extras, groups, install: install?.map(String), python, torch },
    ...(as_of !== undefined && { asOf: as_of }),
    ...((extras || groups) && { places: { ...placeOf("extras", extras), ...placeOf("groups", groups) } }),
    gpus: Array.isArray(gpus) ? gpus.map(String) : gpus ?? "none",
    engine,
    limits: { shmSize: shm_size, memory, cpus: cpus === undefined ? undefined : String(cpus), network },
  };
}

function convertData({ urls = [], how, from, sha256, md5, size, unpack, to }: RawData, name: string): Data {
  const hash = sha256 !== undefined
    ? { sha256: sha256.toLowerCase() }
    : md5 !== undefined
    ? { md5: md5.toLowerCase() }
    : { from: from! };
  const origin = from === undefined ? {} : { from };
  return { name, urls, how: how && oneLine(how), ...origin, hash, size, unpack, to: tidyPath(to) };
}

function convertDownloads(own: Record<string, RawData>): Pick<Experiment, "downloads"> {
  return Object.keys(own).length === 0 ? {} : { downloads: mapRecord(own, convertDownload) };
}

function convertDownload({ sha256, to }: RawData, name: string): OwnDownload {
  return { name, sha256: sha256?.toLowerCase(), to: tidyPath(to) };
}

function isOwnDownload({ urls, how, from }: RawData): boolean {
  return urls === undefined && how === undefined && from === undefined;
}

function pick<T>(record: Record<string, T> = {}, wanted: (value: T) => boolean): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => wanted(value)));
}

function convertStep(document: YamlDocument, step: RawStep, name: string): Step {
  const texts = (key: "run" | "resume") =>
    step[key]?.map((_, index) => document.text(["steps", name, key, index]));
  const [run, resume] = [texts("run"), texts("resume")];
  const named = dataOf(templates(document, step, name), step.data ?? []);
  const all = (document.data as RawExperiment).data ?? {};
  const isOwn = (one: string) => all[one] !== undefined && isOwnDownload(all[one]);
  const downloads = named.filter(isOwn);
  return {
    name,
    run,
    notebook: step.notebook && tidyPath(step.notebook),
    needs: step.needs ?? [],
    produces: (step.produces ?? []).map(tidyPath),
    outputs: step.outputs && step.outputs.length > 0 ? step.outputs.map(tidyPath) : undefined,
    inputs: step.inputs?.map(tidyPath),
    data: named.filter((one) => !isOwn(one)),
    ...(downloads.length > 0 && { downloads }),
    resume,
    ...convertSurroundings(document, step, name),
  };
}

/** What a step gets around its command; absent unless it says so. */
function convertSurroundings(document: YamlDocument, step: RawStep, name: string): Partial<Step> {
  const { description, shell, cwd, env, secrets, timeout, tty, optional, gpus, expect } = step;
  const all: Partial<Step> = {
    description: description && oneLine(description),
    shell,
    cwd: cwd && tidyPath(cwd),
    env: env && mapRecord(env, (_, variable) => document.text(["steps", name, "env", variable])),
    secrets,
    timeout: timeout === undefined ? undefined : seconds(timeout),
    tty,
    optional,
    gpus: Array.isArray(gpus) ? gpus.map(String) : gpus,
    expect: expect && {
      seconds: expect.time === undefined ? undefined : seconds(expect.time),
      bytes: expect.disk === undefined ? undefined : decimalBytes(expect.disk),
      on: expect.on && oneLine(expect.on),
    },
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function seconds(time: string): number {
  return parseFloat(time) * { s: 1, m: 60, h: 3600, d: 86_400 }[time.at(-1)!]!;
}

/** As disks are measured. */
function decimalBytes(size: string): number {
  return parseFloat(size) * { m: 1e6, g: 1e9, t: 1e12 }[size.at(-1)!.toLowerCase()]!;
}

/** All texts of a step that hold placeholders. */
function templates(document: YamlDocument, { run, resume, env }: RawStep, name: string): string[] {
  const at = (key: string, inner: string | number) => document.text(["steps", name, key, inner]);
  return [
    ...(run ?? []).map((_, index) => at("run", index)),
    ...(resume ?? []).map((_, index) => at("resume", index)),
    ...Object.keys(env ?? {}).map((variable) => at("env", variable)),
  ];
}

function dataOf(args: string[], listed: string[]): string[] {
  const named = args.flatMap(placeholders).flatMap((name) => /^data\.(.*)$/s.exec(name)?.[1] ?? []);
  return [...new Set([...listed, ...named])];
}

function convertAuthors(authors: RawExperiment["authors"]): Conditions {
  return { ...authors, image: authors?.image === undefined ? undefined : parseImage(authors.image) };
}

function convertClaim(document: YamlDocument, claim: RawClaim, index: number): Claim {
  const from = parseSource(claim.from, claim.format);
  if ("problem" in from) throw new Error(`claims[${index}].from was not checked`);
  const path = ["claims", index, "value"];
  const value = claim.value === undefined ? "" : convertValue(document, claim.value, path);
  const tolerances = claim.tolerance === undefined ? [] : [claim.tolerance].flat();
  return {
    name: claim.name,
    from,
    value,
    ...(claim.published === undefined ? {} : { published: claim.published }),
    text: claim.value === undefined
      ? ""
      : Array.isArray(value)
      ? value.map((_, point) => document.text([...path, point]))
      : typeof value === "object"
      ? rangeText(value)
      : document.text(path),
    unit: claim.unit && oneLine(claim.unit),
    of: claim.of,
    ...(claim.over && { over: convertStatistic(document, claim.statistic, index) }),
    tolerance: tolerances.map((tolerance) => ({ ...tolerance, because: oneLine(tolerance.because) })),
    line: document.line(["claims", index]),
  };
}

function convertSweep(document: YamlDocument, raw: RawSweep): Sweep {
  const { seeds, seed = "seed", grid = {}, list, steps, reproduce } = raw;
  const at = (value: unknown, path: Path) =>
    typeof value === "object" ? document.flow(path) : document.text(path);
  return {
    seeds: Array.isArray(seeds) ? seeds.map((_, index) => document.text(["sweep", "seeds", index])) : seeds,
    seed,
    grid: mapRecord(
      grid,
      (values, name) => values.map((value, index) => at(value, ["sweep", "grid", name, index])),
    ),
    list: list?.map((point, index) =>
      mapRecord(point, (value, name) => at(value, ["sweep", "list", index, name]))
    ),
    steps,
    reproduce,
  };
}

function convertStatistic(
  document: YamlDocument,
  statistic: RawClaim["statistic"] = "mean",
  index: number,
): Statistic {
  if (typeof statistic === "string") return { kind: statistic };
  return { kind: "count", above: document.text(["claims", index, "statistic", "above"]), of: statistic.of };
}

function convertValue(
  document: YamlDocument,
  value: NonNullable<RawClaim["value"]>,
  path: Path,
): Claim["value"] {
  if (typeof value !== "object" || Array.isArray(value)) return value;
  const text = (...key: Path) => document.text([...path, ...key]);
  if (value.mean !== undefined) return { kind: "spread", mean: text("mean"), std: text("std"), n: value.n! };
  if (value.between !== undefined) {
    return { kind: "range", least: text("between", 0), most: text("between", 1) };
  }
  return value.at_least !== undefined
    ? { kind: "range", least: text("at_least") }
    : { kind: "range", most: text("at_most") };
}

/** A text that may have been folded over several lines. */
function oneLine(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}
