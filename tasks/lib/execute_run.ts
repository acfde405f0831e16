/** From a prepared run to its evidence: environment, run folder, one step after the other. */

import { join } from "node:path";
import { readCode } from "./code.ts";
import { ensureEnvironment } from "./environment.ts";
import {
  type Evidence,
  EVIDENCE_SCHEMA,
  findAlterations,
  recordVariables,
  type StepEvidence,
  writeEvidence,
} from "./evidence.ts";
import { Failure } from "./failure.ts";
import { sha256, writeJson } from "./files.ts";
import type { Plan } from "./plan.ts";
import { environmentRequest, type PreparedRun, type RunRequest } from "./prepare_run.ts";
import { markInterrupted, pointLatest, recoverRuns, RunLock } from "./run_folder.ts";
import { RunLog } from "./run_log.ts";
import { runStep } from "./run_step.ts";
import type { Terminal } from "./terminal.ts";

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
