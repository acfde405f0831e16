/** The steps of a run as actions in the sense of schema.org, and what they refer to. */

import { frameworksOf } from "../record/frameworks.ts";
import { identityInWords } from "../experiment/image_identity.ts";
import { stepCache } from "../plan/step_cache.ts";
import type { Attempt, Evidence, StepEvidence } from "../record/evidence.ts";
import type { Citation } from "./citation.ts";
import { type Entity, fileId, references, WORKFLOW_RUN } from "./entity.ts";

interface ActionSource {
  evidence: Evidence;
  name: string;
  step: StepEvidence;
  /** Paths of files in the run folder. */
  present: string[];
  citation?: Citation;
}

/** A step that was at least begun; one that was copied from another run refers to it. */
export function action({ evidence, name, step, present, citation }: ActionSource): Entity {
  const attempt = attemptOf(evidence, step);
  const isDone = step.status === "done" || step.status === "reused";
  const command = relativeArgv(evidence, step).join(" ");
  const made = filesOf(name, present);
  return {
    "@id": actionId(name),
    "@type": "CreateAction",
    name: `Step ${name}`,
    description: step.reusedFrom === undefined
      ? `Ran ${command}`
      : `Copied from the run ${step.reusedFrom}, in which ${command} ran`,
    instrument: { "@id": instrumentId(name, codeUrl(attempt, citation)) },
    agent: { "@id": personId(attempt) },
    object: references([
      ...parameterIds(evidence),
      ...neededIds(evidence, step, present),
      ...inputIds(step),
      ...dataIds(step),
    ]),
    // A step that left nothing has at least its part of the log.
    result: references((made.length > 0 ? made : present.filter((path) => path === "log.txt")).map(fileId)),
    startTime: time(step.started),
    endTime: time(step.ended ?? evidence.ended ?? step.started),
    actionStatus: `http://schema.org/${isDone ? "Completed" : "Failed"}ActionStatus`,
    error: isDone ? undefined : step.problem ?? step.status,
    environment: references(environmentOf(attempt, step.attempt).map((entity) => entity["@id"]!)),
    containerImage: references(containerImage(attempt).map((entity) => entity["@id"]!)),
  };
}

/** The command with paths in this run as seen from its folder, those of other runs as `run/step`, and data by name. */
function relativeArgv({ run, experiment }: Evidence, { argv, needs, data = {} }: StepEvidence): string[] {
  const toCache = new RegExp(`/[^\\s=]*/(?=${RegExp.escape(stepCache("", experiment.name))}(?:/|$))`);
  return argv.map((word) => {
    const others = Object.entries(needs).filter(([, need]) => need.run !== run);
    const places = [
      ...others.map(([name, need]) => [need.directory, `${need.run}/${name}`] as const),
      ...Object.entries(data).map(([name, { path }]) => [path, name] as const),
    ];
    const named = places.reduce((text, [path, name]) => text.replaceAll(path, name), word).replace(
      toCache,
      "",
    );
    const [, within] = named.split(`/${run}/`);
    return within ?? named;
  });
}

function actionId(step: string): string {
  return `#step-${encodeURIComponent(step)}`;
}

/** With an offset in figures, as the profile wants it. */
function time(iso?: string): string | undefined {
  return iso?.replace("Z", "+00:00");
}

function parameterIds({ parameters }: Evidence): string[] {
  return Object.keys(parameters).map((name) => `#parameter-${encodeURIComponent(name)}`);
}

/** Steps of this run by what they left, those of others as a whole. */
function neededIds({ run }: Evidence, { needs }: StepEvidence, present: string[]): string[] {
  return Object.entries(needs).flatMap(([name, need]) =>
    need.run === run ? filesOf(name, present).map(fileId) : [externalId(need.run, name)]
  );
}

function filesOf(step: string, present: string[]): string[] {
  return present.filter((path) => path.startsWith(`${step}/`));
}

function externalId(run: string, step: string): string {
  return `#run-${encodeURIComponent(run)}-${encodeURIComponent(step)}`;
}

function inputIds({ inputs = {} }: StepEvidence): string[] {
  return Object.keys(inputs).map(inputId);
}

function inputId(path: string): string {
  return `#input-${encodeURIComponent(path)}`;
}

function dataIds({ data = {} }: StepEvidence): string[] {
  return Object.keys(data).map(dataId);
}

function dataId(name: string): string {
  return `#data-${encodeURIComponent(name)}`;
}

/** What a step read that is not in the run folder, by hash: results of other runs, declared inputs, and fetched data. */
export function external({ run }: Evidence, { needs, inputs = {}, data = {} }: StepEvidence): Entity[] {
  const others = Object.entries(needs).filter(([, need]) => need.run !== run);
  return [
    ...others.map(([name, need]): Entity => ({
      "@id": externalId(need.run, name),
      "@type": "CreativeWork",
      name: `Results of the step ${name} in the run ${need.run}`,
      sha256: need.sha256,
    })),
    ...Object.entries(inputs).map(([path, sha256]): Entity => ({
      "@id": inputId(path),
      "@type": "CreativeWork",
      name: path,
      sha256,
    })),
    ...Object.entries(data).map(([name, { sha256, source }]): Entity => ({
      "@id": dataId(name),
      "@type": "CreativeWork",
      name,
      url: source !== undefined && URL.canParse(source) ? source : undefined,
      sha256,
    })),
  ];
}

function attemptOf({ attempts }: Evidence, { attempt }: StepEvidence): Attempt {
  return attempts[attempt] ?? attempts.at(-1)!;
}

/** Where the code is: the repository that its authors name, or the archive of public code, which knows commits. */
export function codeUrl(attempt: Attempt | undefined, citation?: Citation): string | undefined {
  const commit = attempt?.code.commit;
  return citation?.["repository-code"] ?? citation?.url ??
    (commit === undefined ? undefined : `https://archive.softwareheritage.org/swh:1:rev:${commit}`);
}

/** The profile recommends an absolute URI. */
function instrumentId(step: string, url = ""): string {
  return `${url}#code-${encodeURIComponent(step)}`;
}

/** The code of a step: its version is the commit, or without one the hash of the sources. */
export function instrument({ evidence, name, step, citation }: ActionSource): Entity {
  const attempt = attemptOf(evidence, step);
  const { commit, dirty, sha256 } = attempt.code;
  const url = codeUrl(attempt, citation);
  return {
    "@id": instrumentId(name, url),
    "@type": "SoftwareSourceCode",
    name: step.argv.slice(0, 3).join(" "),
    version: commit === undefined ? `sha256:${sha256}` : `${commit}${dirty.length === 0 ? "" : "-dirty"}`,
    url,
    programmingLanguage: "Python",
    runtimePlatform: platform(step),
    sha256,
  };
}

/** E.g. `Python 3.11.2, framework 2.13.0`, with every framework that it recorded. */
function platform({ recorded }: StepEvidence): string | undefined {
  const environment = recorded?.environment;
  if (typeof environment?.python !== "string") return undefined;
  const versions = frameworksOf(environment).map(({ name, version }) => `${name} ${version}`);
  return [`Python ${environment.python}`, ...versions].join(", ");
}

function personId({ host }: Attempt): string {
  return `#user-${host.uid ?? "unknown"}-${encodeURIComponent(host.name)}`;
}

/** Nobody's name is recorded: whoever it was, it was this user of this machine. */
export function person(attempt: Attempt): Entity {
  const { uid, name } = attempt.host;
  return {
    "@id": personId(attempt),
    "@type": "Person",
    name: `User ${uid ?? "unknown"} of ${name}`,
  };
}

/** The image that the steps' containers were made from; none where no container engine ran. */
export function containerImage({ environment: { image } }: Attempt): Entity[] {
  if (image === undefined) return [];
  const { registry, name, tag } = imageParts(image.name, image.digest !== undefined);
  const identity = image.digest ?? image.config ?? image.layers ?? image.id;
  return [{
    "@id": `#image-${encodeURIComponent(identity)}`,
    "@type": "ContainerImage",
    additionalType: { "@id": `${WORKFLOW_RUN}DockerImage` },
    registry,
    name,
    tag,
    sha256: identity.replace(/^.*sha256:/, ""),
    description: identityInWords(image),
  }];
}

/** Environment variables that numerics depend on. */
export function environmentOf({ variables }: Attempt, index: number): Entity[] {
  return Object.entries(variables).map(([name, value]) => ({
    "@id": `#environment-${index + 1}-${name}`,
    "@type": "PropertyValue",
    name,
    value,
  }));
}

/** Registry, name and tag of an image's name. */
export interface ImageParts {
  registry: string;
  name: string;
  tag: string;
}

/**
 * Takes an image's name apart as Docker does: a first part with a dot, a colon or `localhost` is a registry.
 *
 * @param published the image came from a registry; one that was built here is at `localhost`
 */
export function imageParts(image: string, published: boolean): ImageParts {
  const [reference] = image.split("@");
  const parts = reference!.split("/");
  const isRegistry = parts.length > 1 && /[.:]|^localhost$/.test(parts[0]!);
  const registry = isRegistry ? parts.shift()! : published ? "docker.io" : "localhost";
  const [last, tag = "latest"] = parts.pop()!.split(":");
  return { registry, name: [...parts, last].join("/"), tag };
}
