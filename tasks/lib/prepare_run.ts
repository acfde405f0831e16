/** From what a task asks for to a plan; nothing is written yet. */

import { join } from "node:path";
import { chooseEngine, engineCommand } from "./engine/index.ts";
import { expectedPython } from "./environment.ts";
import { type Experiment, readExperiment, stepOrder } from "./experiment.ts";
import { Failure } from "./failure.ts";
import { exists } from "./files.ts";
import { type Host, inspectHost } from "./host.ts";
import { makePlan, type Need, type NotebookOptions, type Plan, PLAN_SCHEMA, type Scalar } from "./plan.ts";
import { asItEnded, callerFolder, type FoundRun, listRuns, newRunId, runsRoot } from "./run_folder.ts";
import { suggest } from "./suggest.ts";

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
    python: await expectedPython(environmentRequest(experiment, host)),
    findStep: (step, parameters) => findStep(runs, experiment.name, step, parameters),
  });
  return { experiment, host, plan, runs };
}

/** What the experiment wants of a Python environment on this host. */
export function environmentRequest({ root, environment: { requirements, gpus } }: Experiment, host: Host) {
  return { root, requirements, gpu: gpus !== "none" && host.gpus.length > 0 };
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
    const name = "notebooks";
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
