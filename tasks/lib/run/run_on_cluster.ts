/** One run that is handed to a cluster, waited for, and taken in: `--on` of `train`, `reproduce`, `step`, `notebook`. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { Terminal } from "../cli/terminal.ts";
import { type Cluster, gpuCount, readCluster } from "../cluster/cluster.ts";
import { printedOnNode } from "../cluster/node_record.ts";
import { NotReached } from "../cluster/login.ts";
import { isActive } from "../cluster/slurm.ts";
import { type Job, placeThere, reasonOf, type Submission, Submissions } from "../cluster/submission.ts";
import { dataCache } from "../data/cache_folder.ts";
import { parseExperiment } from "../experiment/parse.ts";
import type { Experiment } from "../experiment/experiment.ts";
import type { Plan } from "../plan/plan.ts";
import type { Evidence } from "../record/evidence.ts";
import { runIds } from "../record/run_folder.ts";
import { exists, makeOwnFolder, writeJson } from "../system/files.ts";
import { inspectHost } from "../system/host.ts";
import { StopSignals } from "../system/supervise.ts";
import { makeEnvironment, planElsewhere } from "./execute_run.ts";
import type { PreparedRun, RunRequest } from "./prepare_run.ts";
import {
  bringBack,
  codeOf,
  type Conditions,
  conditionsPath,
  jobOf,
  needsOf,
  requireOwn,
  settled,
  takeInRun,
} from "./run_elsewhere.ts";

/** Between two questions; what a node prints is shown meanwhile. */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

/**
 * What a cluster means for a request.
 *
 * @throws Failure(2) if there is none of this name, or its file lacks what the experiment needs
 */
export async function forCluster(
  name: string,
  { name: experiment, root, environment: { requirements, install }, steps }: Experiment,
  request: Pick<RunRequest, "engine" | "image">,
): Promise<
  { cluster: Cluster; engine: string; image?: string; gpusElsewhere: number; pythonElsewhere?: string }
> {
  const cluster = await readCluster(root, name);
  const { host, python, file, torchrun } = cluster;
  if (torchrun.length > 0 && !torchrun.some((step) => Object.hasOwn(steps, step))) {
    throw new Failure(2, `torchrun: in ${file} names no step of ${experiment}, but ${torchrun.join(", ")}`, {
      remedy: `Its steps are ${Object.keys(steps).join(", ")}`,
    });
  }
  if (host !== undefined && python === undefined && (requirements ?? install) !== undefined) {
    throw new Failure(2, `${file} does not say in which Python the steps run on ${host}`, {
      remedy:
        `Make the experiment's environment there, and name its Python: python: /path/to/environment/bin/python`,
    });
  }
  return {
    cluster,
    engine: request.engine === "auto" ? cluster.environment ?? "host" : request.engine,
    image: request.image ?? cluster.image,
    gpusElsewhere: gpuCount(cluster),
    ...(host !== undefined && { pythonElsewhere: python ?? "python3" }),
  };
}

/** The script that would hand a run over. */
export async function scriptOf(cluster: Cluster, { plan, runs }: PreparedRun): Promise<string> {
  return scriptFor(cluster, plan, await submissionOf(cluster, plan, await codeOf(cluster, plan, runs)));
}

function scriptFor(cluster: Cluster, plan: Plan, submission: Submission): string {
  const [script] = new Submissions(plan.directory).scripts(cluster, submission, placeOf(plan));
  return script!;
}

async function submissionOf(
  cluster: Cluster,
  { run, experiment, directory }: Plan,
  code: string,
): Promise<Submission> {
  return {
    schema: 1,
    number: 1,
    created: new Date().toISOString(),
    cluster: { name: cluster.name, file: cluster.file },
    there: placeThere(cluster, experiment, directory, code, await dataCache()),
    arrays: [{ name: `${experiment.name}-${run}`, first: 0, size: 1 }],
    runs: [run],
  };
}

function placeOf({ container, environment, experiment }: Plan) {
  return { python: container === undefined ? environment.python : "python3", root: experiment.root };
}

/**
 * Hands a run over and waits for it.
 *
 * @throws Failure(130) if a stop is asked for: what runs there goes on
 */
export async function runOnCluster(
  prepared: PreparedRun,
  request: RunRequest,
  cluster: Cluster,
  terminal: Terminal,
): Promise<Evidence> {
  using stopper = new StopSignals();
  const { plan } = prepared;
  const all = new Submissions(plan.directory);
  const environment = await makeEnvironment(prepared, request, stopper, terminal);
  const { attempt, claims } = await planElsewhere(prepared, environment);
  const job = await jobOf(plan, 1, cluster);
  const submission = await submissionOf(cluster, plan, attempt.code.sha256);
  await all.send(submission, [job], await needsOf([job], attempt));
  await makeOwnFolder(prepared.runs);
  await Deno.mkdir(plan.directory, { recursive: true });
  const conditions: Conditions = { attempt: { ...attempt, job: { cluster: cluster.name } }, claims };
  await writeJson(conditionsPath(plan.directory, 1), conditions);
  try {
    await all.keep(submission, [job]);
    await all.submit(cluster, submission, [scriptFor(cluster, plan, submission)]);
  } catch (error) {
    if (submission.arrays.length === 0) await Deno.remove(plan.directory, { recursive: true });
    throw error;
  }
  terminal.line(`${cluster.name} has it as job ${submission.arrays[0]!.job ?? "(no answer yet)"}`);
  return await waitFor(prepared, job, terminal, stopper);
}

/** The newest run of a task that a cluster has and nobody has taken in. */
export async function findHandedOver(
  experiment: Experiment,
  runs: string,
  task: string,
): Promise<{ prepared: PreparedRun; job: Job<Plan> } | undefined> {
  for (const id of await runIds(runs, experiment.name)) {
    const directory = join(runs, experiment.name, id);
    if (!await exists(conditionsPath(directory, 1)) || await exists(join(directory, "evidence.json"))) {
      continue;
    }
    const all = new Submissions(directory);
    const [submission] = await all.list();
    const [job] = submission === undefined ? [] : await all.jobs<Plan>(submission);
    if (job?.plan.task !== task) continue;
    await requireOwn(job, directory);
    const { text, file, root } = job.plan.experiment;
    const own = parseExperiment(text, file, root);
    return { prepared: { experiment: own, host: await inspectHost(), plan: job.plan, runs }, job };
  }
  return undefined;
}

/** Waits until a run has ended there, shows what it prints, and takes it in. */
export async function waitFor(
  prepared: PreparedRun,
  job: Job<Plan>,
  terminal: Terminal,
  stopper: StopSignals,
): Promise<Evidence> {
  const { plan } = prepared;
  const all = new Submissions(plan.directory);
  const submissions = await all.list();
  const shown = new Map<string, number>();
  let wait = FIRST_WAIT_MS;
  for (;;) {
    const state = await stateOf(all, submissions, job);
    for (const { name } of plan.steps) {
      await showPrinted(printedOnNode(plan.directory, name), shown, terminal);
    }
    if (!(state instanceof NotReached) && (state === undefined || !isActive(state))) {
      const { attempt, claims } = JSON.parse(await Deno.readTextFile(conditionsPath(plan.directory, 1)));
      const since = performance.now();
      await bringBack(all, submissions[0]!, [job], since);
      const node = await settled(job, since);
      const created = submissions[0]!.created;
      const quiet = new NotesOnly(terminal.json);
      const given = { claims, created };
      const evidence = await takeInRun(prepared, node, given, () => attempt, reasonOf(state), quiet);
      await all.tellLeft(submissions, terminal);
      return evidence;
    }
    terminal.progress(
      state instanceof NotReached ? state.message : `${state.state.toLowerCase()} ${state.detail}`,
    );
    const until = performance.now() + wait;
    while (performance.now() < until) {
      if (stopper.signal !== undefined) {
        throw new Failure(130, `Not waited for any more: ${job.run} goes on at the cluster`, {
          remedy: `deno task ${plan.task} --resume --on ${
            submissions[0]!.cluster.name
          } waits for it and takes it in`,
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

/** What Slurm says of the run, with what it has printed; or that there was no answer. */
async function stateOf(all: Submissions, submissions: Submission[], job: Job) {
  try {
    await all.identify(submissions);
    const state = (await all.states(submissions)).get(job.run);
    await all.bring(submissions[0]!, [job], "printed");
    return state;
  } catch (error) {
    if (error instanceof NotReached) return error;
    throw error;
  }
}

/** What a step printed was shown already. */
class NotesOnly extends Terminal {
  override raw() {}
}

async function showPrinted(path: string, shown: Map<string, number>, terminal: Terminal) {
  const file = await Deno.open(path).catch(() => undefined);
  if (file === undefined) return;
  const from = shown.get(path) ?? 0;
  await file.seek(from, Deno.SeekMode.Start);
  let read = from;
  for await (const chunk of file.readable) {
    terminal.raw(chunk);
    read += chunk.length;
  }
  shown.set(path, read);
}
