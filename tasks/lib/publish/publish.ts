/** `deno task publish`: one commit → image → registry or archive → words for the paper. */

import { Failure } from "../cli/failure.ts";
import { bytes } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { Experiment } from "../experiment/experiment.ts";
import type { ImageIdentity } from "../experiment/image_identity.ts";
import { readExperiment } from "../experiment/read.ts";
import { buildCommand, type BuildPlan } from "../image/build_plan.ts";
import { buildImage, planImage } from "../image/build.ts";
import { shellQuote } from "../system/command.ts";
import { callerFolder } from "../system/project_root.ts";
import { StopSignals } from "../system/supervise.ts";
import { type Archive, isCompressed, saveImage } from "./archive.ts";
import { type AuthorsRun, findAuthorsRun } from "./authors_run.ts";
import { pushImage } from "./push.ts";
import { type PublishOptions, type PublishRequest, readPublishRequest } from "./request.ts";
import { type PublishedCommit, readPublishedCommit, shown } from "./commit.ts";
import { describePublication, type Publication, reference, type Words } from "./texts.ts";

type Outcome = { exitCode: 0; result: unknown };

/** What Zenodo takes in one record. */
const ZENODO_BYTES = 50e9;

/** @throws Failure(2) for what must not be published, and as `deno task build`, `pushImage` and `saveImage` */
export async function publishTask(
  options: PublishOptions,
  which: string | undefined,
  terminal: Terminal,
): Promise<Outcome> {
  const request = readPublishRequest(options);
  const experiment = await readExperiment(which, callerFolder());
  const source = await readPublishedCommit(experiment.root, request.limit);
  const run = await findAuthorsRun(experiment);
  warn(source, run, terminal);
  const data = Object.keys(experiment.data);
  if (data.length > 0) {
    terminal.note(`Not in the image: the data ${data.join(", ")}; steps that run in it fetch what they read`);
  }
  if (request.plan) return await showPlan(request, experiment, source, run, terminal);
  const { identity, bytes: size, plan } = await buildImage(request.build, experiment, terminal);
  const sent = await send(request, size, terminal);
  const publication: Publication = { ...about(request, plan, source, run), identity, ...sent };
  const words = describePublication(publication, experiment);
  show(publication, words, terminal);
  if (plan.kind === "gpu" && experiment.environment.gpus === "optional") {
    terminal.note("\nThe lines ask for GPUs; on a machine without one leave out --gpus all");
  }
  return { exitCode: 0, result: result(publication, words, size) };
}

function about(
  { tag }: PublishRequest,
  { kind, base }: BuildPlan,
  source: PublishedCommit,
  run?: AuthorsRun,
) {
  return { tag, kind, base, source, run };
}

function warn({ untracked, bytes: size }: PublishedCommit, run: AuthorsRun | undefined, terminal: Terminal) {
  terminal.line(`The project's own files: ${bytes(size)}`);
  if (untracked.length > 0) {
    terminal.note(`Not in the image, since git does not track them: ${shown(untracked).join(", ")}`);
  }
  if (run === undefined) {
    terminal.note("The statement names no hardware, for there is no run: deno task reproduce makes one");
  } else {
    const { claims, folder } = run;
    terminal.line(`Hardware and verdict of the authors' own run: ${folder}`);
    if (claims === undefined) {
      terminal.note(`${folder} has no verdict on its evidence, so the statement has none`);
    } else if (claims.held < claims.of) {
      terminal.note(`In that run only ${claims.held} of ${claims.of} claims held, and the statement says so`);
    }
  }
}

async function showPlan(
  request: PublishRequest,
  experiment: Experiment,
  source: PublishedCommit,
  run: AuthorsRun | undefined,
  terminal: Terminal,
): Promise<Outcome> {
  const plan = await planImage(request.build, experiment);
  const { tag, push, archive } = request;
  const build = buildCommand(plan, experiment.root);
  const commands = [
    shellQuote(build),
    ...(push ? [shellQuote(["docker", "push", tag])] : []),
    ...(archive === undefined ? [] : [saveLine(tag, archive)]),
  ];
  commands.forEach((command) => terminal.line(command));
  if (push) {
    terminal.note("The push brings the digest, which then stands in the words in place of the version");
  }
  const words = describePublication(about(request, plan, source, run), experiment);
  terminal.line();
  terminal.line(words.statement);
  return { exitCode: 0, result: { commands, plan, ...words } };
}

/** What a person would type; the task itself hashes, and renames what is whole. */
function saveLine(tag: string, archive: string): string {
  const compress = isCompressed(archive) ? "| gzip " : "";
  return `${shellQuote(["docker", "save", tag])} ${compress}> ${shellQuote([archive])}`;
}

/** Pushes and saves, as asked; a signal ends either, and the image stays for the next try. */
async function send(
  { tag, push, archive }: PublishRequest,
  size: number,
  terminal: Terminal,
): Promise<{ digest?: string; archive?: Archive }> {
  using stopper = new StopSignals();
  const signal = stopper.aborted;
  try {
    const digest = push
      ? await pushImage(tag, { signal, progress: (line) => terminal.progress(`pushing: ${line}`) })
      : undefined;
    if (digest !== undefined) terminal.line(`Pushed ${tag}: ${digest}`);
    const saved = archive === undefined ? undefined : await saveImage(tag, archive, {
      signal,
      progress: (count) => terminal.progress(`saving: ${bytes(count)} of about ${bytes(size)}`),
    });
    if (saved !== undefined) {
      terminal.line(`Saved ${saved.path}: ${bytes(saved.bytes)}, SHA-256 ${saved.sha256}`);
    }
    return { digest, archive: saved };
  } catch (error) {
    if (stopper.signal === undefined) throw error;
    throw new Failure(
      130,
      `Interrupted by ${stopper.signal}: ${tag} is built, and not all of it is published`,
    );
  }
}

function show(publication: Publication, words: Words, terminal: Terminal) {
  const { tag, identity, digest, archive } = publication;
  const section = (title: string, ...lines: string[]) => {
    terminal.line();
    terminal.line(terminal.paint(title, "bold"));
    lines.forEach((line) => terminal.line(line));
  };
  section(
    "The image",
    `name    ${tag}`,
    ...(digest === undefined ? [] : [`digest  ${reference(publication)}`]),
    ...identityLines(identity!),
  );
  section("For the paper", words.paper);
  section("To look at it in JupyterLab", words.jupyter);
  section("To keep what a reproduction writes", words.keep);
  section("Open Science statement", words.statement.replace(/^Open Science statement\. /, ""));
  if (digest === undefined && archive === undefined) {
    terminal.note("\nNobody else has this image yet: --push sends it to a registry, --archive writes a file");
  }
  if (archive !== undefined && archive.bytes > ZENODO_BYTES) {
    terminal.note(`\n${archive.path} is larger than the ${bytes(ZENODO_BYTES)} that Zenodo takes`);
  }
}

/** What the image is known by, and where each of it holds. */
function identityLines({ config, layers, id }: ImageIdentity): string[] {
  return [
    ...(config === undefined ? [] : [`config  ${config}, the same after a pull or a load`]),
    ...(layers === undefined ? [] : [`layers  ${layers}, the same on every engine`]),
    ...(config === id ? [] : [`id      ${id}, on this engine only`]),
  ];
}

function result({ run, source, base, kind: _, ...published }: Publication, words: Words, size: number) {
  const { revision, source: repository, licenses } = source;
  return {
    ...published,
    bytes: size,
    base,
    code: { revision, repository, licenses },
    run: run && { folder: run.folder, claims: run.claims },
    ...words,
  };
}
