/** What claiming a run would change in experiment.yaml and published/. Reads only. */

import { Failure } from "../cli/failure.ts";
import type { Claim, Experiment } from "../experiment/experiment.ts";
import { parseExperiment } from "../experiment/parse.ts";
import { withPublishedValues } from "../experiment/published_values.ts";
import { readExperiment } from "../experiment/read.ts";
import { findAlterations } from "../record/alterations.ts";
import { findRun } from "../record/find_run.ts";
import { withInterruptedStatus } from "../record/recover.ts";
import { type FoundRun, listRuns, readPlan, runsRoot } from "../record/run_folder.ts";
import type { RunVerdict } from "../record/verdict.ts";
import { callerFolder } from "../system/project_root.ts";
import { readRegularText } from "../system/regular_file.ts";
import { conditionsOf } from "../verdict/conditions.ts";
import { judgeClaims } from "../verdict/judge.ts";
import { observe } from "../verdict/observe.ts";
import { newClaim, nothingClaimed } from "./new_claim.ts";
import { contentsOf, planPublishing, type PublishedFile } from "./published_files.ts";
import { claimedText, type Repeat, type Suggestion, suggestTolerance, valuesOf } from "./values.ts";
import { setValue } from "./yaml_edit.ts";

/** What a person asks for; texts as they were typed. */
export interface ClaimRequest {
  experiment?: string;
  runs?: string;
  /** Source of a claim that is not there yet, and what is to be said of it. */
  add?: string;
  name?: string;
  of?: string;
  unit?: string;
  because?: string;
  /** Runs to derive tolerances from; all others with the same parameters if none is named. */
  spread: string[];
}

/** Everything that is to be shown before anything is written. */
export interface Proposal {
  experiment: Experiment;
  run: FoundRun;
  before: string;
  after: string;
  /** Claims that stay as they are, and why. */
  notes: string[];
  suggestions: Suggestion[];
  files: PublishedFile[];
  /** What the files are to hold. */
  contents: Map<string, Uint8Array>;
  /** A tolerance is among what is to be written. */
  hasTolerance: boolean;
}

/**
 * What claiming a run would change; nothing is written.
 *
 * @param asked the run, by path or id; the newest without it
 * @param askReason asks a person why runs differ, where no reason was given
 * @throws Failure(2) if the run can't be claimed, or a tolerance would rest on the run that is claimed
 */
export async function propose(
  request: ClaimRequest,
  asked: string | undefined,
  askReason: (needed: Suggestion[]) => string | undefined,
): Promise<Proposal> {
  const experiment = await readExperiment(request.experiment, callerFolder());
  const runs = runsRoot(experiment.root, request.runs);
  const run = await withInterruptedStatus(await findRun(runs, experiment.name, asked));
  await checkClaimable(experiment, run);
  const before = await readRegularText(experiment.file);
  const parse = (text: string) => parseExperiment(text, experiment.file, experiment.root);
  const extended = await withNewClaim(before, parse(before), run, request);
  const { text: claimed, notes } = await withValues(extended, parse(extended), run);
  if (parse(claimed).claims.length === 0) notes.push(await nothingClaimed(run));
  const suggestions = await suggest(parse(claimed), run, runs, request.spread);
  const needed = suggestions.filter(({ isAllowed }) => !isAllowed);
  const because = request.because ?? askReason(needed);
  if (because !== undefined) checkReason(because, suggestions, run);
  const after = because === undefined
    ? claimed
    : withTolerances(claimed, parse(claimed), needed, because, notes);
  const whole = await withPublishedValues(parse(after));
  const contents = await contentsOf(whole, run, await judgeAgain(whole, after, run));
  const files = await planPublishing(experiment, contents);
  const hasTolerance = after !== claimed;
  return { experiment, run, before, after, notes, suggestions, files, contents, hasTolerance };
}

/** The verdict on the run by the claims that it gives; it is the authors' own by then. */
async function judgeAgain(experiment: Experiment, text: string, run: FoundRun): Promise<RunVerdict> {
  const plan = await readPlan(run.directory);
  const steps = Object.keys(experiment.steps);
  const own = Object.fromEntries(steps.map((step) => [step, conditionsOf(run.evidence, step)]));
  return await judgeClaims(experiment, text, run, plan, own);
}

/** @throws Failure if the run is not what the experiment, unchanged, gives; Failure(1) if it was altered since. */
async function checkClaimable(experiment: Experiment, { id, directory, evidence }: FoundRun) {
  const refuse = (why: string) => new Failure(2, `Cannot claim what ${id} produced: ${why}`);
  if (evidence.experiment.name !== experiment.name) {
    throw refuse(`it is a run of ${evidence.experiment.name}, not of ${experiment.name}`);
  }
  if (evidence.status !== "done") throw refuse(`it is not done but ${evidence.status}`);
  if (evidence.changed.length > 0) throw refuse(`it ran with changes: ${evidence.changed.join(", ")}`);
  const altered = await findAlterations(directory, evidence);
  if (altered.length > 0) throw new Failure(1, `Cannot claim what ${id} produced: ${altered.join("; ")}`);
}

async function withNewClaim(
  text: string,
  { claims, steps }: Experiment,
  run: FoundRun,
  request: ClaimRequest,
) {
  const { add, name, of, unit } = request;
  if (add === undefined) {
    const alone = Object.entries({ name, of, unit }).find(([, value]) => value !== undefined);
    if (alone) throw new Failure(2, `--${alone[0]} is about an added claim, and goes with --add FROM`);
    return text;
  }
  return setValue(
    text,
    ["claims", claims.length],
    await newClaim({ from: add, name, of, unit }, run, Object.keys(steps)),
  );
}

/** The values of the run in the place of those that differ from it. */
async function withValues(text: string, experiment: Experiment, run: FoundRun) {
  const observations = await observe(experiment, run.directory, run.evidence);
  const notes: string[] = [];
  for (const [index, claim] of experiment.claims.entries()) {
    const values = valuesOf(observations.get(claim.name));
    const change = typeof values === "string" ? values : replaceValues(text, index, claim, values);
    if (typeof change === "string") notes.push(`${claim.name} stays as it is: ${change}`);
    else text = change.text;
  }
  return { text, notes };
}

/** @returns the new text of the YAML, or why the claim can't be changed. */
function replaceValues(
  text: string,
  index: number,
  claim: Claim,
  values: { value: number | string | boolean; text: string }[],
): { text: string } | string {
  if (claim.over !== undefined) return "it is about the runs of a sweep";
  if (claim.published !== undefined) return `its value is read from ${claim.published}`;
  if (typeof claim.value === "object" && !Array.isArray(claim.value)) {
    return claim.value.kind === "range" ? "its author set the range" : "it is about more than one run";
  }
  const printed = [claim.text].flat();
  if (values.length !== printed.length) return `it has ${printed.length} points and the run ${values.length}`;
  for (const [point, value] of values.entries()) {
    const path = ["claims", index, "value", ...(Array.isArray(claim.value) ? [point] : [])];
    const changed = claimedText(value, claim, printed[point]);
    if (changed === undefined) continue;
    if (typeof changed === "object" && "problem" in changed) return changed.problem;
    text = setValue(text, path, changed);
  }
  return { text };
}

/** What other runs of the same say about each claim. */
async function suggest(
  experiment: Experiment,
  claimed: FoundRun,
  runs: string,
  asked: string[],
): Promise<Suggestion[]> {
  const others = asked.length > 0
    ? await Promise.all(asked.map((one) => findRun(runs, experiment.name, one)))
    : await repeatsOf(claimed, runs, experiment.name);
  const own = others.find(({ evidence }) => evidence.run === claimed.evidence.run);
  if (own) {
    throw new Failure(2, `Cannot derive a tolerance from ${own.id}: it is the very run that is claimed`, {
      remedy: "Run deno task reproduce again, and name that run",
    });
  }
  for (const other of others) await checkClaimable(experiment, other);
  const found = await Promise.all(others.map(async (run) => ({
    run: run.evidence.run,
    values: await observe(experiment, run.directory, run.evidence),
  })));
  return experiment.claims.filter(({ over }) => over === undefined).flatMap((claim) => {
    const repeats = found.map(({ run, values }): Repeat => ({
      run,
      values: valuesOf(values.get(claim.name)),
    }));
    return suggestTolerance(claim, repeats) ?? [];
  });
}

/** Whole runs that ended well, with the declared parameters, and are as they were recorded. */
async function repeatsOf(claimed: FoundRun, runs: string, experiment: string): Promise<FoundRun[]> {
  const repeats: FoundRun[] = [];
  const parameters = JSON.stringify(claimed.evidence.parameters);
  for await (const run of listRuns(runs, experiment)) {
    const { evidence, directory } = run;
    if (evidence.run === claimed.evidence.run || evidence.status !== "done") continue;
    if (evidence.changed.length > 0 || JSON.stringify(evidence.parameters) !== parameters) continue;
    // What was copied from another run says nothing about how far runs differ.
    if (Object.values(evidence.steps).some(({ status }) => status === "reused")) continue;
    if ((await findAlterations(directory, evidence)).length === 0) repeats.push(run);
  }
  return repeats;
}

function checkReason(because: string, suggestions: Suggestion[], run: FoundRun) {
  if (because.trim() === "") {
    throw new Failure(2, "--because must say where the tolerances are from, it is empty");
  }
  if (suggestions.length > 0) return;
  throw new Failure(
    2,
    `Cannot derive a tolerance from ${run.id} alone: it is the very run that is claimed, and no other run has the same parameters`,
    { remedy: "Run deno task reproduce again, or leave out --because" },
  );
}

/** Tolerances where there is none, or one that is too small; classes are their author's to change. */
function withTolerances(
  text: string,
  { claims }: Experiment,
  needed: Suggestion[],
  because: string,
  notes: string[],
): string {
  for (const { claim: name, kind, amount, runs } of needed) {
    const index = claims.findIndex((claim) => claim.name === name);
    const { tolerance } = claims[index]!;
    if (hasOther(tolerance, kind)) {
      notes.push(`${name} keeps its tolerance, which is not one of ${kind} for every environment`);
      continue;
    }
    const path = ["claims", index, "tolerance"];
    const entries = { [kind]: Number(amount), because, runs };
    if (tolerance.length === 0) text = setValue(text, path, entries);
    else for (const [key, value] of Object.entries(entries)) text = setValue(text, [...path, key], value);
  }
  return text;
}

function hasOther(tolerance: Claim["tolerance"], kind: Suggestion["kind"]): boolean {
  return tolerance.length > 1 || tolerance.some((one) => one.when !== undefined || one[kind] === undefined);
}
