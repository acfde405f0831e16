/** A whole run: the request becomes a plan, the plan a run folder, and the folder's evidence says what happened. */

import { basename, join } from "node:path";
import { readCode } from "./code.ts";
import { chooseEngine, engineCommand } from "./engine/index.ts";
import { ensureEnvironment, findPython } from "./environment.ts";
import {
  type Evidence,
  EVIDENCE_SCHEMA,
  findAlterations,
  recordVariables,
  type StepEvidence,
  writeEvidence,
} from "./evidence.ts";
import { type Experiment, readExperiment, stepOrder } from "./experiment.ts";
import { Failure } from "./failure.ts";
import { exists, sha256, writeJson } from "./files.ts";
import { type Host, inspectHost } from "./host.ts";
import { makePlan, type Need, type NotebookOptions, type Plan, PLAN_SCHEMA, type Scalar } from "./plan.ts";
import {
  asItEnded,
  callerFolder,
  findRun,
  type FoundRun,
  listRuns,
  markInterrupted,
  newRunId,
  pointLatest,
  recoverRuns,
  RunLock,
  runsRoot,
} from "./run_folder.ts";
import { RunLog } from "./run_log.ts";
import { runStep } from "./run_step.ts";
import { suggest } from "./suggest.ts";
import type { Terminal } from "./terminal.ts";

/** What a task asks for. */
export interface RunRequest {
  task: string;
  /** Name or path of the experiment. */
  experiment?: string;
  /** Steps by name; all of them without it. */
  steps?: string[];
  /** Parameter values from the command line. */
  parameters: Record<string, string>;
  /** Arguments for the steps' own commands. */
  rest: string[];
  engine: string;
  runs?: string;
  reuse: boolean;
  resume: boolean;
  force: boolean;
  notebook?: NotebookOptions;
}

export interface PreparedRun {
  experiment: Experiment;
  host: Host;
  plan: Plan;
  /** Folder of the runs of all experiments. */
  runs: string;
  /** The run that is taken up again. */
  resumed?: FoundRun;
}

/**
 * Reads everything that a run depends on and plans it. Nothing is written.
 *
 * @throws Failure(2) for a wrong request or file, Failure(3) for what this machine lacks.
 */
export async function prepareRun(request: RunRequest): Promise<PreparedRun> {
  const experiment = await readExperiment(request.experiment, callerFolder());
  checkParameters(request, experiment);
  const runs = runsRoot(experiment.root, request.runs);
  const host = await inspectHost();
  if (request.resume) return await prepareResume(request, experiment, host, runs);
  const names = chooseSteps(request, experiment);
  const run = newRunId();
  const plan = await makePlan(experiment, host, {
    task: request.task,
    run,
    directory: join(runs, experiment.name, run),
    steps: names,
    overrides: request.parameters,
    rest: request.rest,
    notebook: request.notebook,
    experimentText: await Deno.readTextFile(experiment.file),
    engine: chooseEngine(request.engine, host),
    python: await expectedPython(experiment, host),
    findStep: (step, parameters) => findStep(runs, experiment.name, step, parameters),
  });
  return { experiment, host, plan, runs };
}

function environmentRequest({ root, environment: { requirements, gpus } }: Experiment, host: Host) {
  return { root, requirements, gpu: gpus !== "none" && host.gpus.length > 0 };
}

/** The interpreter that the environment will have once it is made. */
async function expectedPython(experiment: Experiment, host: Host): Promise<string> {
  const { requirements, gpu, root } = environmentRequest(experiment, host);
  if (requirements === undefined) return (await findPython()).path;
  return join(Deno.env.get("VENV_DIR") ?? join(root, gpu ? ".venv-cuda" : ".venv"), "bin/python");
}

/** Declared parameters are options; anything else that looks like one is a mistake. */
function checkParameters(request: RunRequest, experiment: Experiment) {
  const declared = Object.keys(experiment.parameters);
  for (const name of Object.keys(request.parameters)) {
    if (declared.includes(name)) continue;
    const near = suggest(name, [
      ...declared,
      "plan",
      "json",
      "engine",
      "runs",
      "reuse",
      "resume",
      "force",
      "help",
    ]);
    throw new Failure(
      2,
      `"deno task ${request.task}" has no option --${name}${near ? `, did you mean --${near}?` : ""}`,
      {
        remedy: `Parameters of ${experiment.name}: ${declared.map((one) => `--${one}`).join(", ") || "none"}`,
      },
    );
  }
}

function chooseSteps(request: RunRequest, experiment: Experiment): string[] {
  const known = Object.keys(experiment.steps);
  if (request.steps === undefined) return stepOrder(experiment, known);
  if (request.notebook?.notebooks) {
    // Notebooks that were named on the command line run as a step of their own.
    const name = "notebook";
    experiment.steps = { [name]: { name, notebook: "", needs: [], produces: [] } };
    return [name];
  }
  for (const step of request.steps) {
    if (known.includes(step)) continue;
    const near = suggest(step, known);
    throw new Failure(
      2,
      `${experiment.name} has no step "${step}"${near ? `, did you mean "${near}"?` : ""}`,
      {
        remedy: `Its steps: ${known.join(", ")}`,
      },
    );
  }
  return request.steps;
}

async function findStep(
  runs: string,
  experiment: string,
  step: string,
  parameters: Record<string, Scalar>,
): Promise<Need | undefined> {
  const wanted = JSON.stringify(Object.entries(parameters).sort());
  for (const { id, directory, evidence } of await listRuns(runs, experiment)) {
    const status = evidence.steps[step]?.status;
    const same = JSON.stringify(Object.entries(evidence.parameters).sort()) === wanted;
    const plain = !evidence.changed.some((change) => change.startsWith("arguments added"));
    const folder = join(directory, step);
    if ((status === "done" || status === "reused") && same && plain && await exists(folder)) {
      return { run: id, directory: folder };
    }
  }
  return undefined;
}

async function prepareResume(
  request: RunRequest,
  experiment: Experiment,
  host: Host,
  runs: string,
): Promise<PreparedRun> {
  if (Object.keys(request.parameters).length > 0 || request.rest.length > 0) {
    throw new Failure(
      2,
      "--resume goes on with a run as it was planned, so it takes no parameters or arguments",
      {
        remedy: "Leave them out, or leave out --resume to start a new run",
      },
    );
  }
  const all = await listRuns(runs, experiment.name);
  const resumed = all.find(({ evidence }) => evidence.task === request.task);
  if (resumed === undefined || resumed.evidence.status === "done") {
    const what = resumed ? `the newest, ${resumed.id}, is done` : "there is none";
    throw new Failure(
      2,
      `There is no unfinished ${request.task} run of ${experiment.name} to resume: ${what}`,
      {
        remedy: `deno task ${request.task} starts a new one`,
      },
    );
  }
  await asItEnded(resumed);
  const plan = JSON.parse(await Deno.readTextFile(join(resumed.directory, "plan.json"))) as Plan;
  if (plan.schema !== PLAN_SCHEMA) {
    throw new Failure(2, `${resumed.id} was planned by another version of this project`);
  }
  if (plan.directory !== resumed.directory) {
    throw new Failure(2, `${resumed.id} was planned in ${plan.directory} and can only be resumed there`);
  }
  return { experiment, host, plan, runs, resumed };
}

/** The command lines of a plan, by step. */
export function planCommands(plan: Plan): Record<string, string[]> {
  return Object.fromEntries(plan.steps.map((step) => [step.name, engineCommand(plan, step)]));
}

/**
 * Carries out a prepared run and records it.
 *
 * @returns the evidence; its status says whether the run is done, failed or interrupted.
 * @throws Failure(3) if the environment can't be made or the run folder is held by another process.
 */
export async function executeRun(
  prepared: PreparedRun,
  request: RunRequest,
  terminal: Terminal,
): Promise<Evidence> {
  const { plan, runs, experiment } = prepared;
  for (const { id, evidence } of await recoverRuns(runs, plan.experiment.name)) {
    if (id !== prepared.resumed?.id) {
      terminal.note(`The earlier run ${id} was killed: recorded as ${evidence.status}`);
    }
  }
  const environment = await interruptible((signal) =>
    ensureEnvironment({
      ...environmentRequest(experiment, prepared.host),
      announce: (line) => terminal.line(line),
      progress: (line) => terminal.progress(line),
      signal,
    })
  );
  plan.environment.python = environment.python;
  await Deno.mkdir(plan.directory, { recursive: true });
  const lock = await RunLock.take(plan.directory, request.force);
  try {
    const evidence = await beginEvidence(prepared, environment);
    if (prepared.resumed === undefined) await writeJson(join(plan.directory, "plan.json"), plan);
    await writeEvidence(plan.directory, evidence);
    await runSteps(prepared, request, evidence, terminal);
    if (plan.task === "reproduce") await pointLatest(runs, plan.experiment.name, plan.run).catch(() => {});
    return evidence;
  } finally {
    await lock.release();
  }
}

/** Runs something that takes long before there is a run to record; ^C and SIGTERM end it. */
async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  signals.forEach((name) => Deno.addSignalListener(name, stop));
  try {
    return await work(controller.signal);
  } catch (error) {
    if (controller.signal.aborted) throw new Failure(130, "Interrupted before the run began");
    throw error;
  } finally {
    signals.forEach((name) => Deno.removeSignalListener(name, stop));
  }
}

async function beginEvidence(
  { plan, host, resumed, experiment }: PreparedRun,
  environment: { python: string; lockSha256?: string },
): Promise<Evidence> {
  const code = await readCode(experiment.root);
  const now = new Date().toISOString();
  const attempt = { started: now, status: "running" as const, host: host.name, pid: Deno.pid };
  if (resumed !== undefined) {
    const evidence = resumed.evidence;
    const changed = code.sha256 !== evidence.code.sha256
      ? "the code has changed since the first attempt"
      : undefined;
    evidence.attempts.push({ ...attempt, because: changed });
    return Object.assign(evidence, { status: "running", ended: undefined, code, host });
  }
  return {
    schema: EVIDENCE_SCHEMA,
    run: plan.run,
    task: plan.task,
    status: "planned",
    created: now,
    attempts: [attempt],
    experiment: {
      name: plan.experiment.name,
      title: plan.experiment.title,
      sha256: sha256(plan.experiment.text),
    },
    engine: plan.engine,
    host,
    environment: {
      python: environment.python,
      lockSha256: environment.lockSha256,
      gpus: plan.environment.gpus,
    },
    parameters: plan.parameters,
    changed: plan.changed,
    code,
    variables: recordVariables(plan.steps[0]?.env ?? {}),
    steps: {},
  };
}

async function runSteps(prepared: PreparedRun, request: RunRequest, evidence: Evidence, terminal: Terminal) {
  const { plan, runs, resumed } = prepared;
  const log = await RunLog.open(plan.directory);
  const reuseFrom = request.reuse ? runs : undefined;
  evidence.status = "running";
  try {
    const context = { plan, evidence, log, terminal, resuming: resumed !== undefined, reuseFrom };
    for (const step of plan.steps) {
      if (await isDone(evidence, plan, step.name)) continue;
      const record = await runStep(context, step);
      if (record.status === "failed" || record.status === "interrupted") {
        finish(evidence, record);
        break;
      }
    }
    if (evidence.status === "running") finish(evidence);
  } catch (error) {
    markInterrupted(evidence, (error as Error).message);
    throw error;
  } finally {
    log.close();
    await writeEvidence(plan.directory, evidence);
  }
}

/** Whether an earlier attempt has done the step and its outputs are still what was recorded. */
async function isDone(evidence: Evidence, plan: Plan, step: string): Promise<boolean> {
  const record = evidence.steps[step];
  if (record?.status !== "done" && record?.status !== "reused") return false;
  return (await findAlterations(plan.directory, { ...evidence, steps: { [step]: record! } })).length === 0;
}

function finish(evidence: Evidence, ended?: StepEvidence) {
  const status = ended?.status === "interrupted" ? "interrupted" : ended ? "failed" : "done";
  evidence.status = status;
  evidence.ended = new Date().toISOString();
  Object.assign(evidence.attempts.at(-1)!, {
    status,
    ended: evidence.ended,
    because: ended?.problem ?? evidence.attempts.at(-1)!.because,
  });
}

/** The newest or the named run of an experiment, and the experiment as the run recorded it. */
export async function openRun(experiment: string | undefined, run: string | undefined, runsOption?: string) {
  const isFolder = run !== undefined && /[/\\]/.test(run);
  if (isFolder) {
    const found = await asItEnded(await findRun("", "", run));
    return { ...found, runs: join(found.directory, "..", ".."), name: basename(join(found.directory, "..")) };
  }
  const { name, root } = await readExperiment(experiment, callerFolder());
  const runs = runsRoot(root, runsOption);
  return { ...await asItEnded(await findRun(runs, name, run)), runs, name };
}
