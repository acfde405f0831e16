/** One step of a run: from the plan to its part of the evidence. */

import { Buffer } from "node:buffer";
import { dirname, isAbsolute, join, relative } from "node:path";
import { Failure } from "../cli/failure.ts";
import { duration } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import { engineCommand, engineOf } from "../engine/index.ts";
import { contentOf } from "../experiment/image_identity.ts";
import type { Plan, PlannedStep } from "../plan/plan.ts";
import { makeStepCache } from "../plan/step_cache.ts";
import { type CodeFiles, hashCode, isSourceFile } from "../record/code.ts";
import {
  type Evidence,
  hashOutputs,
  type Recorded,
  recordOutputs,
  type StepEvidence,
  writeEvidence,
} from "../record/evidence.ts";
import { shortList, takeOpened } from "../record/opened_files.ts";
import { notCode, type ProjectTree } from "../record/project_tree.ts";
import { remarksOn } from "../record/remarks.ts";
import { type FoundRun, listRuns, runMark } from "../record/run_folder.ts";
import type { RunLog } from "../record/run_log.ts";
import { exists, sha256, sha256File } from "../system/files.ts";
import { type StopSignals, supervise, type Supervised } from "../system/supervise.ts";
import { Folder, readRegularText, readTextIfThere } from "../system/regular_file.ts";
import { checkRecord } from "../system/records.ts";
import { standInsAmong } from "./check_stand_ins.ts";
import type { StartedAhead } from "./start_ahead.ts";

/** What the steps of a run share while it is carried out. */
export interface StepContext {
  plan: Plan;
  evidence: Evidence;
  log: RunLog;
  terminal: Terminal;
  stopper: StopSignals;
  /** Folder of the runs of all experiments. */
  runs: string;
  /** Copy the step from an earlier run if nothing it depends on has changed. */
  reuse: boolean;
  /** What the steps write into the project; absent where they write nothing there. */
  tree?: ProjectTree;
  /** Takes work that has to be done before the command ends, and that no step waits for. */
  meanwhile: (work: Promise<unknown>) => void;
  /** Hears that the step's process has started. */
  started: () => void;
  /** The process of a step that has started before its turn. */
  ahead?: StartedAhead;
  /** The run is taken up again: the step goes on where it was, if it can. */
  resuming: boolean;
  /** Of a run that was carried out on other machines: what became of a step there. Absent where the steps run here. */
  elsewhere?: Record<string, CarriedOut>;
}

/** How a step ended on another machine. */
export interface CarriedOut {
  /** Index of the attempt it ended in. */
  attempt: number;
  /** It went on where an earlier attempt had left it. */
  resumed: boolean;
  started: string;
  ended: string;
  seconds: number;
  /** The command as it was started there; absent where its node has not said it. */
  command?: string[];
  outcome: Supervised;
  /** What went wrong, if the engine there explains it. */
  problem?: string;
  /** File with what it printed. */
  printed: string;
}

/** Runs a step, or copies an unchanged one, and records it; the step's status says how it went. */
export async function runStep(context: StepContext, step: PlannedStep): Promise<StepEvidence> {
  const { plan, evidence, terminal } = context;
  const before = evidence.steps[step.name];
  const record = await beginRecord(context, step, before);
  const position = `step ${plan.steps.indexOf(step) + 1} of ${plan.steps.length}`;
  const description = step.description === undefined ? "" : ` (${step.description})`;
  const earlier = context.reuse ? await findSame(context, step, record.fingerprint) : undefined;
  evidence.steps[step.name] = record;
  if (earlier) {
    terminal.line(
      terminal.paint(`${position}: ${step.name}`, "bold") + `, unchanged: copied from ${earlier.id}`,
    );
    await copyStep(earlier, step, record);
    await context.tree?.place(step);
  } else {
    terminal.line(terminal.paint(`${position}: ${step.name}`, "bold") + description);
    await writeEvidence(plan.directory, evidence);
    await execute(context, step, record, before);
    await noticeEdits(context, step, record);
  }
  await writeEvidence(plan.directory, evidence);
  return record;
}

async function beginRecord(
  context: StepContext,
  step: PlannedStep,
  before?: StepEvidence,
): Promise<StepEvidence> {
  const { plan, evidence, resuming, runs } = context;
  const needs: StepEvidence["needs"] = {};
  for (const [name, need] of Object.entries(step.needs)) {
    needs[name] = { ...need, sha256: hashOutputs(await recordOutputs(need.directory)) };
  }
  const carried = context.elsewhere?.[step.name];
  const goesOn = carried?.resumed ?? (resuming && step.resume !== undefined && await exists(step.out));
  const { code } = evidence.attempts.at(-1)!;
  // Before an attempt's first step the code was read just now; what is edited since is noticed after the step.
  const isFirst = !Object.values(evidence.steps).some(({ attempt }) =>
    attempt === evidence.attempts.length - 1
  );
  const sources = isFirst && step.inputs === undefined ? code : await hashSources(plan, step, runs);
  const edited = step.inputs === undefined ? editedSince(code.files, sources.files) : [];
  const whole = await fingerprint(plan, evidence, step, needs, sources.sha256, await context.tree?.state());
  return {
    status: "running",
    argv: step.argv,
    command: carried?.command ?? await engineCommand(plan, step, goesOn),
    attempt: carried?.attempt ?? evidence.attempts.length - 1,
    // A step that goes on under other conditions is the work of both.
    fingerprint: goesOn && before?.fingerprint !== whole ? "" : whole,
    inputs: step.inputs === undefined ? undefined : sources.files,
    edited: edited.length > 0 ? edited : undefined,
    needs,
    data: usedData(plan, step),
    settings: step.settings,
    started: carried?.started ?? new Date().toISOString(),
  };
}

/** What the steps write is no source; among declared inputs may be what an earlier step wrote. */
async function hashSources(plan: Plan, { inputs, outputs }: PlannedStep, runs: string): Promise<CodeFiles> {
  return await hashCode(plan.experiment.root, runs, inputs, inputs === undefined ? notCode(plan) : outputs);
}

function usedData({ data = {} }: Plan, step: PlannedStep): StepEvidence["data"] {
  return step.data && Object.fromEntries(step.data.map((name) => {
    const { path, sha256, treeSha256, bytes, source } = data[name]!;
    return [name, { path, sha256: sha256!, treeSha256, bytes, source }];
  }));
}

function editedSince(before: Record<string, string>, now: Record<string, string>): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((path) =>
    before[path] !== now[path]
  );
}

/** What a step read may have been edited while it ran: then nobody knows what ran, and it is never reused. */
async function noticeEdits(
  { plan, evidence, runs, terminal }: StepContext,
  step: PlannedStep,
  record: StepEvidence,
) {
  const now = (await hashSources(plan, step, runs).catch(() => undefined))?.files ?? {};
  const before = record.inputs ?? evidence.attempts.at(-1)!.code.files;
  const edited = editedSince(before, now);
  if (edited.length === 0) return;
  record.edited = [...new Set([...record.edited ?? [], ...edited])];
  record.fingerprint = "";
  // What an earlier step left was said after that one.
  const earlier = Object.entries(evidence.steps).flatMap(([name, { edited }]) =>
    name === step.name ? [] : edited ?? []
  );
  const isNew = (path: string) => before[path] === undefined && !earlier.includes(path);
  const made = outputsAmong(edited.filter(isNew), Object.keys(before));
  const hint = made.length === 0
    ? ""
    : `\n  if "${step.name}" wrote what is new, declare it, so that it is kept with the run: outputs: [${
      few(made)
    }]`;
  terminal.note(`Edited while "${step.name}" ran, so it is not certain what ran: ${few(edited)}${hint}`);
}

/** New files, or their folder where that is new, too. */
function outputsAmong(files: string[], before: string[]): string[] {
  const named = files.map((file) => {
    const parts = file.split("/");
    const folders = parts.slice(1).map((_, index) => `${parts.slice(0, index + 1).join("/")}/`);
    return folders.find((folder) => !before.some((path) => path.startsWith(folder))) ?? file;
  });
  return [...new Set(named)];
}

/** Five names and a count: a terminal is no place for more. */
function few(names: string[]): string {
  return names.length <= 6
    ? names.join(", ")
    : `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`;
}

/** Everything that determines a step's result, folders by their meaning and not by their path. */
async function fingerprint(
  plan: Plan,
  evidence: Evidence,
  step: PlannedStep,
  needs: StepEvidence["needs"],
  sources: string,
  tree?: string,
): Promise<string> {
  const data = Object.entries(usedData(plan, step) ?? {});
  const folders: [string, string][] = [
    [step.out, "{out}"],
    ...Object.entries(needs).map(([name, { directory }]): [string, string] => [directory, `{steps.${name}}`]),
    ...data.map(([name, { path }]): [string, string] => [path, `{data.${name}}`]),
    [plan.experiment.root, "{root}"],
  ];
  const neutral = (part: string) => folders.reduce((text, [path, name]) => text.replaceAll(path, name), part);
  const { EXPERIMENT_RUN: _, ...variablesOfStep } = step.env;
  const env = mapValues(variablesOfStep, neutral);
  const { host, environment, variables } = evidence.attempts.at(-1)!;
  return sha256(JSON.stringify([
    step.argv.map(neutral),
    await filesElsewhere(plan, step.argv),
    env,
    sources,
    Object.entries(needs).map(([name, need]) => [name, need.sha256]),
    [plan.engine.name, environment.lockSha256, environment.pythonVersion, neutral(environment.python)],
    environment.image && contentOf(environment.image),
    [host.architecture, host.cpu, host.gpus.map(({ name, driver }) => [name, driver])],
    variables,
    plan.parameters,
    // Where they were fetched from is not what they are.
    ...data.map(([name, { sha256, treeSha256 }]) => [name, sha256, treeSha256]),
    ...(tree === undefined ? [] : [tree]),
    // Only where they are given, so that the steps of earlier runs are known again.
    ...(step.cwd === plan.experiment.root ? [] : [neutral(step.cwd)]),
    ...(step.gpus === undefined ? [] : [step.gpus]),
    ...(step.tty ? ["terminal"] : []),
  ]));
}

function mapValues(record: Record<string, string>, map: (value: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}

/** Hashes of the files outside the project that a command names, such as a notebook from elsewhere. */
async function filesElsewhere(plan: Plan, argv: string[]): Promise<[path: string, hash: string][]> {
  const outside = argv.filter((part) => isAbsolute(part) && !part.startsWith(`${plan.experiment.root}/`));
  const hashed = await Promise.all(outside.map(async (path): Promise<[string, string] | undefined> => {
    const isFile = await Deno.stat(path).then((info) => info.isFile, () => false);
    return isFile ? [path, await sha256File(path)] : undefined;
  }));
  return hashed.filter((entry) => entry !== undefined);
}

/** The newest run with a successful step of this fingerprint whose outputs are still what was recorded. */
async function findSame(
  { runs, plan }: StepContext,
  step: PlannedStep,
  expected: string,
): Promise<FoundRun | undefined> {
  if (expected === "") return undefined;
  for await (const found of listRuns(runs, plan.experiment.name)) {
    const same = found.evidence.steps[step.name];
    if (same?.fingerprint !== expected || (same.status !== "done" && same.status !== "reused")) continue;
    const folder = join(found.directory, step.name);
    if (!await exists(folder)) continue;
    if (hashOutputs(await recordOutputs(folder)) === hashOutputs(same.outputs ?? [])) return found;
  }
  return undefined;
}

async function copyStep(earlier: FoundRun, step: PlannedStep, record: StepEvidence) {
  const same = earlier.evidence.steps[step.name]!;
  const source = join(earlier.directory, step.name);
  await prepareFolder(step, false);
  for (const { path, link } of [...same.outputs ?? [], { path: "step.json", link: undefined }]) {
    const target = join(step.out, path);
    await Deno.mkdir(dirname(target), { recursive: true });
    if (link === undefined) await Deno.copyFile(join(source, path), target);
    else await Deno.symlink(link, target);
  }
  Object.assign(record, {
    status: "reused",
    reusedFrom: earlier.id,
    ended: new Date().toISOString(),
    seconds: same.seconds,
    exitCode: same.exitCode,
    outputs: same.outputs,
    untouched: same.untouched,
    ...(step.downloads !== undefined && { data: same.data }),
    opened: same.opened,
    remarks: same.remarks,
    recorded: same.recorded,
  });
}

async function execute(
  context: StepContext,
  step: PlannedStep,
  record: StepEvidence,
  before?: StepEvidence,
) {
  const { plan, evidence, log, terminal, runs, tree } = context;
  const carried = context.elsewhere?.[step.name];
  const { ended, left, concluded } = carried === undefined
    ? await executeHere(context, step, record, before)
    : await takeIn(context, step, record, carried);
  const { problem: unwritten, untouched } = await tree?.take(step) ?? {};
  const notDownloaded = await recordDownloads(step, record);
  record.untouched = untouched;
  const opened = await takeOpened(plan, step, runs);
  const [problem] = await Promise.all([
    concluded,
    recordEnd(step, record, ended),
  ]);
  noticeUntouched(step, record, left);
  record.opened = opened && shortList(opened.files);
  const { code } = evidence.attempts.at(-1)!;
  const remarks = remarksOn({ plan, step, record, opened, code });
  record.remarks = remarks.length > 0 ? remarks : undefined;
  await setStatus(plan, step, record, ended, problem, unwritten ?? notDownloaded);
  if (record.status === "failed" && record.exitCode !== 0) {
    explainFailure(plan, evidence, record, opened?.files.map(({ name }) => name));
  }
  await log.note(`${step.name}: ${record.problem ?? "done"}, ${duration(record.seconds!)}`);
  if (log.broken) terminal.note(`log.txt is incomplete: ${log.broken}`);
}

/** How a step ended, what lay in its folder before, and what is to be done where it ran. */
interface Executed {
  ended: Supervised;
  left?: Map<string, string>;
  /** What went wrong, if the engine explains it. */
  concluded?: Promise<string | undefined>;
}

async function executeHere(
  { plan, log, terminal, resuming, stopper, meanwhile, started, tree, ...context }: StepContext,
  step: PlannedStep,
  record: StepEvidence,
  before?: StepEvidence,
): Promise<Executed> {
  const ahead = context.ahead?.step === step.name ? context.ahead.process : undefined;
  await requireFolder(step);
  const left = resuming && step.resume !== undefined ? await leftBy(before, step) : undefined;
  if (ahead === undefined) await prepareFolder(step, resuming);
  await tree?.before(step, resuming && step.resume !== undefined);
  if (step.cache !== undefined) await makeStepCache(step.cache);
  await log.begin(step.name, `step ${step.name}: ${step.argv.join(" ")}`);
  const begin = performance.now();
  const runtime = await (await engineOf(plan.engine.name)).runtime(plan, step);
  await runtime.prepare?.();
  const hide = hiding(step.secrets ?? []);
  const decoder = new TextDecoder();
  let stderr = "";
  const running = supervise(record.command, {
    cwd: step.cwd,
    env: runtime.env,
    mark: runMark(plan.run),
    stopper,
    ahead,
    timeoutMs: step.timeout === undefined ? undefined : step.timeout * 1000,
    reach: runtime.reach,
    endsAll: runtime.endsAll,
    onOutput: async (output, stream) => {
      const chunk = hide(output);
      if (stream === "stderr") stderr = (stderr + decoder.decode(chunk, { stream: true })).slice(-KEPT);
      terminal.raw(chunk);
      await log.write(chunk);
    },
    onStop: (signal) =>
      terminal.note(`\n${signal}: asking "${step.name}" to save and end (again: end it now)`),
  });
  started();
  const ended = await running;
  const concluded = runtime.conclude?.(ended, stderr, meanwhile);
  concluded?.catch(() => {}); // it is awaited below, unless something else fails before
  record.seconds = Math.round(performance.now() - begin) / 1000;
  record.ended = new Date().toISOString();
  return { ended, left, concluded };
}

/** Takes over what a step printed on another machine, and how it ended there. */
async function takeIn(
  { log, terminal }: StepContext,
  step: PlannedStep,
  record: StepEvidence,
  { ended, seconds, outcome, printed, problem }: CarriedOut,
): Promise<Executed> {
  await log.begin(step.name, `step ${step.name}: ${step.argv.join(" ")}`);
  const file = await Deno.open(printed).catch(() => undefined);
  for await (const chunk of file?.readable ?? []) {
    terminal.raw(chunk);
    await log.write(chunk);
  }
  Object.assign(record, { seconds, ended });
  return { ended: outcome, concluded: Promise.resolve(problem) };
}

/**
 * A program that reads a pointer for a model says no more than "invalid load key". Those that the step opened are named;
 * where it is not known to have opened any, all that there are, once for the run.
 */
function explainFailure(
  { experiment }: Plan,
  { attempts, steps }: Evidence,
  record: StepEvidence,
  opened: string[] = [],
) {
  const names = Object.keys({ ...attempts.at(-1)!.code.files, ...record.inputs });
  const read = standInsAmong(experiment.root, names.filter((name) => opened.includes(name)));
  const standIns = read ?? standInsAmong(experiment.root, names);
  if (standIns === undefined) return;
  const remark = `failed, and ${standIns}`;
  if (read === undefined && Object.values(steps).some(({ remarks }) => remarks?.includes(remark))) return;
  record.remarks = [...record.remarks ?? [], remark];
}

/** Hashes what a step has downloaded by itself; what is wrong with it, if anything. */
async function recordDownloads(step: PlannedStep, record: StepEvidence): Promise<string | undefined> {
  if (step.downloads === undefined) return undefined;
  const { inspectPlaced } = await import("../data/placed.ts");
  let problem: string | undefined;
  for (const [name, { path, sha256 }] of Object.entries(step.downloads)) {
    const found = await inspectPlaced(path, { hash: false });
    if (found === undefined) {
      problem ??= `it ended without error but did not download ${name} to ${path}`;
      continue;
    }
    record.data = {
      ...record.data,
      [name]: {
        path,
        sha256: found.sha256,
        ...(found.isFolder && { treeSha256: found.sha256 }),
        bytes: found.bytes,
        source: "downloaded by the step",
      },
    };
    if (sha256 !== undefined && !found.sha256.startsWith(sha256)) {
      problem ??= `what it downloaded to ${path} has sha256:${found.sha256}, expected is sha256:${sha256}`;
    }
  }
  return problem;
}

/** What prints a secret shows `***` instead; a program that prints it in pieces is not caught. */
function hiding(names: string[]): (chunk: Uint8Array) => Uint8Array {
  const secrets = names.flatMap((name) => Deno.env.get(name) || []).filter((value) => value.length >= 4)
    .map((value) => Buffer.from(value).toString("latin1"));
  if (secrets.length === 0) return (chunk) => chunk;
  return (chunk) => {
    const text = Buffer.from(chunk).toString("latin1");
    const hidden = secrets.reduce((left, secret) => left.replaceAll(secret, "***"), text);
    return hidden === text ? chunk : Buffer.from(hidden, "latin1");
  };
}

/** Characters of the end of standard error that are kept to explain a step that did not start. */
const KEPT = 4000;

/** Only now: an earlier step may have made it. */
async function requireFolder({ name, cwd }: PlannedStep) {
  if (await Deno.stat(cwd).then((info) => info.isDirectory, () => false)) return;
  throw new Failure(2, `Cannot run "${name}": its cwd, ${cwd}, is not a folder`);
}

/** An empty folder for the step; what an earlier attempt left is kept beside it unless the step goes on with it. */
async function prepareFolder(step: PlannedStep, resuming: boolean) {
  if (await exists(step.out) && !(resuming && step.resume !== undefined)) {
    let attempt = 1;
    while (await exists(`${step.out}.attempt-${attempt}`)) attempt++;
    await Deno.rename(step.out, `${step.out}.attempt-${attempt}`);
  }
  await Deno.mkdir(step.out, { recursive: true });
}

async function recordEnd(step: PlannedStep, record: StepEvidence, ended: Supervised) {
  record.exitCode = ended.code;
  record.signal = ended.signal;
  record.recorded = await readRecord(step);
  record.outputs = await isFolder(step.out) ? await recordOutputs(step.out) : [];
}

/** What an earlier attempt left in the step's folder that is not what was recorded of it, with its marks. */
async function leftBy(before: StepEvidence | undefined, { out }: PlannedStep): Promise<Map<string, string>> {
  // Of an attempt that was killed nobody has recorded what it left.
  if (before?.outputs === undefined || !await exists(out)) return new Map();
  const recorded = new Map(before.outputs.map(({ path, sha256 }) => [path, sha256]));
  const now = await recordOutputs(out);
  return new Map(
    now.filter(({ path, sha256 }) => recorded.get(path) !== sha256).map((
      { path },
    ) => [path, marksOf(out, path)]),
  );
}

function marksOf(folder: string, path: string): string {
  const { ino, size, mtime, ctime } = Deno.lstatSync(join(folder, path));
  return [ino, size, mtime?.getTime(), ctime?.getTime()].join(" ");
}

/** What lies in the step's folder, and was there before under this or another name. */
function noticeUntouched(step: PlannedStep, record: StepEvidence, left?: Map<string, string>) {
  const files = record.outputs?.filter(({ link }) => link === undefined) ?? [];
  const untouched = files.map(({ path }) => path).filter((path) =>
    left?.get(path) === marksOf(step.out, path) || isSourceFile(join(step.out, path)) !== undefined
  );
  if (untouched.length > 0) record.untouched = [...new Set([...record.untouched ?? [], ...untouched])];
}

async function isFolder(path: string): Promise<boolean> {
  return await Deno.lstat(path).then((info) => info.isDirectory, () => false);
}

/**
 * @param problem what the step's container says went wrong, if it does
 * @param unwritten what it should have written into the project and did not
 */
async function setStatus(
  plan: Plan,
  step: PlannedStep,
  record: StepEvidence,
  ended: Supervised,
  problem: string | undefined,
  unwritten: string | undefined,
) {
  if (ended.stoppedBy !== undefined) {
    record.status = "interrupted";
    record.problem = `stopped by ${ended.stoppedBy}`;
    return;
  }
  if (ended.timedOut) record.problem = `it took longer than its timeout of ${duration(step.timeout!)}`;
  else if (problem !== undefined) record.problem = problem;
  else if (!await isFolder(step.out)) record.problem = "it removed or replaced its own folder in the run";
  else if (ended.signal !== undefined) record.problem = endedBy(ended.signal);
  else {record.problem = ended.code === 0
      ? await findMissing(plan, step) ?? unwritten
      : `exit code ${ended.code}`;}
  record.status = record.problem === undefined ? "done" : "failed";
}

function endedBy(signal: string): string {
  return signal === "SIGKILL"
    ? "ended by SIGKILL (out of memory, or killed by somebody)"
    : `ended by ${signal}`;
}

async function readRecord(step: PlannedStep): Promise<Recorded | undefined> {
  try {
    const within = new Folder(step.out);
    const own = await readRegularText(join(step.out, "step.json"), { within });
    const { schema: _, argv: _argv, ...record } = JSON.parse(own);
    const notebooks = await readTextIfThere(join(step.out, "notebooks.json"), { within });
    const { recordedSchema } = await import("../record/evidence_schema.ts");
    return checkRecord(
      notebooks === undefined ? record : { ...record, notebooks: JSON.parse(notebooks) },
      "step.json or notebooks.json",
      recordedSchema,
      "the record of a step",
    );
  } catch {
    return undefined; // the step never came to write it, or wrote something else
  }
}

/** Says what the step promised and did not leave in its own folder. */
async function findMissing(plan: Plan, step: PlannedStep): Promise<string | undefined> {
  const out = await Deno.realPath(step.out);
  for (const path of step.produces) {
    const shown = join(relative(plan.directory, step.out), path);
    const real = await Deno.realPath(join(step.out, path)).catch(() => undefined);
    if (real === undefined) return `it ended without error but did not produce ${shown}`;
    if (real !== join(out, path) && !real.startsWith(`${out}/`)) {
      return `${shown} is a link that leaves the run folder`;
    }
  }
  return undefined;
}
