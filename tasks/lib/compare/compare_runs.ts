/** Two runs, from their folders alone: where they may have been made does not matter. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Claim } from "../experiment/experiment.ts";
import { recordedExperiment } from "../plan/recorded_experiment.ts";
import type { Plan } from "../plan/plan.ts";
import type { Evidence } from "../record/evidence.ts";
import { type FoundRun, readPlan } from "../record/run_folder.ts";
import { inParallel, sha256File } from "../system/files.ts";
import { type ClaimedValue, compareClaimedValues, countersOf } from "./claimed_values.ts";
import { compareEnvironments, type EnvironmentDifference } from "./environments.ts";
import { compareFiles, type Difference } from "./formats.ts";
import type { Masks } from "./incidental.ts";
import { findOutputs, type FoundOutput } from "./outputs.ts";
import { comparePrinted } from "./printed.ts";
import { countTensors } from "./tensors.ts";

/** Version of what `compare --json` prints. */
export const COMPARISON_SCHEMA = 1;

/** What `compare --json` prints. */
export interface Comparison {
  schema: typeof COMPARISON_SCHEMA;
  a: Side;
  b: Side;
  /** Every output is in both, as recorded, and the same but for times and the run's own names. */
  equal: boolean;
  /** Every output is the same to the bit. */
  bitwise: boolean;
  claims: ClaimedValue[];
  files: {
    /** The same bytes. */
    equal: EqualFile[];
    differing: FileDifference[];
    onlyA: string[];
    onlyB: string[];
  };
  /** Neither run left a file: in the place of files stands what each step printed, called `train~`. */
  isPrinted?: true;
  /** Steps that did not end alike, e.g. `infer: done in A, not run in B`. */
  steps: string[];
  environment: EnvironmentDifference[];
}

export interface EqualFile {
  /** E.g. `train/metrics.json`. */
  path: string;
  /** How many tensors it holds, all of them equal. */
  tensors?: number;
}

/** A file that is in both runs and not the same; its path begins with the step's name. */
export interface FileDifference extends Difference {
  path: string;
}

/** One of the two runs. */
export interface Side {
  run: string;
  directory: string;
  experiment: string;
  status: Evidence["status"];
  /** Steps that ended well. */
  steps: string[];
  /** Files whose bytes are not what was recorded. */
  altered: string[];
  /** Files that are recorded and not there; only their hashes are compared. */
  gone: string[];
}

interface Opened extends FoundRun {
  plan: Plan;
  outputs: Map<string, FoundOutput>;
  names: string[];
}

/** @throws Failure(2) if a folder holds no readable plan, or neither run left or printed anything. */
export async function compareRuns(runA: FoundRun, runB: FoundRun): Promise<Comparison> {
  const [a, b] = await Promise.all([open(runA), open(runB)]);
  const claims = claimsOf(b.plan);
  const isPrinted = a.outputs.size + b.outputs.size === 0;
  const files = isPrinted
    ? await comparePrinted(a, b, { a: a.names, b: b.names })
    : await comparePaths(a, b, claims);
  if (Object.values(files).every(({ length }) => length === 0)) {
    throw new Failure(2, `Cannot compare ${a.id} and ${b.id}: neither left a file or printed anything`);
  }
  const [sideA, sideB] = await Promise.all([describeSide(a), describeSide(b)]);
  const complete = files.onlyA.length + files.onlyB.length === 0;
  const altered = sideA.altered.length + sideB.altered.length > 0;
  return {
    schema: COMPARISON_SCHEMA,
    a: sideA,
    b: sideB,
    equal: complete && !altered && files.differing.every(({ incidental }) => incidental !== undefined),
    bitwise: complete && !altered && files.differing.length === 0,
    claims: await compareClaimedValues(claims, a, b),
    files,
    ...(isPrinted ? { isPrinted } : {}),
    steps: compareSteps(a.evidence, b.evidence),
    environment: compareEnvironments(a.evidence, b.evidence, a.names, b.names),
  };
}

async function open(run: FoundRun): Promise<Opened> {
  const [plan, outputs] = await Promise.all([readPlan(run.directory), findOutputs(run)]);
  // The folder goes before what may be a part of it.
  const names = [plan.directory, plan.experiment.root, run.evidence.run].filter((name) => name.length > 1);
  return { ...run, plan, outputs, names };
}

function claimsOf(plan: Plan): Claim[] {
  const ran = plan.steps.map(({ name }) => name);
  return recordedExperiment(plan).claims.filter(({ from }) => ran.includes(from.step));
}

async function comparePaths(a: Opened, b: Opened, claims: Claim[]): Promise<Comparison["files"]> {
  const paths = [...new Set([...a.outputs.keys(), ...b.outputs.keys()])].sort();
  const [both, single] = [paths.filter((path) => a.outputs.has(path) && b.outputs.has(path)), new Set(paths)];
  both.forEach((path) => single.delete(path));
  const isEqual = (path: string) => a.outputs.get(path)!.hash === b.outputs.get(path)!.hash;
  const masks: Masks = { a: a.names, b: b.names };
  // One after the other: a large file is held in memory, in pieces or whole.
  const differing = await inParallel(both.filter((path) => !isEqual(path)), async (path) => {
    const { step } = a.outputs.get(path)!;
    if (isNotebookRecord(path, step, a.evidence)) {
      return { path, detail: { kind: "record" as const }, incidental: "how the notebooks ran" };
    }
    const reading = { masks, count: countersOf(claims, step) };
    return { path, ...await compareFiles(a.outputs.get(path)!, b.outputs.get(path)!, reading) };
  }, 1);
  return {
    equal: both.filter(isEqual).map((path) => ({ path, tensors: countTensors(a.outputs.get(path)!.file) })),
    differing,
    onlyA: [...single].filter((path) => a.outputs.has(path)),
    onlyB: [...single].filter((path) => b.outputs.has(path)),
  };
}

/** What the notebook driver leaves beside the notebooks; evidence holds it, and its environment is compared there. */
function isNotebookRecord(path: string, step: string, { steps }: Evidence): boolean {
  return path === `${step}/notebooks.json` && steps[step]?.recorded?.notebooks !== undefined;
}

async function describeSide({ id, directory, evidence, plan, outputs }: Opened): Promise<Side> {
  const inState = (state: FoundOutput["state"]) =>
    [...outputs.values()].filter((output) => output.state === state).map(({ path }) => path);
  const planHash = await sha256File(join(directory, "plan.json"));
  return {
    run: evidence.run ?? id,
    directory,
    experiment: plan.experiment.name,
    status: evidence.status,
    steps: Object.keys(evidence.steps).filter((name) => isDone(evidence, name)),
    altered: [...(planHash === evidence.planSha256 ? [] : ["plan.json"]), ...inState("altered")],
    gone: inState("gone"),
  };
}

function isDone({ steps }: Evidence, name: string): boolean {
  return steps[name]?.status === "done" || steps[name]?.status === "reused";
}

function compareSteps(a: Evidence, b: Evidence): string[] {
  const names = [...new Set([...Object.keys(a.steps), ...Object.keys(b.steps)])];
  const statusOf = (evidence: Evidence, name: string) =>
    isDone(evidence, name) ? "done" : evidence.steps[name]?.status ?? "not run";
  return names.filter((name) => statusOf(a, name) !== statusOf(b, name))
    .map((name) => `${name}: ${statusOf(a, name)} in A, ${statusOf(b, name)} in B`);
}
