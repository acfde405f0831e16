/** A run that is planned here, carried out by compute nodes, and taken in again here: with the same record as any other. */

import { basename, dirname, isAbsolute, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Terminal } from "../cli/terminal.ts";
import { type Cluster, NODE_ENGINES } from "../cluster/cluster.ts";
import { type NodeRecord, printedOnNode, readNodeRecord } from "../cluster/node_record.ts";
import {
  endOf,
  isSaidOutOfMemory,
  type Job,
  type JobStep,
  MEMORY_LIMIT,
  type Needs,
  refuseOnNode,
  saysOutOfMemory,
  type Submission,
  type Submissions,
} from "../cluster/submission.ts";
import type { DataThere, DataToSend } from "../cluster/data_there.ts";
import { dataCache } from "../data/cache_folder.ts";
import { containerName } from "../engine/container.ts";
import { engineCommand, engineOf } from "../engine/index.ts";
import type { Plan, PlannedStep } from "../plan/plan.ts";
import { makeStepCache } from "../plan/step_cache.ts";
import type { Attempt, Evidence } from "../record/evidence.ts";
import { hashCode } from "../record/code.ts";
import { notCode } from "../record/project_tree.ts";
import { openedPath } from "../record/opened_files.ts";
import { writeAtomic } from "../system/files.ts";
import { Folder, readTextIfThere } from "../system/regular_file.ts";
import type { CarriedOut } from "./run_step.ts";
import { recordElsewhere } from "./execute_run.ts";
import type { PreparedRun } from "./prepare_run.ts";

/** What all runs of a submission share, beside its record. */
export interface Conditions {
  attempt: Attempt;
  claims: Evidence["claims"];
}

/** SHA-256 of the sources that a cluster behind a login node would be sent; nobody asks it of others. */
export async function codeOf({ host }: Cluster, plan: Plan, runs: string): Promise<string> {
  return host === undefined
    ? ""
    : (await hashCode(plan.experiment.root, runs, undefined, notCode(plan))).sha256;
}

/** What a cluster behind a login node is sent: the sources that the attempt's record names, folders for caches, and data. */
export async function needsOf(jobs: Job<Plan>[], { code }: Attempt): Promise<Needs> {
  const caches = jobs.flatMap(({ plan }) => plan.steps.flatMap(({ cache }) => cache ?? []));
  const data = new Map<string, DataToSend>();
  for (const { steps, plan } of jobs) {
    for (const one of steps.flatMap(({ data = [] }) => data)) {
      if (data.has(one.name)) continue;
      data.set(one.name, { ...one, from: await Deno.realPath(plan.data![one.name]!.path) });
    }
  }
  return { sources: Object.keys(code.files), folders: [...new Set(caches)], data: [...data.values()] };
}

/** Data of a step as a cluster behind a login node keeps them: in folders that are called as those of the cache here. */
async function dataThere(plan: Plan, names: string[]): Promise<DataThere[]> {
  const cache = await dataCache();
  return await Promise.all(names.map(async (name) => {
    const { path, folder, sha256, treeSha256 } = plan.data![name]!;
    return {
      name,
      // A folder of the user's own is in no cache. What a plan only shows may not have been fetched.
      folder: folder ?? join(cache, sha256 ?? name),
      at: folder === undefined ? "tree" : basename(await Deno.realPath(path).catch(() => path)),
      sha256: treeSha256 ?? sha256 ?? "",
      ...(path.startsWith(`${plan.experiment.root}/`) && { link: path }),
    };
  }));
}

/** How long files may take to be seen on another machine of a shared file system. */
const SHARED_MS = 20_000;

/**
 * All that a node has to know of a run.
 *
 * @throws Failure(2) for a step that needs what only this machine has
 */
export async function jobOf(plan: Plan, submission: number, cluster: Cluster): Promise<Job<Plan>> {
  if (NODE_ENGINES.every((name) => name !== plan.engine.name)) {
    refuseOnNode(
      plan.steps[0]!.name,
      `its engine is ${plan.engine.name}, and a node has ${NODE_ENGINES.join(" or ")}`,
    );
  }
  const { host, signal } = cluster;
  if (host !== undefined) plan.steps.forEach((step) => refuseBehindLogin(plan, step, host));
  const steps = await Promise.all(plan.steps.map((step) => jobStep(plan, step, cluster)));
  const { run, directory } = plan;
  return { submission, run, directory, requeue: signal !== undefined, steps, plan };
}

/** What is not copied there. */
function refuseBehindLogin({ engine, directory }: Plan, step: PlannedStep, host: string) {
  const { name, downloads, needs } = step;
  if (engine.name !== "host") {
    refuseOnNode(name, `behind ${host} steps run in a Python that is there, not by ${engine.name}`);
  }
  if (downloads !== undefined) {
    refuseOnNode(
      name,
      `what it downloads by itself is not copied from ${host}: give the data urls, and they are sent there`,
    );
  }
  const earlier = Object.entries(needs).find(([, need]) => dirname(need.directory) !== directory);
  if (earlier !== undefined) {
    refuseOnNode(
      name,
      `it needs "${earlier[0]}" of an earlier run, which is not on ${host}: run that step there, too`,
    );
  }
}

async function jobStep(
  plan: Plan,
  step: PlannedStep,
  { host, torchrun, nodes = 1 }: Cluster,
): Promise<JobStep> {
  const { name, argv, cwd, out, timeout, optional } = step;
  if (step.outputs !== undefined) {
    refuseOnNode(name, "it writes into the project (outputs:), which others read");
  }
  if (step.secrets !== undefined && step.secrets.length > 0) refuseOnNode(name, "it needs secrets");
  if (step.cache !== undefined) await makeStepCache(step.cache);
  const isSpread = torchrun.includes(name);
  if (isSpread) requireScript(step);
  const { env } = await (await engineOf(plan.engine.name)).runtime(plan, step);
  const { PATH: _, CUDA_VISIBLE_DEVICES: visible, ...own } = env;
  // Which GPUs a run gets there, the scheduler says.
  if (visible === "") own.CUDA_VISIBLE_DEVICES = visible;
  const scratch = plan.container?.scratch;
  return {
    ...{ name, argv, cwd, out, timeout, optional, env: own },
    command: await engineCommand(plan, step),
    ...(isSpread && { nodes: Number(nodes) }),
    ...(host !== undefined && step.data !== undefined && { data: await dataThere(plan, step.data) }),
    ...(step.resume !== undefined && { resumed: await engineCommand(plan, step, true) }),
    ...(plan.engine.name === "host" && isAbsolute(plan.environment.python) && {
      path: dirname(plan.environment.python),
    }),
    ...(scratch !== undefined && { folders: [scratch] }),
    ...containerOf(plan, name),
  };
}

function containerOf({ engine, container, run }: Plan, step: string): Pick<JobStep, "container"> {
  if (container === undefined) return {};
  const { id, name: image } = container.image;
  return {
    container: engine.name === "podman"
      ? { program: "podman", image, id, name: containerName(run, step) }
      : { program: "apptainer", image },
  };
}

/** What torchrun can start: `python script.py …` and `python -m module …`. */
function requireScript({ name, argv: [program, first = "-"] }: PlannedStep) {
  if (/^python3?$/.test(program!) && (first === "-m" || !first.startsWith("-"))) return;
  refuseOnNode(name, 'torchrun starts what is written as "python script.py" or "python -m module" alone');
}

/**
 * Makes the record of a run from what its nodes left.
 *
 * @param attemptOf under which conditions the runs of a submission were handed over
 * @param reason why it ended, where its last node did not come to say so
 */
export async function takeInRun(
  prepared: PreparedRun,
  node: NodeRecord | undefined,
  evidence: Pick<Evidence, "claims" | "created">,
  attemptOf: (submission: number) => Attempt,
  reason: string,
  terminal: Terminal,
): Promise<Evidence> {
  const { plan } = prepared;
  const starts = node?.starts ?? [];
  const lastStart = starts.length - 1;
  const silent = starts.filter(({ ended, job }, index) =>
    index === lastStart && ended === undefined && job.number
  );
  const isSaid = silent.map(({ submission, job }) =>
    isSaidOutOfMemory(plan.directory, submission, job.number!)
  );
  const because = (await Promise.all(isSaid)).includes(true) ? MEMORY_LIMIT : reason;
  const outOfMemory = new Set<string>();
  for (const [name, step] of Object.entries(node?.steps ?? {})) {
    if (step.start !== lastStart || step.status === "done") continue;
    // The kernel ends what has taken most, and lets the rest be.
    const isKilled = [step.code, step.signal].some((one) => one === 137 || one === "SIGKILL");
    const printed = async () => await endOf(printedOnNode(plan.directory, name), KEPT_BYTES);
    if ((because === MEMORY_LIMIT && isKilled) || saysOutOfMemory(await printed())) outOfMemory.add(name);
  }
  const attempts = starts.map((start, index): Attempt => {
    const last = index === lastStart;
    const { host: { gpus, cpu, cores, name }, ended } = start;
    const { status = "interrupted", because: said } = last && outOfMemory.size > 0
      ? { because: `stopped by ${MEMORY_LIMIT}` }
      : start;
    const planned = attemptOf(start.submission);
    return {
      ...planned,
      host: {
        ...planned.host,
        ...{ name, cpu: cpu ?? planned.host.cpu, cores: cores ?? planned.host.cores },
        gpus: gpus.map((gpu) => ({ ...gpu, memory: Number(gpu.memory) })),
      },
      started: start.started,
      ended: ended ?? starts[index + 1]?.started ?? new Date().toISOString(),
      status: status === "running" ? "interrupted" : status,
      because: said ?? (ended === undefined ? (last ? because : "it was started again") : undefined),
      job: {
        cluster: planned.job!.cluster,
        ...(start.job.id !== null && { id: start.job.id }),
        node: start.job.node,
      },
    };
  });
  if (attempts.length === 0) {
    attempts.push({ ...attemptOf(0), status: "interrupted", ended: new Date().toISOString(), because });
  }
  const elsewhere: Record<string, CarriedOut> = {};
  for (const [name, step] of Object.entries(node?.steps ?? {})) {
    const { start, started, resumed, ended = new Date().toISOString(), seconds = 0 } = step;
    const stoppedBy = outOfMemory.has(name)
      ? MEMORY_LIMIT
      : step.ended === undefined
      ? because
      : step.stopped_by;
    elsewhere[name] = {
      ...{ attempt: start, started, resumed, ended, seconds, command: step.command },
      printed: printedOnNode(plan.directory, name),
      problem: step.problem ?? undefined,
      outcome: {
        code: step.code ?? 1,
        signal: step.signal,
        ...(stoppedBy !== undefined && step.status !== "done" && { stoppedBy }),
        ...(step.timed_out && { timedOut: true }),
      },
    };
  }
  const made = await recordElsewhere(prepared, { ...evidence, attempts }, elsewhere, because, terminal);
  for (const name of Object.keys(elsewhere)) {
    await Deno.remove(printedOnNode(plan.directory, name)).catch(() => {});
  }
  return made;
}

/** Of the end of what a step printed. */
const KEPT_BYTES = 8000;

/**
 * Brings back what runs have left behind a login node that have ended there; a shared file system there may show their
 * end late, too.
 */
export async function bringBack(all: Submissions, submission: Submission, jobs: Job<Plan>[], since: number) {
  if (submission.there === undefined) return;
  for (let left = jobs; left.length > 0;) {
    await all.bring(submission, left);
    for (const { plan } of left) await nameOpened(plan, (noted) => all.hereOf(submission, noted));
    const isOpen = await Promise.all(left.map(async (job) => !isWhole(await lastRecord(job), job)));
    left = left.filter((_, index) => isOpen[index]);
    if (performance.now() - since > SHARED_MS) return;
    if (left.length > 0) await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

/** A damaged one is told of when it is read. */
async function lastRecord({ directory }: Job): Promise<NodeRecord | undefined> {
  return await readNodeRecord(directory).catch(() => undefined);
}

/** What a step has opened there, by the names of these files here. */
async function nameOpened({ steps }: Plan, rename: (noted: unknown) => unknown) {
  for (const { out } of steps) {
    const path = openedPath(out);
    const text = await readTextIfThere(path, { within: new Folder(out) }).catch(() => undefined);
    if (text === undefined) continue;
    try {
      await writeAtomic(path, JSON.stringify(rename(JSON.parse(text))));
    } catch {
      // The step has written something else there.
    }
  }
}

/** The record of a node that has ended its work; a file system that is shared may show it late. */
export async function settled(job: Job, since: number): Promise<NodeRecord | undefined> {
  for (;;) {
    const node = await readNodeRecord(job.directory);
    if (isWhole(node, job) || performance.now() - since > SHARED_MS) return node;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** What an earlier submission left says nothing of this one. */
function isWhole(node: NodeRecord | undefined, { submission }: Job): boolean {
  const last = node?.starts.at(-1);
  return last?.ended !== undefined && last.submission === submission;
}

/** File with what all runs of a submission share. */
export function conditionsPath(directory: string, submission: number): string {
  return join(directory, `submission-${submission}.conditions.json`);
}

/**
 * A record may be a stranger's: what is taken in is written nowhere but into the run's own folder.
 *
 * @throws Failure(2) if it names another one, or is not a plan
 */
export async function requireOwn({ directory, plan }: Job<Plan>, folder: string) {
  const [{ checkRecord }, { planSchema }] = await Promise.all([
    import("../system/records.ts"),
    import("../plan/plan_schema.ts"),
  ]);
  const checked = checkRecord(plan, "the submission's file", planSchema, "the plan of a run");
  const outs = checked.steps.map(({ out }) => dirname(out));
  if ([directory, checked.directory, ...outs].every((path) => path === folder)) return;
  throw new Failure(2, "its line in the submission's file names another folder than its own");
}
