/** From a prepared run to its evidence: environment, run folder, one step after the other. */

import { dirname, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { EarlyAnswers } from "../engine/engine.ts";
import { engineOf } from "../engine/index.ts";
import type { PreparedEnvironment } from "../environment/environment.ts";
import { publishedSource } from "../experiment/published_source.ts";
import type { Plan, PlannedStep } from "../plan/plan.ts";
import { whenFixed } from "../record/claims_commit.ts";
import { readCode } from "../record/code.ts";
import {
  type Attempt,
  type Evidence,
  EVIDENCE_SCHEMA,
  findAlteredOutputs,
  hashOutputs,
  readEvidence,
  recordOutputs,
  recordVariables,
  type RunStatus,
  type StepEvidence,
  writeEvidence,
} from "../record/evidence.ts";
import { notCode, ProjectTree } from "../record/project_tree.ts";
import { markInterrupted, recoverRuns } from "../record/recover.ts";
import { type FoundRun, pointLatest, publishedPath } from "../record/run_folder.ts";
import { acquireRun } from "../record/run_lock.ts";
import { RunLog } from "../record/run_log.ts";
import { restoreSetAside, SET_ASIDE } from "../record/set_aside.ts";
import { kindOf } from "../sources/sources.ts";
import { exists, makeOwnFolder, sha256File, writeJson } from "../system/files.ts";
import { StopSignals } from "../system/supervise.ts";
import { publishedFolder } from "../verdict/conditions.ts";
import { checkNotebookParameters } from "./check_notebooks.ts";
import { checkStandIns } from "./check_stand_ins.ts";
import { nothingToResume, type Origin, type PreparedRun, type RunRequest } from "./prepare_run.ts";
import type { CarriedOut, StepContext } from "./run_step.ts";
import { startAhead, type StartedAhead } from "./start_ahead.ts";

/** What the caller of a run hears while it goes on. */
export interface RunHooks {
  /** Takes work, such as the removal of a container, that has to be done before the command ends. */
  meanwhile: StepContext["meanwhile"];
  /** A step's process has started: until it ends there is nothing to do here. */
  started: () => void;
}

/**
 * Carries out a prepared run and records it.
 *
 * @returns the evidence; its status says whether the run is done, failed or interrupted.
 * @throws Failure(3) if the environment can't be made or the run folder is held by another process, Failure(130) if a
 * stop was asked for before there was anything to record.
 */
export async function executeRun(
  prepared: PreparedRun,
  request: RunRequest,
  terminal: Terminal,
  hooks: RunHooks,
): Promise<Evidence> {
  using stopper = new StopSignals();
  const { plan } = prepared;
  checkStandIns(plan);
  const parameters = checkNotebookParameters(plan);
  parameters.catch(() => {}); // it is thrown below
  const recovered = await announceRecovered(prepared, terminal);
  // Asking an engine takes as long as reading the code does, so both go on at the same time.
  const reaped = announceReaped(prepared, request, recovered, terminal);
  await announcePutBack(prepared, reaped, terminal);
  await parameters;
  // Before the environment is made: a folder that can't be written to should show at once.
  await makeOwnFolder(prepared.runs);
  await Deno.mkdir(dirname(plan.directory), { recursive: true });
  const environment = await makeEnvironment(prepared, request, stopper, terminal);
  plan.environment.python = environment.python;
  if (plan.container === undefined) {
    const { checkPrograms } = await import("./check_programs.ts");
    await checkPrograms(plan, environment.python);
  }
  // Before there is a record: a project that another run writes into is refused, and nothing is left of this one.
  const tree = await ProjectTree.open(plan, request.keepOutputs);
  try {
    return await record({ prepared, request, terminal, stopper, ...hooks, tree, environment, reaped });
  } finally {
    await tree?.close();
  }
}

type Begun = Omit<Running, "evidence"> & { environment: MadeEnvironment; reaped: Promise<void> };

async function record({ environment, reaped, ...begun }: Begun): Promise<Evidence> {
  const { prepared, request, terminal, tree } = begun;
  const { plan, runs, resumed } = prepared;
  if (resumed === undefined) {
    await Deno.mkdir(plan.directory);
    await keepPublished(prepared);
  }
  using _ = await acquireRun(plan.directory, request.force);
  // Where steps are copied, or what they write is put in its place first, nothing is known of the first one yet.
  const isSimple = resumed === undefined && !request.reuse && tree === undefined;
  await using ahead = isSimple ? await startAhead(plan) : undefined;
  const [attempt, made] = await Promise.all([
    beginAttempt(prepared, environment, request.origin),
    resumed === undefined ? newEvidence(prepared, request.origin) : undefined,
    reaped,
  ]);
  const evidence = made ?? await takeUp(resumed!, request);
  evidence.attempts.push(attempt);
  attempt.differs?.forEach((what) => terminal.note(`Since the last attempt: ${what}`));
  await writeEvidence(plan.directory, evidence);
  await tree?.stage();
  await runSteps({ ...begun, evidence, ahead });
  if (plan.task === "reproduce") await pointLatest(runs, plan.experiment.name, plan.run).catch(() => {});
  return evidence;
}

/** Figures of the authors' that those of the run are compared with, so that the record can be judged alone. */
async function keepPublished({ experiment: { root, claims }, plan }: PreparedRun) {
  for (const { from, published, text, tolerance } of claims) {
    if (published === undefined || tolerance.length === 0 || kindOf(from).distance === undefined) continue;
    const source = publishedSource(from, published);
    if ("problem" in source) continue;
    const kept = publishedPath(plan.directory, String(text));
    await Deno.mkdir(dirname(kept), { recursive: true });
    await Deno.copyFile(join(root, source.path), kept);
  }
}

async function announceRecovered(
  { runs, plan, resumed }: PreparedRun,
  terminal: Terminal,
): Promise<FoundRun[]> {
  const recovered = await recoverRuns(runs, plan.experiment.name);
  for (const { id, evidence } of recovered) {
    if (id !== resumed?.id) terminal.note(`The earlier run ${id} was killed: recorded as ${evidence.status}`);
  }
  return recovered;
}

/** Before the code is read: what a killed run has moved aside is the user's. */
async function announcePutBack(
  { plan: { experiment: { root } }, runs }: PreparedRun,
  reaped: Promise<void>,
  terminal: Terminal,
) {
  if (!await exists(join(root, SET_ASIDE))) return;
  await reaped; // a container may still be writing there
  for (const { run, paths, left } of await restoreSetAside(root, runs)) {
    const kept = left === undefined ? "" : `; what stood there is in ${left}`;
    terminal.note(`What the run ${run} had moved aside is back: ${paths.join(", ")}${kept}`);
  }
}

/** Removes containers that are left of other runs; an engine that does not answer is asked again by the next run. */
async function announceReaped(
  { plan }: PreparedRun,
  { engine, early }: RunRequest,
  recovered: FoundRun[],
  terminal: Terminal,
): Promise<void> {
  const engines = [plan.engine, ...recovered.map(({ evidence }) => evidence.engine)];
  for (const name of new Set(engines.map(({ name }) => name))) {
    const asked = name === engine ? early?.steps : undefined;
    const reaped = await reap(name, plan.experiment.root, asked).catch(() => []);
    reaped.forEach((run) => terminal.note(`The container that ${run} left is removed`));
  }
}

async function reap(engine: string, root: string, asked: EarlyAnswers["steps"]): Promise<string[]> {
  return await (await engineOf(engine)).reap?.(root, asked) ?? [];
}

type MadeEnvironment = Pick<PreparedEnvironment, "python" | "directory" | "lockSha256">;

/** The environment of the steps on this machine, made if it is not there; nothing in a container. */
export async function makeEnvironment(
  { experiment, host, plan }: PreparedRun,
  { yes, pythonElsewhere }: RunRequest,
  stopper: StopSignals,
  terminal: Terminal,
): Promise<MadeEnvironment> {
  if (plan.container !== undefined || pythonElsewhere !== undefined) {
    return { python: plan.environment.python, directory: "", lockSha256: "" };
  }
  if (host.image !== undefined) return { python: host.image.python, directory: "", lockSha256: "" };
  const { ensureEnvironment, environmentRequest } = await import("../environment/environment.ts");
  try {
    return await ensureEnvironment({
      ...environmentRequest(experiment, host),
      yes,
      announce: (line) => terminal.line(line),
      progress: (line) => terminal.progress(line),
      signal: stopper.aborted,
    });
  } catch (error) {
    if (stopper.signal !== undefined) throw new Failure(130, "Interrupted before the run began");
    throw error;
  }
}

async function beginAttempt(
  { plan, host, resumed, experiment, runs }: PreparedRun,
  { python, lockSha256, directory }: MadeEnvironment,
  origin?: Origin,
): Promise<Attempt> {
  const code = await readCode(experiment.root, runs, notCode(plan));
  const attempt: Attempt = {
    started: new Date().toISOString(),
    status: "running",
    pid: Deno.pid,
    host,
    environment: {
      python,
      lockSha256,
      pythonVersion: await versionOf(directory),
      gpus: plan.environment.gpus,
      image: plan.container?.image,
    },
    variables: recordVariables(sharedVariables(plan), plan.container === undefined),
    // A copy of what is tracked knows of no commit.
    code: origin === undefined ? code : { ...origin.code, files: code.files, sha256: code.sha256 },
  };
  const before = resumed?.evidence.attempts.at(-1);
  return before === undefined ? attempt : { ...attempt, differs: differences(before, attempt) };
}

/** Those of all steps; what is a step's own, its record has. */
function sharedVariables({ steps }: Plan): Record<string, string> {
  const [{ env = {}, settings = {} } = {}] = steps;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !Object.hasOwn(settings, name)));
}

/** The version of Python that a virtual environment was made with. */
async function versionOf(directory: string): Promise<string | undefined> {
  if (directory === "") return undefined;
  const text = await Deno.readTextFile(join(directory, "pyvenv.cfg")).catch(() => "");
  return /^version(?:_info)? = (\S+)/m.exec(text)?.[1];
}

function differences(before: Attempt, now: Attempt): string[] {
  const conditions: [what: string, of: (attempt: Attempt) => unknown][] = [
    ["the code has changed", ({ code }) => code.sha256],
    ["the environment has changed", ({ environment: { gpus: _, ...rest } }) => rest],
    ["environment variables have changed", ({ variables }) => variables],
    ["it is another machine", ({ host }) => [host.name, host.cpu, host.gpus]],
  ];
  return conditions.filter(([, of]) => JSON.stringify(of(before)) !== JSON.stringify(of(now))).map(([what]) =>
    what
  );
}

/** Writes the plan and begins the evidence of a new run. */
async function newEvidence({ plan, experiment }: PreparedRun, origin?: Origin): Promise<Evidence> {
  const { file } = origin ?? experiment;
  return {
    ...await planned({ plan }),
    claims: await whenFixed(file, experiment.claims, publishedFolder({ file })),
  };
}

async function planned({ plan }: Pick<PreparedRun, "plan">): Promise<Evidence> {
  const path = join(plan.directory, "plan.json");
  await writeJson(path, plan);
  return {
    schema: EVIDENCE_SCHEMA,
    run: plan.run,
    task: plan.task,
    status: "planned",
    created: new Date().toISOString(),
    experiment: { name: plan.experiment.name, title: plan.experiment.title },
    planSha256: await sha256File(path),
    engine: plan.engine,
    parameters: plan.parameters,
    changed: plan.changed,
    onlyParameters: plan.onlyParameters,
    attempts: [],
    steps: {},
  };
}

/** What all runs that are handed to a cluster together have in common: the conditions, and the claims' commit. */
export async function planElsewhere(
  prepared: PreparedRun,
  environment: MadeEnvironment,
): Promise<{ attempt: Attempt; claims: Evidence["claims"] }> {
  const { file, claims } = prepared.experiment;
  const [attempt, fixed] = await Promise.all([
    beginAttempt(prepared, environment),
    whenFixed(file, claims, publishedFolder({ file })),
  ]);
  return { attempt, claims: fixed };
}

/**
 * Records a run whose steps other machines have carried out: the same record as if they had run here.
 *
 * @param elsewhere what became of the steps, by their names
 * @param because why the steps that are not among them did not run
 */
export async function recordElsewhere(
  prepared: PreparedRun,
  given: Pick<Evidence, "attempts" | "claims" | "created">,
  elsewhere: Record<string, CarriedOut>,
  because: string,
  terminal: Terminal,
): Promise<Evidence> {
  using stopper = new StopSignals();
  const { plan } = prepared;
  await Deno.mkdir(plan.directory, { recursive: true });
  using _ = await acquireRun(plan.directory);
  await keepPublished(prepared);
  // Of a taking in that was interrupted.
  await Deno.remove(join(plan.directory, "log.txt")).catch(() => {});
  const evidence: Evidence = { ...await planned(prepared), ...given };
  await writeEvidence(plan.directory, evidence);
  const request = { reuse: false, resume: false } as RunRequest;
  const hooks = { meanwhile: () => {}, started: () => {} };
  await runSteps({ prepared, request, evidence, terminal, stopper, ...hooks, elsewhere, because });
  return evidence;
}

/** The evidence of a run that goes on, read again now that nobody else can write to it. */
async function takeUp({ id, directory }: FoundRun, { task }: RunRequest): Promise<Evidence> {
  const evidence = await readEvidence(directory);
  if (evidence.status === "done") throw nothingToResume(task, `another process has finished ${id}`);
  const [{ removeReceipt }, { verdictPath }] = await Promise.all([
    import("../record/receipt.ts"),
    import("../record/verdict.ts"),
  ]);
  // They were about an earlier attempt.
  await Deno.remove(verdictPath(directory)).catch(() => {});
  await removeReceipt(directory);
  return Object.assign(evidence, { status: "running", ended: undefined });
}

interface Running extends RunHooks {
  prepared: PreparedRun;
  request: RunRequest;
  evidence: Evidence;
  terminal: Terminal;
  stopper: StopSignals;
  tree?: ProjectTree;
  ahead?: StartedAhead;
  /** What became of the steps, where other machines have carried them out. */
  elsewhere?: StepContext["elsewhere"];
  /** Why others did not run there. */
  because?: string;
}

async function runSteps({ prepared, request, evidence, because, ...given }: Running) {
  const { terminal, stopper, tree } = given;
  const { plan, runs, resumed } = prepared;
  const { runStep } = await import("./run_step.ts"); // while a container or a kernel starts ahead
  const log = await RunLog.open(plan.directory, evidence.attempts.length);
  evidence.status = "running";
  try {
    const { reuse } = request;
    const resuming = resumed !== undefined;
    const context = { ...given, plan, evidence, log, runs, reuse, resuming };
    for (const step of plan.steps) {
      if (stopper.signal !== undefined) {
        return finish(evidence, "interrupted", `stopped by ${stopper.signal}`);
      }
      if (await isDone(evidence, step)) {
        await tree?.place(step);
        continue;
      }
      const without = lacking(evidence, step);
      if (without !== undefined) {
        const problem = `it needs "${without}", which did not end well`;
        evidence.steps[step.name] = notRun(evidence, step, problem);
        if (!step.optional) return finish(evidence, "failed", `"${step.name}" can't run: ${problem}`);
        terminal.note(`"${step.name}" is not run: ${problem}`);
        continue;
      }
      if (given.elsewhere !== undefined && given.elsewhere[step.name] === undefined) {
        return finish(evidence, "interrupted", because);
      }
      const { status, problem } = await runStep(context, step);
      if (status === "failed" && step.optional) {
        terminal.note(`"${step.name}" failed (${problem}); it is optional, so the run goes on without it`);
        continue;
      }
      if (status === "failed" || status === "interrupted") return finish(evidence, status, problem);
    }
    finish(evidence, "done");
  } catch (error) {
    markInterrupted(evidence, (error as Error).message);
    throw error;
  } finally {
    log.close();
    await writeEvidence(plan.directory, evidence);
  }
}

/** The step that this one needs, and that has failed, if there is one. */
function lacking({ steps }: Evidence, { needs }: PlannedStep): string | undefined {
  return Object.keys(needs).find((name) => ["failed", "not run"].includes(steps[name]?.status ?? ""));
}

function notRun({ attempts }: Evidence, { argv }: PlannedStep, problem: string): StepEvidence {
  const attempt = attempts.length - 1;
  return { status: "not run", argv, command: [], attempt, fingerprint: "", needs: {}, problem };
}

/** Whether an earlier attempt has done the step, and its outputs and what it read are still what was recorded. */
async function isDone(evidence: Evidence, step: PlannedStep): Promise<boolean> {
  const record = evidence.steps[step.name];
  if (record?.status !== "done" && record?.status !== "reused") return false;
  for (const [name, need] of Object.entries(record.needs)) {
    if (hashOutputs(await recordOutputs(need.directory)) !== need.sha256) return false;
    if (evidence.steps[name]?.attempt === evidence.attempts.length - 1) return false; // made again just now
  }
  return (await findAlteredOutputs(step.out, step.name, record)).length === 0;
}

function finish(evidence: Evidence, status: RunStatus, because?: string) {
  evidence.status = status;
  const attempt = evidence.attempts.at(-1)!;
  // On another machine it has ended before.
  evidence.ended = attempt.ended ?? new Date().toISOString();
  Object.assign(attempt, { status, ended: evidence.ended, because });
}
