/** From what a task asks for to a plan; nothing is written yet. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { didYouMean } from "../cli/suggest.ts";
import type { Reporter } from "../container/sif.ts";
import type { FetchData } from "../data/plan_data.ts";
import type { EarlyAnswers, MissingImage } from "../engine/engine.ts";
import { chooseEngine } from "../engine/choose.ts";
import { engineCommand } from "../engine/index.ts";
import type { Conditions, Experiment, Scalar } from "../experiment/experiment.ts";
import { readExperiment } from "../experiment/read.ts";
import { NAMED_NOTEBOOKS } from "../experiment/schema.ts";
import { stepOrder } from "../experiment/step_order.ts";
import type { ContainerOptions } from "../plan/container_options.ts";
import { makePlan } from "../plan/make_plan.ts";
import type { Need, NotebookOptions, Plan } from "../plan/plan.ts";
import type { Code } from "../record/code.ts";
import { variablesForContainers } from "../record/evidence.ts";
import { type FoundRun, listRuns, newRunId, readPlan, runsRoot } from "../record/run_folder.ts";
import { exists } from "../system/files.ts";
import { type Host, inspectHost } from "../system/host.ts";
import { callerFolder } from "../system/project_root.ts";
import { authorsConditions } from "../verdict/conditions.ts";

/** What a task asks for. */
export interface RunRequest {
  task: string;
  /** Name or path of the experiment. */
  experiment?: string;
  /** Steps by name; all of them without it. */
  steps?: string[];
  /** Parameter values from the command line. */
  parameters: Record<string, string>;
  /** Names of the task's own options. */
  known: string[];
  /** Arguments for the steps' own commands. */
  rest: string[];
  engine: string;
  image?: string;
  /** What the engine was asked before this request was read. */
  early?: EarlyAnswers;
  container: ContainerOptions;
  /** Builds or gets an image that is missing; without it that is an error. */
  obtain?: (missing: MissingImage) => Promise<void>;
  /** Hears of an image that is converted for apptainer; without it none is converted. */
  reporter?: Reporter;
  /** Fetches data that are missing; without it the plan only marks them. */
  fetchData?: FetchData;
  /** Download more than 1 GB of packages without asking. */
  yes?: boolean;
  runs?: string;
  /** What the steps write into the project stays there. */
  keepOutputs?: boolean;
  reuse: boolean;
  resume: boolean;
  force: boolean;
  notebook?: NotebookOptions;
  /** The id of the run and the folder that its own is made in, where the run is part of a sweep. */
  place?: { run: string; folder: string };
  /** Threads of the processor that each step is to take; what it likes without it. */
  threads?: number;
  /** GPUs that each run gets where it is handed to; those of this machine without it. */
  gpusElsewhere?: number;
  /** The Python that runs the steps where they are handed to, if that is none of this machine. */
  pythonElsewhere?: string;
  /** What the project is a copy of. */
  origin?: Origin;
}

/** The project that a copy was made of: what the copy can't say itself. */
export interface Origin {
  /** The experiment's file there. */
  file: string;
  /** What each step ran in when the authors ran it. */
  authors: Record<string, Conditions>;
  /** With the commit. */
  code: Code;
}

/** A plan, and what was read for it. */
export interface PreparedRun {
  experiment: Experiment;
  host: Host;
  plan: Plan;
  /** Folder of the runs of all experiments. */
  runs: string;
  /** The run that is taken up again. */
  resumed?: FoundRun;
  /** What the user should know of the engine's choice. */
  note?: string;
  /** How the engine differs from that of the run before. */
  change?: string;
  /** Which of the project's files the environment is made from in place of others; a run says it when it makes one. */
  sources?: readonly string[];
}

/**
 * Reads everything that a run depends on and plans it. Nothing is written.
 *
 * @throws Failure(2) for a wrong request or file, Failure(3) for what this machine lacks.
 */
export async function prepareRun(request: RunRequest): Promise<PreparedRun> {
  if (request.resume) {
    const experiment = await readFor(request);
    const host = hostOf(await inspectHost(), request.gpusElsewhere);
    return await prepareResume(request, experiment, host, runsRoot(experiment.root, request.runs));
  }
  const prepare = await prepareRuns(request);
  return await prepare(request.parameters, request.place);
}

/** Of a run that differs from others in its parameters alone. */
export type PrepareOne = (
  parameters: RunRequest["parameters"],
  place?: RunRequest["place"],
) => Promise<PreparedRun>;

/**
 * Reads once what many runs depend on that differ in their parameters alone.
 *
 * @throws Failure(2) and Failure(3) as `prepareRun`
 */
export async function prepareRuns(request: RunRequest): Promise<PrepareOne> {
  const experiment = await readFor(request);
  const runs = runsRoot(experiment.root, request.runs);
  const host = hostOf(await inspectHost(), request.gpusElsewhere);
  const [chosen, names] = chooseSteps(request, experiment);
  const { engine, container, note, change } = await chooseEngine({ ...request, runs }, experiment, host);
  if (container === undefined) refuseLimits(request.container);
  if (container?.isProcess) refuseSharedMemory(engine.name, request.container);
  const sources: string[] = [];
  const shared = {
    task: request.task,
    steps: names,
    rest: request.rest,
    notebook: request.notebook && { ...request.notebook, own: ownNotebooks(request.notebook, experiment) },
    experimentText: await Deno.readTextFile(experiment.file),
    authors: request.origin?.authors ?? await authorsConditions(experiment),
    engine,
    container: container && { ...container, ...experiment.environment.limits },
    mounts: request.container.mounts,
    data: await dataOfSteps(chosen, names, request.fetchData),
    variables: variablesForContainers(),
    threads: request.threads,
    python: container === undefined
      ? request.pythonElsewhere ?? host.image?.python ??
        await pythonHere(experiment, host, (line) => sources.push(line))
      : "python",
  };
  return async (parameters, place) => {
    const run = place?.run ?? newRunId();
    const plan = await makePlan(chosen, host, {
      ...shared,
      run,
      directory: join(place?.folder ?? join(runs, experiment.name), run),
      overrides: parameters,
      findStep: (step, values) => findStep(runs, experiment.name, step, values),
    });
    return { experiment, host, plan, runs, note, change, sources };
  };
}

async function readFor(request: RunRequest): Promise<Experiment> {
  const read = await withValues(await readExperiment(request.experiment, callerFolder()));
  const experiment = withOptions(read, request.container);
  checkParameters(request, experiment);
  return experiment;
}

/** The Python of the environment that the steps have on this machine; a container needs nothing of that. */
async function pythonHere(experiment: Experiment, host: Host, hear: (line: string) => void): Promise<string> {
  const { environmentRequest, expectedPython } = await import("../environment/environment.ts");
  return await expectedPython(environmentRequest(experiment, host), hear);
}

/** Of the machine that a run is handed to, no more is known before than what is asked for. */
function hostOf(host: Host, gpus?: number): Host {
  if (gpus === undefined) return host;
  const unknown = { name: "a GPU of the cluster", memory: 0, driver: "", uuid: "" };
  return { ...host, gpus: Array.from({ length: gpus }, () => unknown) };
}

/** Few experiments read claimed values from files, and then nothing of that is loaded. */
async function withValues(experiment: Experiment): Promise<Experiment> {
  if (experiment.claims.every(({ published }) => published === undefined)) return experiment;
  const { withPublishedValues } = await import("../experiment/published_values.ts");
  return await withPublishedValues(experiment);
}

/** Most experiments have no data, and then nothing of that is loaded. */
async function dataOfSteps(
  experiment: Experiment,
  steps: string[],
  fetch?: FetchData,
): Promise<Plan["data"]> {
  if (!steps.some((step) => experiment.steps[step]!.data.length > 0)) return undefined;
  const { planData } = await import("../data/plan_data.ts");
  return await planData(experiment, steps, fetch);
}

/** What the user said goes before what the experiment says. */
function withOptions(experiment: Experiment, { gpus, limits }: ContainerOptions): Experiment {
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
  const { environment } = experiment;
  return {
    ...experiment,
    environment: {
      ...environment,
      gpus: gpus ?? environment.gpus,
      limits: { ...environment.limits, ...given },
    },
    ...(gpus !== undefined && {
      steps: Object.fromEntries(
        Object.entries(experiment.steps).map(([name, step]) => [name, { ...step, gpus: undefined }]),
      ),
    }),
  };
}

/** A limit that nothing enforces would be worse than none. */
function refuseLimits({ limits, mounts }: ContainerOptions) {
  const given = { "--shm-size": limits.shmSize, "--memory": limits.memory, "--cpus": limits.cpus };
  const all = { ...given, "--network": limits.network, "--mount": mounts[0] };
  const option = Object.entries(all).find(([, value]) => value !== undefined)?.[0];
  if (option === undefined) return;
  throw new Failure(2, `${option} needs a container engine, and the steps would run on the host`, {
    remedy: `Leave it out, or add --engine docker or podman`,
  });
}

/** A wish in experiment.yaml for more than the engines' usual 64 MB is fulfilled there: it is all that the machine has. */
function refuseSharedMemory(engine: string, { limits: { shmSize } }: ContainerOptions) {
  if (shmSize === undefined) return;
  throw new Failure(2, `--shm-size can't be set with ${engine}: /dev/shm is the machine's own`, {
    remedy: "Leave it out; df -h /dev/shm shows its size",
  });
}

/** Declared parameters are options; anything else that looks like one is a mistake. */
function checkParameters({ task, parameters, known }: RunRequest, experiment: Experiment) {
  const declared = Object.keys(experiment.parameters);
  const unknown = Object.keys(parameters).find((name) => !declared.includes(name));
  if (unknown === undefined) return;
  const hint = didYouMean(`--${unknown}`, [...declared, ...known].map((name) => `--${name}`));
  throw new Failure(2, `"deno task ${task}" has no option --${unknown}${hint}`, {
    remedy: `Parameters of ${experiment.name}: ${declared.map((name) => `--${name}`).join(", ") || "none"}`,
  });
}

/** The experiment with the steps that are to run; notebooks named on the command line are a step of their own. */
function chooseSteps({ steps, notebook }: RunRequest, experiment: Experiment): [Experiment, string[]] {
  if (notebook?.notebooks !== undefined) {
    const name = NAMED_NOTEBOOKS;
    return [{ ...experiment, steps: { [name]: { name, notebook: "", needs: [], produces: [], data: [] } } }, [
      name,
    ]];
  }
  if (steps === undefined) return [experiment, stepOrder(experiment, Object.keys(experiment.steps))];
  stepOrder(experiment, steps); // refuses unknown names
  return [experiment, steps];
}

/** Of the notebooks that were named, those that a step of the experiment executes. */
function ownNotebooks({ notebooks = [] }: NotebookOptions, { root, steps }: Experiment): string[] {
  const own = Object.values(steps).flatMap(({ notebook }) =>
    notebook === undefined ? [] : join(root, notebook)
  );
  return notebooks.filter((path) => own.includes(path));
}

async function findStep(
  runs: string,
  experiment: string,
  step: string,
  parameters: Record<string, Scalar>,
): Promise<Need | undefined> {
  const expected = JSON.stringify(Object.entries(parameters).sort());
  for await (const { id, directory, evidence } of listRuns(runs, experiment)) {
    const status = evidence.steps[step]?.status;
    const same = JSON.stringify(Object.entries(evidence.parameters).sort()) === expected &&
      evidence.onlyParameters;
    const folder = join(directory, step);
    if ((status === "done" || status === "reused") && same && await exists(folder)) {
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
  refuseChanges(request);
  const { withInterruptedStatus } = await import("../record/recover.ts");
  const [chosen, steps] = chooseSteps(request, experiment);
  for await (const resumed of listRuns(runs, experiment.name)) {
    if (resumed.evidence.task !== request.task) continue;
    const plan = await readPlan(resumed.directory).catch(() => undefined);
    if (plan === undefined || !isSame(plan, steps, request.notebook?.notebooks)) continue;
    await withInterruptedStatus(resumed);
    if (resumed.evidence.status === "done") {
      throw nothingToResume(request.task, `the newest, ${resumed.id}, is done`);
    }
    if (plan.directory !== resumed.directory) {
      throw new Failure(2, `${resumed.id} was planned in ${plan.directory} and can only be resumed there`);
    }
    await requireSameData(plan, chosen, steps, request.fetchData);
    return { experiment: chosen, host, plan, runs, resumed };
  }
  throw nothingToResume(request.task, "there is none");
}

async function requireSameData(plan: Plan, experiment: Experiment, steps: string[], fetch?: FetchData) {
  if (plan.data === undefined) return;
  const { refuseOtherData } = await import("../data/plan_data.ts");
  refuseOtherData(plan.data, await dataOfSteps(experiment, steps, fetch));
}

function isSame(plan: Plan, steps: string[], notebooks?: string[]): boolean {
  const planned = plan.steps.map(({ name }) => name);
  return JSON.stringify([planned, plan.notebooks]) === JSON.stringify([steps, notebooks]);
}

function refuseChanges({ parameters, rest, notebook }: RunRequest) {
  const given = [parameters, rest, notebook?.parameters ?? {}, notebook?.flags ?? []];
  if (notebook?.results ?? notebook?.cwd) given.push(["--results", "--cwd"]);
  if (given.every((one) => Object.keys(one).length === 0)) return;
  throw new Failure(
    2,
    "--resume goes on with a run as it was planned, so it takes no parameters or arguments",
    {
      remedy: "Leave them out, or leave out --resume to start a new run",
    },
  );
}

/**
 * The error of `--resume` where no run can go on.
 *
 * @param because why, as it goes on after a colon
 */
export function nothingToResume(task: string, because: string): Failure {
  return new Failure(2, `There is no unfinished run of this to resume: ${because}`, {
    remedy: `deno task ${task} without --resume starts a new one`,
  });
}

/** The command lines of a plan, by step. */
export async function planCommands(plan: Plan): Promise<Record<string, string[]>> {
  const commands = plan.steps.map(async (step) => [step.name, await engineCommand(plan, step)] as const);
  return Object.fromEntries(await Promise.all(commands));
}
