/** What a reviewer would ask about how a step came to its numbers. A remark is no verdict, and no accusation. */

import { dirname, join, relative, resolve } from "node:path";
import type { PlainClaim } from "../experiment/plain_claim.ts";
import type { Plan, PlannedStep } from "../plan/plan.ts";
import { parseSource } from "../sources/sources.ts";
import { type Decimal, parseDecimal, printsAs } from "../values/decimal.ts";
import type { Code, StepEvidence } from "./evidence_schema.ts";
import type { Opened, OpenedFile } from "./opened_files.ts";

/** A file that is larger holds data, in which any number is found. */
const LARGEST = 1 << 20;

/** A step's file that is so much older than the step was not written by it, whatever two clocks say (ms). */
const OLDER_MS = 60_000;

/** A step that has ended, with what remarks on it are made from. */
export interface Made {
  plan: Plan;
  step: PlannedStep;
  record: Pick<StepEvidence, "started" | "outputs" | "untouched">;
  opened: Opened | undefined;
  /** The project's code as it was when the step began. */
  code: Pick<Code, "files" | "commit">;
}

/** Sentences without their subject, which is the step: `opened published/metrics.json, …`. */
export function remarksOn(made: Made): string[] {
  return [...opened(made), ...times(made)];
}

function opened({ plan, step, record, opened, code }: Made): string[] {
  const claims = plan.experiment.claims ?? [];
  const files = opened?.files ?? [];
  const published = files.filter(({ kind }) => kind === "published");
  const earlier = files.filter(({ kind }) => kind === "another run");
  const own = files.filter((file) =>
    file.kind === "project" && !isOfThisRun(file, plan, step, record.started!)
  );
  const holding = own.flatMap((file) => {
    const held = isOwnNotebook(file, step) ? [] : claimsHeldBy(file.path, claims);
    return held.length === 0 ? [] : [{ file, held }];
  });
  const ignored = code.commit === undefined
    ? []
    : own.filter((file) =>
      !isKnown(file.name, code.files) && !holding.some((one) => one.file.name === file.name)
    );
  return [
    ...(published.length === 0 ? [] : [`opened ${few(published)}, which are the authors' own results`]),
    ...holding.map(({ file, held }) =>
      `opened ${file.name}, in which the claimed value of ${few(held)} stands`
    ),
    ...(earlier.length === 0 ? [] : [`opened ${few(earlier)}, which another run left`]),
    ...(ignored.length === 0 ? [] : [`opened ${few(ignored)}, which git ignores, so that a clone has none`]),
  ];
}

/** Of a link to a folder git knows the link. */
function isKnown(name: string, files: Record<string, string>): boolean {
  return Object.hasOwn(files, name) || name.includes("/") && isKnown(dirname(name), files);
}

function few(things: readonly (string | OpenedFile)[]): string {
  const names = things.map((one) => typeof one === "string" ? `"${one}"` : one.name);
  return names.length <= 3
    ? names.join(", ")
    : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
}

/** What a step of this run wrote is no stored result; also where it can't be looked at any more. */
function isOfThisRun(
  { name, path }: OpenedFile,
  { steps }: Plan,
  step: PlannedStep,
  started: string,
): boolean {
  const isOutput = steps.slice(0, steps.indexOf(step) + 1).some(({ outputs = [] }) =>
    outputs.some((place) => name === place || name.startsWith(`${place}/`))
  );
  if (isOutput) return true;
  try {
    const { isFile, mtime } = Deno.statSync(path);
    return !isFile || (mtime?.getTime() ?? 0) >= Date.parse(started) - 2000;
  } catch {
    return true;
  }
}

/** The driver takes its cells, and no output. */
function isOwnNotebook({ path }: OpenedFile, { argv, cwd }: PlannedStep): boolean {
  return path.endsWith(".ipynb") && argv.some((part) => resolve(cwd, part) === path);
}

const NUMBER = /(?<![\w.])[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]*\d)/g;

/** How many numbers of a text may happen to be a claimed one before it says nothing. */
const CHANCE = 0.1;

/** Names of the claims whose values stand in a text file, by more than chance. */
export function claimsHeldBy(path: string, claims: readonly PlainClaim[]): string[] {
  const text = smallText(path);
  if (text === undefined) return [];
  const numbers = [...text.matchAll(NUMBER)].flatMap(([one]) => parseDecimal(one) ?? []);
  return claims.filter((claim) => holds(claim, text, numbers)).map(({ name }) => name);
}

function smallText(path: string): string | undefined {
  try {
    if (Deno.statSync(path).size > LARGEST) return undefined;
    return new TextDecoder("utf-8", { fatal: true }).decode(Deno.readFileSync(path));
  } catch {
    return undefined; // gone, or no text
  }
}

function holds(
  { type, value, of, unit, from }: PlainClaim,
  text: string,
  numbers: readonly Decimal[],
): boolean {
  if (type === "text") {
    const isHash = from.endsWith("#sha256") || from.endsWith("#image");
    return typeof value === "string" && isHash && text.toLowerCase().includes(value.toLowerCase());
  }
  if (type === "number") return isThere(value as string, of !== undefined || unit === "%", numbers);
  if (type !== "curve") return false;
  const points = [...new Set(value as string[])];
  return points.length > 1 &&
    points.every((point) => isThere(point, of !== undefined || unit === "%", numbers));
}

/** A claimed number among others: as printed, with more digits, or as the fraction of a percentage. */
function isThere(claimed: string, isPercentage: boolean, numbers: readonly Decimal[]): boolean {
  const value = parseDecimal(claimed);
  const significant = value === undefined ? 0 : digitsOf(value);
  if (value === undefined || significant < 3) return false;
  const asPrecise = numbers.filter((one) => digitsOf(one) >= significant);
  if (asPrecise.length / 10 ** (significant - 1) > CHANCE) return false;
  return asPrecise.some((one) =>
    printsAs(one, value) ||
    isPercentage && one.scale >= 2 && printsAs({ ...one, scale: one.scale - 2 }, value)
  );
}

/** 99.40 has four significant digits, 0.05 one, and 1000 one: nobody knows of its zeros. */
function digitsOf({ digits, scale }: Decimal): number {
  const text = String(digits).replace("-", "");
  return (scale === 0 ? text.replace(/0+$/, "") : text).length;
}

/** Only of files that a claim rests on: a program may well copy others with their times. */
function times({ plan, step, record, opened }: Made): string[] {
  const claimed = claimedFiles(plan.experiment.claims ?? [], step);
  const files = (record.outputs ?? []).filter(({ path, link }) =>
    link === undefined && claimed.has(path) && !record.untouched?.includes(path)
  );
  return files.flatMap(({ path }) => {
    const file = join(step.out, path);
    if (opened?.timesSet.some((one) => isSamePlace(one, file, plan, path))) {
      return [`set the time of ${path} itself`];
    }
    try {
      const modified = Deno.statSync(file).mtime?.getTime() ?? Infinity;
      const isOlder = modified < Date.parse(record.started!) - OLDER_MS;
      return isOlder
        ? [`left ${path} with a time from before it began: it may have been copied there, not computed`]
        : [];
    } catch {
      return [];
    }
  });
}

/** A file may have been written in the project, and moved to the step's folder afterwards. */
function isSamePlace(one: string, file: string, { experiment: { root } }: Plan, path: string): boolean {
  return one === file || relative(root, one) === path;
}

function claimedFiles(claims: readonly PlainClaim[], { name }: PlannedStep): Set<string> {
  return new Set(claims.flatMap(({ from, format }) => {
    const source = parseSource(from, format);
    return "problem" in source || source.step !== name ? [] : [source.path.slice(name.length + 1)];
  }));
}
