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
import { toText } from "../values/decimal.ts";
import { readNumber } from "../verdict/claimed_number.ts";
import { authorsConditions, conditionsOf } from "../verdict/conditions.ts";
import { observe } from "../verdict/judge.ts";
import { judgeSeeds, type SeedValue } from "../verdict/judge_seeds.ts";
import { chooseTolerance } from "../verdict/tolerance.ts";
import { holds } from "../verdict/verify.ts";
import type { Given } from "./effects.ts";
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
  values: Awaited<ReturnType<typeof observe>>;
}

/** Judges the claims over seeds by the members that ran with the declared values of all else. Nothing is written. */
export async function judgeSweep({ directory, record }: FoundSweep): Promise<JudgedSweep> {
  const { experiment: { text }, seed } = record;
  const parsed = await withPublished({ directory, record });
  const experiment = Object.keys(parsed.params).length === 0 ? parsed : await withDeclared(parsed);
  const claims = experiment.claims.filter(({ over, from }) =>
    over !== undefined && record.steps.includes(from.step)
  );
  const shown = varies(record.members, seed) ? numbersOf(experiment.claims, record.steps) : claims;
  const read = await inParallel(
    record.members,
    (member) => readMember(directory, member, [...new Set([...claims, ...shown])]),
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
  return {
    experiment,
    notes: notesOf(record.members),
    given: read.map(({ member, values }) => ({
      values: member.values,
      found: new Map(shown.flatMap((claim): [string, number][] => {
        const observation = values.get(claim.name);
        if (observation === undefined || !observation.found || "list" in observation) return [];
        const number = readNumber(observation, claim);
        return typeof number === "string" ? [] : [[claim.name, Number(toText(number, 20))]];
      })),
    })),
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

/** Whether anything but the seed has more than one value. */
function varies(members: readonly Member[], seed: string | undefined): boolean {
  const first = members[0]?.values ?? {};
  return members.some(({ values }) =>
    Object.entries(values).some(([name, value]) => name !== seed && value !== first[name])
  );
}

/** Claims on single numbers of these steps. */
function numbersOf(claims: readonly Claim[], steps: readonly string[]): Claim[] {
  return claims.filter(({ value, over, from }) =>
    steps.includes(from.step) &&
    (over !== undefined || typeof value === "number" || (typeof value === "object" && !Array.isArray(value)))
  );
}

/** The values that stand in files of the repository are declared ones, too. */
async function withDeclared(experiment: Experiment): Promise<Experiment> {
  const { withParameterFiles } = await import("../experiment/parameter_files.ts");
  return await withParameterFiles(experiment).catch(() => experiment);
}

async function readMember(directory: string, member: Member, claims: Claim[]): Promise<Read> {
  const nothing = { member, isRead: false, values: new Map() };
  if (member.run === undefined || member.status !== "done") return { ...nothing, altered: [] };
  const folder = join(directory, member.run);
  const evidence = await readEvidence(folder).catch(() => undefined);
  if (evidence === undefined) {
    return { ...nothing, altered: [`${member.run}: recorded, and its evidence can't be read any more`] };
  }
  const altered = await findAlterations(folder, evidence);
  return {
    member,
    isRead: evidence.status === "done",
    altered: altered.map((what) => `${member.run}/${what}`),
    values: await observe({ claims }, folder, evidence),
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
  for (const { member, values: found } of read) {
    const shown = `${seed} = ${member.values[seed]}`;
    const observation = found.get(claim.name);
    if (observation === undefined) lacking.push(`${shown}: ${member.problem ?? member.status}`);
    else if (!observation.found) lacking.push(`${shown}: ${observation.reason}`);
    else if ("list" in observation) lacking.push(`${shown}: a list was found`);
    else {
      const number = readNumber(observation, claim);
      if (typeof number === "string") lacking.push(`${shown}: found ${number}`);
      else values.push({ seed: member.values[seed]!, value: Number(toText(number, 20)) });
    }
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
  const causes = new Map<string, Member[]>();
  for (const member of members) {
    if (member.status !== "failed") continue;
    const cause = member.problem ?? "unknown";
    causes.set(cause, [...causes.get(cause) ?? [], member]);
  }
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
