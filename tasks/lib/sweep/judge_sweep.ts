/** From the runs of a sweep to the verdict on the claims over its seeds. */

import { join } from "node:path";
import type { Claim, Experiment } from "../experiment/experiment.ts";
import { parseExperiment } from "../experiment/parse.ts";
import { chooseParameters } from "../plan/make_plan.ts";
import { findAlterations } from "../record/alterations.ts";
import { recordedExperiment } from "../plan/recorded_experiment.ts";
import { readPlan } from "../record/run_folder.ts";
import { type Evidence, readEvidence } from "../record/evidence.ts";
import { type FoundSweep, type Member, sweepPath } from "../record/sweep_record.ts";
import { type Check, type RunVerdict, VERDICT_SCHEMA } from "../record/verdict.ts";
import { inParallel, sha256, sha256File } from "../system/files.ts";
import { authorsConditions, conditionsOf } from "../verdict/conditions.ts";
import { observe } from "../verdict/observe.ts";
import { judgeSeeds, type SeedValue } from "../verdict/judge_seeds.ts";
import { chooseTolerance } from "../verdict/tolerance.ts";
import { holds } from "../verdict/verify.ts";
import type { Given } from "./effects.ts";
import { type FoundNumbers, isAsKept, numberIn, numbersOf } from "./member_record.ts";
import { inWords } from "./members.ts";

export interface JudgedSweep {
  experiment: Experiment;
  verdict: RunVerdict;
  /** What the user should know of the members beside the verdict. */
  notes: string[];
  /** What each member gave that is done. */
  given: Given[];
}

interface Read {
  member: Member;
  /** Whether its evidence could be read; the evidence itself is let go of, since there may be 10,000. */
  isRead: boolean;
  altered: string[];
  found: FoundNumbers;
}

/**
 * Judges the claims over seeds by the members that ran with the declared values of all else. Nothing is written.
 *
 * @param known members whose evidence this process has just read. With it the numbers count that the record keeps, as
 * long as the evidence is the one that they are from; without it every recorded file of every member is hashed.
 * @param recorded the record's file is what it is to be; until then only what is in memory is looked at
 */
export async function judgeSweep(
  { directory, record }: FoundSweep,
  known?: ReadonlySet<Member>,
  recorded?: Promise<void>,
): Promise<JudgedSweep> {
  const { experiment: { text }, seed } = record;
  const experiment = await experimentOf({ directory, record });
  const claims = experiment.claims.filter(({ over, from }) =>
    over !== undefined && record.steps.includes(from.step)
  );
  const numbers = numbersOf(experiment.claims, record.steps);
  const read = await inParallel(
    record.members,
    (member) =>
      known === undefined || member.found === undefined
        ? readFiles(directory, member, numbers)
        : readKept(directory, member, known),
  );
  const judged = read.filter(({ member }) => isDeclared(experiment, member, seed));
  const authors = await authorsConditions(experiment);
  const first = await firstEvidence(directory, judged);
  const checks = claims.map((claim): Check => {
    if (seed === undefined) return notApplicable(claim, "the sweep is over no seeds");
    if (judged.length === 0) {
      return notApplicable(claim, "the claim is about the declared parameters, and no member has them");
    }
    const conditions = first === undefined ? {} : conditionsOf(first, claim.from.step);
    const own = judged.find(({ member }) =>
      claim.tolerance.some(({ runs }) => runs?.includes(member.run ?? ""))
    );
    const chosen = chooseTolerance(claim, own?.member.run, conditions, authors[claim.from.step] ?? {});
    const { values, lacking } = valuesOf(claim, judged, seed);
    return judgeSeeds(claim, values, lacking, chosen);
  });
  const altered = read.flatMap(({ altered }) => altered);
  await recorded;
  return {
    experiment,
    notes: notesOf(record.members),
    given: read.map(({ member, found }) => ({ values: member.values, found })),
    verdict: {
      schema: VERDICT_SCHEMA,
      run: record.sweep,
      judged: new Date().toISOString(),
      evidenceSha256: await sha256File(sweepPath(directory)),
      claimsSha256: sha256(text),
      checks,
      altered,
      holds: record.status === "done" && altered.length === 0 && holds(checks),
    },
  };
}

/** The experiment as the members ran it. */
export async function experimentOf(sweep: FoundSweep): Promise<Experiment> {
  const parsed = await withPublished(sweep);
  return Object.keys(parsed.params).length === 0 ? parsed : await withDeclared(parsed);
}

/** Values from files of the authors' are those that the members recorded: the files may be others by now. */
async function withPublished({ directory, record }: FoundSweep): Promise<Experiment> {
  const { experiment: { text, file, root }, members } = record;
  const experiment = parseExperiment(text, file, root);
  if (experiment.claims.every(({ published }) => published === undefined)) return experiment;
  for (const { run } of members) {
    const plan = run === undefined ? undefined : await readPlan(join(directory, run)).catch(() => undefined);
    if (plan?.experiment.text === text) return { ...recordedExperiment(plan), root, file };
  }
  const { withPublishedValues } = await import("../experiment/published_values.ts");
  return await withPublishedValues(experiment);
}

/** Of a member that is done: what it ran in stands for all. */
async function firstEvidence(directory: string, read: readonly Read[]): Promise<Evidence | undefined> {
  const run = read.find(({ isRead }) => isRead)?.member.run;
  return run === undefined ? undefined : await readEvidence(join(directory, run)).catch(() => undefined);
}

/** The values that stand in files of the repository are declared ones, too. */
async function withDeclared(experiment: Experiment): Promise<Experiment> {
  const { withParameterFiles } = await import("../experiment/parameter_files.ts");
  return await withParameterFiles(experiment).catch(() => experiment);
}

/** What the record keeps of a member, whose evidence must still be the one that it is from. */
async function readKept(directory: string, member: Member, known: ReadonlySet<Member>): Promise<Read> {
  const isSame = known.has(member) || await isAsKept(directory, member);
  return {
    member,
    isRead: isSame,
    altered: isSame ? [] : [`${member.run}: its evidence is not the one that was recorded, or is gone`],
    found: isSame ? member.found! : {},
  };
}

async function readFiles(directory: string, member: Member, claims: Claim[]): Promise<Read> {
  const nothing = { member, isRead: false, found: {} };
  if (member.run === undefined || member.status !== "done") return { ...nothing, altered: [] };
  const folder = join(directory, member.run);
  const evidence = await readEvidence(folder).catch(() => undefined);
  if (evidence === undefined) {
    return { ...nothing, altered: [`${member.run}: recorded, and its evidence can't be read any more`] };
  }
  const altered = await findAlterations(folder, evidence);
  const observations = await observe({ claims }, folder, evidence);
  return {
    member,
    isRead: evidence.status === "done",
    altered: altered.map((what) => `${member.run}/${what}`),
    found: Object.fromEntries(
      claims.map((claim) => [claim.name, numberIn(observations.get(claim.name), claim)]),
    ),
  };
}

/** Whether all but the seed has its declared value. */
function isDeclared(experiment: Experiment, { values }: Member, seed: string | undefined): boolean {
  return Object.entries(values).every(([name, text]) => {
    if (name === seed) return true;
    const chosen = chooseParameters(experiment, { [name]: text })[name];
    return chosen?.value === experiment.parameters[name]?.value;
  });
}

function valuesOf(claim: Claim, read: Read[], seed: string): { values: SeedValue[]; lacking: string[] } {
  const values: SeedValue[] = [];
  const lacking: string[] = [];
  for (const { member, found } of read) {
    const number = found[claim.name] ?? member.problem ?? member.status;
    if (typeof number === "number") values.push({ seed: member.values[seed]!, value: number });
    else lacking.push(`${seed} = ${member.values[seed]}: ${number}`);
  }
  return { values, lacking };
}

function notApplicable(claim: Claim, detail: string): Check {
  return {
    claim: claim.name,
    unit: claim.unit,
    claimed: [claim.text].flat().join(", "),
    obtained: "—",
    tolerance: "none",
    verdict: "not applicable",
    detail,
  };
}

function notesOf(members: Member[]): string[] {
  const codes = new Set(members.flatMap(({ code, status }) => status === "done" ? code ?? [] : []));
  return codes.size > 1
    ? [`The members ran with ${codes.size} versions of the code: their values may differ for that, too`]
    : [];
}

/** Members that failed, by what happened, the most frequent first. */
export function failuresByCause(members: readonly Member[]): { cause: string; members: Member[] }[] {
  const failed = members.filter(({ status }) => status === "failed");
  const causes = Map.groupBy(failed, ({ problem = "unknown" }) => problem);
  return [...causes].map(([cause, members]) => ({ cause, members }))
    .sort((a, b) => b.members.length - a.members.length);
}

/** The causes as lines, with the first members of each. */
export function tellFailures(members: readonly Member[]): string[] {
  return failuresByCause(members).slice(0, 20).map(({ cause, members }) => {
    const named = members.slice(0, 5).map(({ values }) => inWords(values)).join("; ");
    return `  ${members.length} × ${cause}: ${named}${
      members.length > 5 ? ` and ${members.length - 5} more` : ""
    }`;
  });
}
