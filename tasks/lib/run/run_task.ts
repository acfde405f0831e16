/** What `train`, `infer`, `notebook`, `step` and `reproduce` have in common: their options, and plan → run → verdict. */

import { Failure } from "../cli/failure.ts";
import type { Arguments, OptionTable } from "../cli/options.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { FetchData } from "../data/plan_data.ts";
import type { MissingImage } from "../engine/engine.ts";
import { engineOf } from "../engine/index.ts";
import { ENGINE_CHOICES } from "../experiment/engine_name.ts";
import { containerOptions } from "../plan/container_options.ts";
import type { NotebookOptions } from "../plan/plan.ts";
import type { Evidence } from "../record/evidence.ts";
import type { FoundRun } from "../record/run_folder.ts";
import type { Judged } from "../verdict/judge.ts";
import { runsRoot } from "../record/run_folder.ts";
import { callerFolder } from "../system/project_root.ts";
import { announce, describePlan } from "./announce.ts";
import type { Origin, RunRequest } from "./prepare_run.ts";

/** Options of every task that runs steps. */
export const RUN_OPTIONS = {
  plan: { help: "show what would run, with command lines to paste, and run nothing" },
  engine: {
    value: "ENGINE",
    choices: ENGINE_CHOICES,
    help: `where the steps run: ${ENGINE_CHOICES.join(", ")}; auto without it`,
  },
  image: {
    value: "IMAGE",
    help:
      "run the steps in this image instead of the experiment's own; apptainer takes FILE.sif, docker://NAME, " +
      "docker-daemon:NAME and docker-archive:FILE.tar as well, and keeps SIF files in APPTAINER_CACHEDIR or ~/.cache",
  },
  gpus: { value: "GPUS", help: "none, optional, all, a count, or device ids such as 0,2" },
  "shm-size": { value: "SIZE", help: "size of a container's /dev/shm, e.g. 8g" },
  memory: { value: "SIZE", help: "limit for a container's memory, e.g. 16g" },
  cpus: { value: "N", help: "limit for a container's processors, e.g. 2 or 0.5" },
  network: { value: "none", choices: ["none"], help: "containers have no network" },
  mount: { value: "DIR", many: true, help: "let containers read DIR, too, at the same path" },
  yes: {
    help: "build or get a missing image, or fetch more than 1 GB of data or packages, without asking",
    short: "y",
  },
  offline: { help: "fetch no data: what is missing is an error that says how to fetch it" },
  runs: { value: "DIR", help: "keep run folders in DIR instead of runs/ (or set RUNS_DIR)" },
  reuse: { help: "copy steps whose inputs are unchanged from an earlier run instead of running them" },
  "keep-outputs": { help: "leave what the steps write into the project (outputs:) there" },
  resume: { help: "go on with the newest unfinished run of this task" },
  force: { help: "with --resume: take over a run folder that another host seems to hold" },
  on: {
    value: "CLUSTER",
    help: "hand the run to the cluster of hosts/CLUSTER.yaml, and wait for it; slurm needs no such file",
  },
} as const satisfies OptionTable;

/** The arguments of such a task, parsed. */
export type RunArguments = Arguments<typeof RUN_OPTIONS>;

/** What is run: an experiment as the user named it, and which of its steps; all of them without `steps`. */
export interface RunSelection {
  task: string;
  experiment?: string;
  steps?: string[];
  notebook?: NotebookOptions;
  /** What the project is a copy of. */
  origin?: Origin;
}

/**
 * How a task ends. The exit code is 1 if a step or a claim failed, 130 if it was interrupted; `result` is what
 * `--json` prints.
 */
export interface RunOutcome {
  exitCode: 0 | 1 | 2 | 130;
  result: unknown;
  /** The run; absent if only its plan was asked for. */
  run?: FoundRun;
}

/** Plans a run and, unless only the plan was asked for, carries it out and judges it. */
export async function runTask(
  { task, experiment, steps, notebook, origin }: RunSelection,
  { options, parameters, rest, known }: RunArguments,
  terminal: Terminal,
): Promise<RunOutcome> {
  const { engine = "auto", image, runs, reuse, resume, force } = options;
  if (force && !resume) {
    throw new Failure(2, "--force needs --resume: a new run has a folder of its own, which nobody holds");
  }
  const early = engine === "auto" || resume
    ? undefined
    : (await engineOf(engine)).askEarly?.(image, !options.plan);
  // The reader of experiments, which is needed first there, is loaded at the same time, not after it.
  const [{ planCommands, prepareRun }] = await Promise.all([
    import("./prepare_run.ts"),
    import("../experiment/parse.ts"),
  ]);
  const request = {
    ...{ task, experiment, steps, notebook, origin, parameters, known, rest, runs, reuse, resume, force },
    keepOutputs: options["keep-outputs"],
    ...{ engine, image, early, container: containerOptions(options), yes: options.yes },
    ...(options.yes && !options.plan && { obtain: await obtainer(terminal) }),
    ...(!options.plan && { reporter: terminal, fetchData: fetcher(options, terminal) }),
  };
  if (options.on !== undefined) {
    return await clusterTask({ on: options.on, plan: options.plan, request }, terminal);
  }
  const prepared = await prepareRun(request);
  const { plan } = prepared;
  const notes = prepared.experiment.notes ?? [];
  notes.forEach((note) => terminal.note(note));
  if (options.plan) {
    const commands = await planCommands(plan);
    describePlan(plan, commands, terminal);
    prepared.sources?.forEach((line) => terminal.note(line));
    if (prepared.change !== undefined) terminal.note(terminal.paint(prepared.change, "bold"));
    return { exitCode: 0, result: { ...plan, commands } };
  }
  announce(plan, prepared.resumed !== undefined, terminal);
  if (prepared.change !== undefined) terminal.note(terminal.paint(prepared.change, "bold"));
  if (prepared.note !== undefined) terminal.note(prepared.note);
  if (plan.steps.some(({ expect, secrets }) => expect ?? secrets)) {
    const { requireExpected } = await import("./expectations.ts");
    await requireExpected(prepared, options.yes, terminal);
  }
  const { executeRun } = await import("./execute_run.ts");
  const remaining: Promise<void>[] = [];
  const evidence = await executeRun(
    prepared,
    request,
    terminal,
    {
      meanwhile: (work) => remaining.push(noted(work, terminal)),
      started: () => void loadConclusion().catch(() => {}),
    },
  );
  const outcome = await tell({ id: plan.run, directory: plan.directory, evidence }, terminal);
  await Promise.all(remaining);
  return outcome;
}

/** Judges a run that has ended and says how it went. */
async function tell(run: FoundRun, terminal: Terminal): Promise<RunOutcome> {
  const { directory, evidence } = run;
  const [{ concludeRun }, { summary }] = await loadConclusion();
  const judged = await concludeRun(run);
  summary(judged, evidence, directory, terminal).forEach((line) => terminal.line(line));
  const report = evidence.task === "reproduce" ? await writePage(run, judged, terminal) : undefined;
  const result = { directory, status: evidence.status, report, steps: outcomes(evidence), ...judged.verdict };
  return { exitCode: exitCodeOf(evidence, judged.verdict.holds), result, run };
}

/** The same on a cluster: planned and judged here, run there. */
async function clusterTask(
  { on, plan: isPlan, request }: { on: string; plan: boolean; request: RunRequest },
  terminal: Terminal,
): Promise<RunOutcome> {
  const [
    { findHandedOver, forCluster, runOnCluster, scriptOf, waitFor },
    { readExperiment },
    { prepareRun },
    { StopSignals },
  ] = await Promise.all([
    import("./run_on_cluster.ts"),
    import("../experiment/read.ts"),
    import("./prepare_run.ts"),
    import("../system/supervise.ts"),
  ]);
  const experiment = await readExperiment(request.experiment, callerFolder());
  if (request.reuse) throw new Failure(2, "--reuse can't be given with --on: a cluster runs each step");
  if (request.resume) {
    const runs = runsRoot(experiment.root, request.runs);
    const found = await findHandedOver(experiment, runs, request.task);
    if (found === undefined) {
      throw new Failure(2, "No run of this is at a cluster, or was there and is not taken in", {
        remedy: `deno task ${request.task} --on ${on} hands one over`,
      });
    }
    using stopper = new StopSignals();
    const { prepared: { plan }, job } = found;
    const evidence = await waitFor(found.prepared, job, terminal, stopper);
    return await tell({ id: plan.run, directory: plan.directory, evidence }, terminal);
  }
  const { cluster, ...place } = await forCluster(on, experiment, request);
  const asked = { ...request, ...place, early: undefined };
  const prepared = await prepareRun(asked);
  const { plan } = prepared;
  if (isPlan) {
    const script = await scriptOf(cluster, prepared);
    script.trimEnd().split("\n").forEach((line) => terminal.line(line));
    return { exitCode: 0, result: { ...plan, script } };
  }
  announce(plan, false, terminal);
  const evidence = await runOnCluster(prepared, asked, cluster, terminal);
  return await tell({ id: plan.run, directory: plan.directory, evidence }, terminal);
}

/** A run that is done is none the worse for what could not be cleared away after it. */
async function noted(work: Promise<unknown>, terminal: Terminal) {
  await work.catch((error) => terminal.note((error as Error).message));
}

/** Loads what comes after the steps: soonest while one of them runs, when there is nothing else to do. */
async function loadConclusion() {
  return await Promise.all([import("./conclude.ts"), import("../report/text.ts")]);
}

/** The page is derived: where it can't be written, the run is none the worse. */
async function writePage(run: FoundRun, judged: Judged, terminal: Terminal): Promise<string | undefined> {
  try {
    const { writeReport } = await import("../report/write.ts");
    const { path } = await writeReport(run, judged);
    terminal.line(`Report: ${path}`);
    return path;
  } catch (error) {
    terminal.note(`The report was not written: ${(error as Error).message}; deno task report writes it`);
  }
}

/** What fetches data that are missing. */
export function fetcher(options: { offline: boolean; yes: boolean }, terminal: Terminal): FetchData {
  return async (experiment, names) => {
    const { fetchInProcess } = await import("../data/fetch_process.ts");
    await fetchInProcess(experiment, names, options, terminal);
  };
}

/** What builds or gets an image that is missing. */
export async function obtainer(terminal: Terminal) {
  const { obtainImage } = await import("../image/build.ts");
  return (missing: MissingImage) => obtainImage(missing, terminal);
}

function exitCodeOf({ status, task, steps }: Evidence, holds: boolean): 0 | 1 | 2 | 130 {
  if (status === "interrupted") return 130;
  if (status === "done" && holds) return 0;
  // By 2 the driver says that a file it was given is not a notebook, or can't be executed here.
  return task === "notebook" && Object.values(steps).some(({ exitCode }) => exitCode === 2) ? 2 : 1;
}

function outcomes({ steps }: Evidence) {
  return Object.fromEntries(
    Object.entries(steps).map((
      [name, { status, exitCode, problem }],
    ) => [name, { status, exitCode, problem }]),
  );
}
