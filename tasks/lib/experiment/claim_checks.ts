/** What is wrong with the claims of an experiment.yaml, other than their shape. */

import { didYouMean } from "../cli/suggest.ts";
import { countsOf, decimalsToTell, parseDecimal, percentageOf } from "../values/decimal.ts";
import { kindOf, parseSource } from "../sources/sources.ts";
import { checkScalar, entriesAt, type RawClaim, soundFields } from "./field_checks.ts";
import { claimSchema } from "./schema.ts";
import { checkTolerance } from "./tolerance_checks.ts";
import { fieldName, type Path, type Source } from "./yaml_source.ts";

export function checkClaims(source: Source): void {
  const claims = Array.isArray(source.data.claims) ? source.data.claims : [];
  const steps = entriesAt(source, "steps").map(([name]) => name);
  const seen = new Map<string, number>();
  for (const [index, claim] of claims.entries()) {
    const path = ["claims", index];
    const fields = soundFields(source, claimSchema, claim);
    const earlier = seen.get(fields.name ?? "");
    if (earlier !== undefined) {
      source.add(
        [...path, "name"],
        `claims must have different names, this is also the name of claims[${earlier}]`,
      );
    } else if (fields.name !== undefined) seen.set(fields.name, index);
    checkFrom(source, path, fields, steps);
    checkValue(source, path, fields);
    checkTolerance(source, path, fields);
  }
}

function checkFrom(source: Source, path: Path, claim: RawClaim, steps: string[]): void {
  const at = [...path, "from"];
  if (claim.from === undefined) return;
  const parsed = parseSource(claim.from);
  if ("problem" in parsed) {
    return source.add(at, `${fieldName(at)} ${parsed.problem}, current value is ${source.show(at)}`);
  }
  if (!steps.includes(parsed.step)) {
    const hint = didYouMean(parsed.step, steps) || `, the steps are ${steps.join(", ")}`;
    source.add(at, `${fieldName(at)} must begin with a step, "${parsed.step}" is none${hint}`);
  }
  if (claim.value === undefined) return;
  const wrong = kindOf(parsed).check?.(parsed, claim.value);
  if (wrong === undefined) return;
  const field = [...path, wrong.field];
  source.add(field, `${fieldName(field)} ${wrong.problem}, current value is ${source.show(field)}`);
}

function checkValue(source: Source, path: Path, { value, of }: RawClaim): void {
  if (value === undefined) return;
  const at = [...path, "value"];
  if (Array.isArray(value)) return value.forEach((_, point) => checkNumber(source, [...at, point], of));
  if (typeof value === "number") return checkNumber(source, at, of);
  const almost = typeof value === "string" && !source.quoted(at) ? almostNumber(value) : undefined;
  if (almost !== undefined) {
    const wanted = `${almost}, or a quoted text`;
    source.add(at, `${fieldName(at)} must be ${wanted}, current value is ${value} without quotes`);
  } else if (of !== undefined) {
    const wanted = `the percentage of a count of ${of}`;
    source.add(at, `${fieldName(at)} must be ${wanted}: ${source.show(at)} is no number`);
  }
  checkScalar(source, at, value);
}

function checkNumber(source: Source, at: Path, of: number | undefined): void {
  const text = source.text(at);
  if (parseDecimal(text) === undefined) {
    return source.add(at, `${fieldName(at)} must be a decimal number, e.g. 86.10, current value is ${text}`);
  }
  const problem = of === undefined ? undefined : countProblem(text, of);
  if (problem) source.add(at, `${fieldName(at)} must be the percentage of a count of ${of}: ${problem}`);
}

/** What reads as a number to people and is a text to YAML, which would never be equal to a number. */
const ALMOST_NUMBERS: [pattern: RegExp, wanted: string][] = [
  [/^[+-]?(?:nan|inf|infinity)$/i, "a finite number"],
  [/^[+-]?[\d.,]+\s*%$/, 'a number without a percent sign, which goes into unit: "%"'],
  [/^[+-]?\d{1,3}(?:[,' _]\d{3})+(?:\.\d+)?$/, "a number without separators between the thousands"],
  [/^[+-]?\d+,\d+$/, "a number with a decimal point"],
  [/^[+-]?\d+(?:\.\d+)?\s+[A-Za-zµ°%/]+$/, "a number, its unit goes into unit"],
];

function almostNumber(text: string): string | undefined {
  return ALMOST_NUMBERS.find(([pattern]) => pattern.test(text))?.[1];
}

/** Why a printed percentage does not stand for one count of n. */
function countProblem(text: string, n: number): string | undefined {
  const value = parseDecimal(text)!;
  if (Number(text) < 0 || Number(text) > 100) return `${text} is not between 0 and 100`;
  const { first, last } = countsOf(value, n);
  if (first === last) return undefined;
  if (first < last) {
    const decimals = Math.max(decimalsToTell(n), value.scale + 1);
    const examples = [first, last].map((count) => percentageOf(count, n, decimals)).join(" or ");
    const wanted = decimals === 1 ? "one decimal" : `${decimals} decimals`;
    return `${text} is ambiguous, it stands for ${first} to ${last}; write it with ${wanted}, e.g. ${examples}`;
  }
  const decimals = Math.max(decimalsToTell(n), value.scale);
  const below = Math.min(Math.floor(Number(text) * n / 100), n - 1);
  const show = (count: number) => `${count} (${percentageOf(count, n, decimals)})`;
  const fraction = Number(text) < 1 ? " (a percentage is wanted, not a fraction)" : "";
  return `${text} is no count of ${n}; nearest are ${show(below)} and ${show(below + 1)}${fraction}`;
}
