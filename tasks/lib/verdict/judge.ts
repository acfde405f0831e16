/** From a run folder to its verdict: reads the claimed values, checks them and the record, writes verdict.json. */

import { Failure } from "../cli/failure.ts";
import type { Conditions, Experiment } from "../experiment/experiment.ts";
import { parseExperiment } from "../experiment/parse.ts";
import { type PlainClaim, plainClaim } from "../experiment/plain_claim.ts";
import { withPublishedValues } from "../experiment/published_values.ts";
import { recordedExperiment } from "../plan/recorded_experiment.ts";
import type { Plan } from "../plan/plan.ts";
import { explainUnreadable, findAlterations } from "../record/alterations.ts";
import { canonicalJson } from "../record/canonical_json.ts";
import { type Evidence, evidencePath } from "../record/evidence.ts";
import { type FoundRun, readPlan } from "../record/run_folder.ts";
import { type RunVerdict, VERDICT_SCHEMA } from "../record/verdict.ts";
import { sha256, sha256File } from "../system/files.ts";
import { readTextIfThere } from "../system/regular_file.ts";
import { authorsConditions, conditionsOf } from "./conditions.ts";
import { observe } from "./observe.ts";
import { type FailedStep, holds, type RunState, verify } from "./verify.ts";

/** A run's verdict, with the experiment whose claims it is about. */
export interface Judged {
  experiment: Experiment;
  plan: Plan;
  verdict: RunVerdict;
  /** The project's experiment.yaml makes other claims by now than the run recorded. */
  claimsChanged: boolean;
}

/**
 * Judges a run by the claims it was planned with, or with `current` by those that the project makes now. Nothing is
 * written.
 *
 * @throws Failure(2) if the folder holds no readable plan, Failure(1) if it was altered so that it can't be read.
 */
export async function judgeRun(run: FoundRun, current = false): Promise<Judged> {
  try {
    return await judge(run, current);
  } catch (error) {
    throw await explainUnreadable(run.directory, error);
  }
}

async function judge(found: FoundRun, current: boolean): Promise<Judged> {
  const plan = await readPlan(found.directory);
  const { file, root, text: recorded } = plan.experiment;
  const now = await readTextIfThere(file).catch(() => undefined);
  if (current && now === undefined) {
    throw new Failure(2, `Cannot judge by the current claims: there is no ${file}`);
  }
  const text = current ? now! : recorded;
  const experiment = current
    ? await withPublishedValues(parseExperiment(text, file, root))
    : recordedExperiment(plan);
  const authors = (current ? undefined : plan.experiment.authors) ?? await authorsConditions(experiment);
  const verdict = await judgeClaims(experiment, text, found, plan, authors);
  return { experiment, plan, verdict, claimsChanged: now !== undefined && now !== text };
}

/**
 * Judges a run by the claims of an experiment.
 *
 * @param text YAML that the experiment was read from
 * @param authors what each step ran in when the authors ran it
 */
export async function judgeClaims(
  experiment: Experiment,
  text: string,
  { directory, evidence }: FoundRun,
  plan: Plan,
  authors: Record<string, Conditions>,
): Promise<RunVerdict> {
  const considered = claimsOf(experiment, plan);
  const altered = [...contradictions(experiment, text, plan), ...await findAlterations(directory, evidence)];
  const checks = verify(considered, await observe(considered, directory, evidence), {
    run: evidence.run,
    parametersChanged: evidence.changed,
    failedSteps: failedSteps(plan, evidence),
    conditions: compareConditions(considered, evidence, authors),
  });
  return {
    schema: VERDICT_SCHEMA,
    run: evidence.run,
    judged: new Date().toISOString(),
    evidenceSha256: await sha256File(evidencePath(directory)),
    claimsSha256: sha256(text),
    checks,
    // The claims that a run is judged by are its own, unless somebody asks for those of now.
    ...(evidence.claims === undefined || text !== plan.experiment.text ? {} : { claims: evidence.claims }),
    ...remarksOf(evidence),
    altered,
    holds: evidence.status === "done" && altered.length === 0 && holds(checks),
  };
}

function remarksOf({ steps }: Evidence): Pick<RunVerdict, "remarks"> {
  const remarks = Object.entries(steps).flatMap(([step, { remarks = [] }]) =>
    remarks.map((remark) => ({ step, remark }))
  );
  return remarks.length === 0 ? {} : { remarks };
}

/** A judge that reads JSON alone must judge by the same claims. */
function contradictions({ claims }: Experiment, text: string, { experiment }: Plan): string[] {
  if (experiment.claims === undefined || experiment.text !== text) return [];
  const facts = ({ name, from, type, value, of }: PlainClaim) => [name, from, type, value, of];
  const isSame =
    canonicalJson(claims.map(plainClaim).map(facts)) === canonicalJson(experiment.claims.map(facts));
  return isSame ? [] : ["plan.json: its claims as JSON are not those of its experiment.yaml"];
}

/** A run of some steps is judged by the claims on those; a reproduction by all. */
function claimsOf(experiment: Experiment, plan: Plan): Experiment {
  if (plan.task === "reproduce") return experiment;
  const steps = plan.steps.map(({ name }) => name);
  return { ...experiment, claims: experiment.claims.filter(({ from }) => steps.includes(from.step)) };
}

function compareConditions(
  { claims }: Experiment,
  evidence: Evidence,
  authors: Record<string, Conditions>,
): RunState["conditions"] {
  const steps = [...new Set(claims.map(({ from }) => from.step))];
  return Object.fromEntries(
    steps.map((step) => [step, { run: conditionsOf(evidence, step), authors: authors[step] ?? {} }]),
  );
}

function failedSteps(plan: Plan, evidence: Evidence): FailedStep[] {
  return plan.steps.flatMap(({ name }): FailedStep[] => {
    const { status, problem } = evidence.steps[name] ?? { status: "not run" };
    if (status === "done" || status === "reused") return [];
    const shown = status === "failed" || status === "not run" ? status : "interrupted";
    return [{ step: name, status: shown, detail: problem ?? "" }];
  });
}
