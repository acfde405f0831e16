/** The words about a published image: the command lines for readers, the line for the paper, and the statement. */

import { basename, relative } from "node:path";
import { gpuArguments } from "../engine/container.ts";
import { identityInWords, type ImageIdentity } from "../experiment/image_identity.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { type BuildPlan, byDigest, type Provenance } from "../image/build_plan.ts";
import { machine } from "../report/text.ts";
import { shellQuote } from "../system/command.ts";
import type { Gpu } from "../system/host.ts";
import type { Archive } from "./archive.ts";
import type { AuthorsRun } from "./authors_run.ts";

/** What was published, or would be. */
export interface Publication {
  /** Name with version. */
  tag: string;
  /** What the image is known by, once it is built. */
  identity?: ImageIdentity;
  /** Of the registry it was pushed to. */
  digest?: string;
  archive?: Archive;
  kind: BuildPlan["kind"];
  base: BuildPlan["base"];
  source: Provenance;
  run?: AuthorsRun;
}

export interface Words {
  /** What runs the experiment and exits with the verdict. */
  reproduce: string;
  /** What opens it in a browser. */
  jupyter: string;
  /** `reproduce`, with the results kept in `runs/` and belonging to who runs it. */
  keep: string;
  paper: string;
  /** Absent without a run that would name it. */
  hardware?: string;
  statement: string;
}

export function describePublication(publication: Publication, experiment: Experiment): Words {
  const image = reference(publication);
  const run = ["docker", "run", "--rm"];
  const needs = needsOf(publication.kind, experiment);
  const task = ["reproduce", ...experimentArgument(experiment)];
  const reproduce = loading(publication) + shellQuote([...run, ...needs, image, ...task]);
  return {
    reproduce,
    jupyter: shellQuote([...run, ...needs, "--publish", "127.0.0.1:8888:8888", image]),
    // For a shell to fill in, so it can't be quoted.
    keep: `mkdir -p runs && ${shellQuote([...run, ...needs])} --user "$(id -u):$(id -g)" --group-add 100 ` +
      `--volume "$PWD/runs:/home/jovyan/work/runs" ${shellQuote([image, ...task])}`,
    paper: `The experiment can be reproduced with: ${reproduce}`,
    hardware: publication.run && hardwareOf(publication.run),
    statement: statement(publication, experiment, reproduce),
  };
}

/** The image by the digest under which everybody gets the same, if it has one. */
export function reference({ tag, digest }: Publication): string {
  return digest === undefined ? tag : byDigest(tag, digest);
}

/** What was not pushed comes out of the archive. */
function loading({ digest, archive }: Publication): string {
  if (digest !== undefined || archive === undefined) return "";
  return `${shellQuote(["docker", "load", "--input", basename(archive.path)])} && `;
}

/** What the experiment wants of the engine; device ids mean nothing on another machine, so they are counted. */
function needsOf(kind: BuildPlan["kind"], { environment: { gpus, limits } }: Experiment): string[] {
  const wanted = gpus === "optional" ? "all" : Array.isArray(gpus) ? gpus.length : gpus;
  return [
    ...(kind === "cpu" ? [] : gpuArguments("docker", wanted)),
    ...(limits.shmSize === undefined ? [] : ["--shm-size", limits.shmSize]),
  ];
}

/** Which of the project's experiments is meant: none has to be named if it is the main one. */
export function experimentArgument({ file, root }: Experiment): string[] {
  const path = relative(root, file);
  if (path === "experiment.yaml") return [];
  return [/^experiments\/([^/]+)\/experiment\.yaml$/.exec(path)?.[1] ?? path];
}

function statement(publication: Publication, experiment: Experiment, reproduce: string): string {
  const { source, run, archive } = publication;
  return [
    "Open Science statement.",
    `The code of this work (${codeOf(source)}), the data that is kept with it and its software environment ` +
    `are in the container image ${imageOf(publication)}.`,
    ...(archive === undefined ? [] : [
      `The file ${
        basename(archive.path)
      } (SHA-256 ${archive.sha256}) holds the same image for \`docker load\`.`,
    ]),
    `The command \`${reproduce}\` runs the experiment${comparison(experiment.claims.length)}.`,
    ...(run === undefined ? [] : [runSentence(run, source)]),
  ].join(" ");
}

function comparison(claims: number): string {
  if (claims === 0) return "";
  const [what, all] = claims === 1
    ? ["published value", "it holds"]
    : [`${claims} published values`, "all hold"];
  return ` and compares its results with the ${what}; its exit code is 0 only if ${all}`;
}

function codeOf({ revision, source, licenses }: Provenance): string {
  return [
    source === undefined ? `commit ${revision}` : `commit ${revision} of ${source}`,
    ...(licenses === undefined ? [] : [`licence ${licenses}`]),
  ].join(", ");
}

function imageOf(publication: Publication): string {
  const { identity, base: { image, pin } } = publication;
  const base = pin?.kind === "registry" ? byDigest(image, pin.digest) : image;
  // The digest is in the reference already; beside it stands what a file that is loaded has, too.
  const known = identity && identityInWords({ ...identity, digest: undefined });
  return `${reference(publication)}${known === undefined ? "" : ` (${known})`}, built on ${base}`;
}

function runSentence(run: AuthorsRun, { revision }: Provenance): string {
  const { evidence, claims } = run;
  const { commit, dirty } = evidence.attempts.at(-1)!.code;
  const changes = dirty.length === 0 ? "" : " with changes";
  const other = commit === undefined || (commit === revision && changes === "")
    ? ""
    : ` (of commit ${commit}${changes})`;
  const held = claims === undefined ? "it ran" : `${claims.held} of ${claims.of} held`;
  return `In our own run of ${evidence.created.slice(0, 10)}${other}, ${held} on ${hardwareOf(run)}.`;
}

function hardwareOf({ evidence }: AuthorsRun): string {
  const { host, environment } = evidence.attempts.at(-1)!;
  return `${machine(host)}, ${gpusInWords(host.gpus, environment.gpus)}`;
}

/** @param said what the plan of the run says of the GPUs that its steps saw */
export function gpusInWords(gpus: Gpu[], said: string): string {
  if (gpus.length === 0 || said.startsWith("none")) return "without a GPU";
  const ids = / of /.test(said) ? said.split(" of ")[0]!.split(", ") : undefined;
  const used = ids === undefined
    ? gpus
    : gpus.filter(({ uuid }, index) => ids.includes(String(index)) || ids.includes(uuid));
  const models = Map.groupBy(used, ({ name, driver }) => `${name} (driver ${driver})`);
  return [...models].map(([model, { length }]) => `${length} × ${model}`).join(" and ");
}
