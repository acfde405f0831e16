/** From a run folder to its verdict: reads the claimed values, checks them and the record, writes verdict.json. */

import { join } from "node:path";
import { type Observation, readSource } from "./claim_source.ts";
import { type Evidence, evidencePath, findAlterations } from "./evidence.ts";
import { type Experiment, parseExperiment } from "./experiment.ts";
import { Failure } from "./failure.ts";
import { sha256, sha256File, writeJson } from "./files.ts";
import type { Plan } from "./plan.ts";
import { type FoundRun, readPlan } from "./run_folder.ts";
import { type Check, type FailedStep, holds, verify } from "./verify.ts";

export const VERDICT_SCHEMA = 1;

export interface RunVerdict {
  schema: typeof VERDICT_SCHEMA;
  run: string;
  judged: string;
  /** Hash of the evidence that was judged; other evidence is another verdict. */
  evidenceSha256: string;
  /** Hash of the experiment.yaml whose claims were used. */
  claimsSha256: string;
  checks: Check[];
  /** Recorded files that are not what they were. */
  altered: string[];
  /** Every claim that applies holds, the run is done, and nothing was altered. */
  holds: boolean;
}

export interface Judged {
  experiment: Experiment;
  plan: Plan;
  verdict: RunVerdict;
  /** The project's experiment.yaml makes other claims by now than the run recorded. */
  claimsChanged: boolean;
}

/**
 * Judges a run by the claims it was planned with, or with `current` by those that the project makes now.
 *
 * @throws Failure(2) if the folder holds no readable plan.
 */
export async function judgeRun({ directory, evidence }: FoundRun, current = false): Promise<Judged> {
  const plan = await readPlan(directory);
  const { file, root, text: recorded } = plan.experiment;
  const now = await Deno.readTextFile(file).catch(() => undefined);
  if (current && now === undefined) {
    throw new Failure(2, `Cannot judge by the current claims: there is no ${file}`);
  }
  const text = current ? now! : recorded;
  const experiment = parseExperiment(text, file, root);
  const considered = claimsOf(experiment, plan);
  const altered = await findAlterations(directory, evidence);
  const checks = verify(considered, await observe(considered, directory), {
    parametersChanged: evidence.changed,
    failedSteps: failedSteps(plan, evidence),
  });
  const verdict: RunVerdict = {
    schema: VERDICT_SCHEMA,
    run: evidence.run,
    judged: new Date().toISOString(),
    evidenceSha256: await sha256File(evidencePath(directory)),
    claimsSha256: sha256(text),
    checks,
    altered,
    holds: evidence.status === "done" && altered.length === 0 && holds(checks),
  };
  // The verdict of record is by the claims that the run was planned with.
  if (!current) await writeVerdict(directory, verdict);
  return { experiment, plan, verdict, claimsChanged: now !== undefined && now !== text };
}

/** A run of some steps is judged by the claims on those; a reproduction by all. */
function claimsOf(experiment: Experiment, plan: Plan): Experiment {
  if (plan.task === "reproduce") return experiment;
  const steps = plan.steps.map(({ name }) => name);
  return { ...experiment, claims: experiment.claims.filter(({ from }) => steps.includes(from.step)) };
}

async function observe(experiment: Experiment, directory: string): Promise<Map<string, Observation>> {
  const pairs = experiment.claims.map(async ({ name, from }) =>
    [name, await readSource(from, directory)] as const
  );
  return new Map(await Promise.all(pairs));
}

function failedSteps(plan: Plan, evidence: Evidence): FailedStep[] {
  return plan.steps.flatMap(({ name }): FailedStep[] => {
    const { status, problem } = evidence.steps[name] ?? { status: "not run" };
    if (status === "done" || status === "reused") return [];
    const shown = status === "failed" || status === "not run" ? status : "interrupted";
    return [{ step: name, status: shown, detail: problem ?? "" }];
  });
}

/** A run folder from elsewhere may be read-only; the verdict is then only shown. */
async function writeVerdict(directory: string, verdict: RunVerdict) {
  try {
    await writeJson(join(directory, "verdict.json"), verdict);
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied) && !/read-only|os error 30/i.test(String(error))) {
      throw error;
    }
  }
}
