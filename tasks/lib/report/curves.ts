/** Training curves: found in what a step left, and laid beside the published ones. */

import type { Claim } from "../experiment/experiment.ts";
import type { Check } from "../record/verdict.ts";
import { quantityOf } from "../sources/sources.ts";
import { parseCsv } from "../values/csv.ts";
import { type Allowance, allowanceOf } from "./allowance.ts";

/** One value per epoch; what is not a finite number is `null`. */
export interface Curve {
  /** E.g. `validation_accuracy`. */
  name: string;
  values: (number | null)[];
}

/** A value that is claimed for one epoch, with how far the tolerance reaches. */
export interface ClaimedPoint {
  /** 1-based. */
  epoch: number;
  value: number;
  reach: number;
}

/** A curve of the run, and what was published about it. */
export interface ComparedCurve extends Curve {
  /** What tells it from others of its panel, e.g. `validation`. */
  part: string;
  published?: (number | null)[];
  /** Differences as numbers of samples, of so many, where the curve is claimed as counts. */
  samples?: { differences: number[]; of?: number };
  claimed: ClaimedPoint[];
  /** How far the tolerance of a claim on this curve reaches, in its own unit. */
  reach?: number;
}

/** Curves of the same quantity, which share a picture. */
export interface Panel {
  /** E.g. `accuracy`. */
  title: string;
  curves: ComparedCurve[];
}

/** A list that is shorter has no course to show. */
const SHORTEST = 2;

/** Every list of numbers in a JSON object. JSON has no NaN, yet Python writes it: such values are gaps. */
export function curvesInJson(text: string): Curve[] {
  const data: unknown = JSON.parse(text.replace(/-?\b(NaN|Infinity)\b/g, "null"));
  if (typeof data !== "object" || data === null || Array.isArray(data)) return [];
  return Object.entries(data).flatMap(([name, list]) => {
    const isCurve = Array.isArray(list) && list.length >= SHORTEST &&
      list.every((value) => typeof value === "number" || value === null) && list.some(Number.isFinite);
    return isCurve ? [{ name, values: list.map(finite) }] : [];
  });
}

/** Every column of numbers in a table; those that only count the rows are left out. */
export function curvesInCsv(text: string): Curve[] {
  const [header, ...rows] = parseCsv(text);
  if (header === undefined || rows.length < SHORTEST) return [];
  return header.cells.flatMap((name, column) => {
    const values = rows.map(({ cells }) => cells[column]?.trim() ? finite(Number(cells[column])) : null);
    const isCurve = values.some((value) => value !== null) && !isCounter(name);
    return isCurve ? [{ name: name.trim(), values }] : [];
  });
}

function finite(value: number | null): number | null {
  return Number.isFinite(value) ? value : null;
}

/** What the claims say about the curves of one step. */
export interface StepClaims {
  claims: readonly Claim[];
  checks: readonly Check[];
}

/** Groups curves by what they measure, those that claims are about first, then accuracy, loss and the rest. */
export function panelsOf(curves: readonly Curve[], published: readonly Curve[], step: StepClaims): Panel[] {
  const panels = new Map<string, ComparedCurve[]>();
  for (const curve of curves) {
    const { title, part } = nameParts(curve.name);
    const compared = { ...compare(curve, step), part };
    compared.published ??= published.find(({ name }) => name === curve.name)?.values;
    panels.set(title, [...panels.get(title) ?? [], compared]);
  }
  return [...panels].map(([title, curves]) => ({ title, curves: curves.sort(byPart) })).sort(byInterest);
}

const PARTS = ["validation", "val", "test", "training", "train"];

/** `validation_accuracy` is the accuracy of the part `validation`. */
export function nameParts(name: string): { title: string; part: string } {
  const match = new RegExp(`^(${PARTS.join("|")})[_ -]+(.+)$`, "i").exec(name);
  const words = (text: string) => text.replaceAll("_", " ");
  return match ? { title: words(match[2]!), part: match[1]! } : { title: words(name), part: words(name) };
}

function byPart(a: ComparedCurve, b: ComparedCurve): number {
  return PARTS.indexOf(a.part) - PARTS.indexOf(b.part);
}

function byInterest(a: Panel, b: Panel): number {
  const rank = ({ title, curves }: Panel) => {
    if (curves.some(({ claimed, reach }) => claimed.length > 0 || reach !== undefined)) return 0;
    return /accuracy/i.test(title) ? 1 : /loss/i.test(title) ? 2 : 3;
  };
  return rank(a) - rank(b);
}

function compare(curve: Curve, { claims, checks }: StepClaims): Omit<ComparedCurve, "part"> {
  const compared: Omit<ComparedCurve, "part"> = { ...curve, claimed: [] };
  for (const claim of claims) {
    const check = checks.find((check) => check.claim === claim.name);
    const place = check && placeOf(claim.from, curve.values.length);
    if (place?.name !== curve.name) continue;
    const allowance = allowanceOf(check!.tolerance);
    if (place.epoch !== undefined && typeof claim.value === "number") {
      const reach = reachOf(allowance, claim.of, claim.value) ?? 0;
      compared.claimed.push({ epoch: place.epoch, value: claim.value, reach });
    } else if (check!.points !== undefined) {
      const points = check!.points;
      compared.published = points.map(({ claimed }) => claimed);
      const largest = points.reduce((largest, { claimed }) => Math.max(largest, Math.abs(claimed)), 0);
      compared.reach = reachOf(allowance, claim.of, largest);
      if (points.every(({ samples }) => samples !== undefined)) {
        compared.samples = { differences: points.map(({ samples }) => samples!), of: claim.of };
      }
    }
  }
  return compared;
}

/** Which curve a claim is about, and which 1-based epoch of it, if not all. */
function placeOf(from: Claim["from"], epochs: number): { name: string; epoch?: number } | undefined {
  const { keys, at, isPart } = quantityOf(from) ?? { keys: [] };
  const [name, ...deeper] = keys;
  if (name === undefined || deeper.length > 0 || isPart) return undefined;
  if (at === undefined) return { name };
  if ("index" in at) return { name, epoch: at.index < 0 ? epochs + at.index + 1 : at.index + 1 };
  return isCounter(at.column) ? { name, epoch: Number(at.value) } : undefined;
}

function isCounter(column: string): boolean {
  return /^(epoch|step)s?$/i.test(column.trim());
}

/** In the unit of the value: so many of n samples are so many hundredths. */
function reachOf(
  allowance: Allowance | undefined,
  of: number | undefined,
  value: number,
): number | undefined {
  if (allowance === undefined) return undefined;
  if (allowance.kind === "samples") return of === undefined ? allowance.amount : allowance.amount * 100 / of;
  return allowance.kind === "absolute" ? allowance.amount : Math.abs(value) * allowance.amount / 100;
}

/** Where a curve first deviates from the published one, and how far it deviates at most; `null` has no difference. */
export function curveDifferences(
  { values, published = [], samples }: Omit<ComparedCurve, "name" | "part" | "claimed">,
) {
  // Counts are compared as counts: a percentage with more digits than the published one is not another count.
  const scale = samples?.of === undefined ? 1 : 100 / samples.of;
  const differences = samples?.differences.map((count) => count * scale) ?? values.map((value, index) => {
    const other = published[index];
    return value === null || other === null || other === undefined ? null : value - other;
  });
  const known = differences.filter((value) => value !== null);
  const largest = known.reduce((largest, value) => Math.abs(value) > Math.abs(largest) ? value : largest, 0);
  return {
    differences,
    compared: known.length,
    equal: known.filter((value) => value === 0).length,
    /** 1-based epoch; 0 if there is none. */
    first: differences.findIndex((value) => value !== null && value !== 0) + 1,
    largest,
    /** The same as a number of samples. */
    largestSamples: samples && Math.round(largest / scale),
  };
}
