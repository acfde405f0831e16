/** What is wrong with the claims of an experiment.yaml, other than their shape. */

import { didYouMean } from "../cli/suggest.ts";
import { countsOf, decimalsToTell, parseDecimal, percentageOf } from "../values/decimal.ts";
import { checkSource, parseSource } from "../sources/sources.ts";
import { checkScalar, entriesAt, type RawClaim, soundFields } from "./field_checks.ts";
import { publishedSource } from "./published_source.ts";
import { claimSchema, type RawRange, VALUE } from "./schema.ts";
import { checkOver } from "./over_checks.ts";
import { checkTolerance } from "./tolerance_checks.ts";
import { fieldName, type Path, type YamlDocument } from "./yaml_document.ts";

export function checkClaims(document: YamlDocument): void {
  const claims = Array.isArray(document.data.claims) ? document.data.claims : [];
  const steps = entriesAt(document, "steps").map(([name]) => name);
  const seen = new Map<string, number>();
  for (const [index, claim] of claims.entries()) {
    const path = ["claims", index];
    const fields = soundFields(document, claimSchema, claim);
    const earlier = seen.get(fields.name ?? "");
    if (earlier !== undefined) {
      document.add(
        [...path, "name"],
        `claims must have different names, this is also the name of claims[${earlier}]`,
      );
    } else if (fields.name !== undefined) seen.set(fields.name, index);
    checkFrom(document, path, fields, steps);
    checkFormat(document, path, fields);
    checkPublished(document, path, fields);
    checkValue(document, path, fields);
    checkOver(document, path, fields);
    checkTolerance(document, path, fields);
  }
}

/** The value stands in the claim, or in a file of the authors' that it names. */
function checkPublished(
  document: YamlDocument,
  path: Path,
  { name, from, published }: RawClaim,
): void {
  const field = fieldName(path);
  const has = (key: string) => document.has([...path, key]);
  if (has("value") && has("published")) {
    document.add(
      [...path, "published"],
      `${field} must have either value or published, it has both`,
      "key",
    );
  } else if (!has("value") && !has("published") && name !== undefined) {
    document.add(
      path,
      `${field}.value is missing, it must be ${VALUE}; or published names a file that has it`,
      "key",
    );
  }
  if (published === undefined || from === undefined) return;
  const at = [...path, "published"];
  const source = publishedSource(parseSource(from), published);
  if ("problem" in source) {
    document.add(at, `${fieldName(at)} ${source.problem}, current value is ${document.show(at)}`);
  }
}

function checkFrom(document: YamlDocument, path: Path, claim: RawClaim, steps: string[]): void {
  const at = [...path, "from"];
  if (claim.from === undefined) return;
  // A format that is wrong in itself is reported already, and how the source reads may depend on it.
  if (claim.format === undefined && document.has([...path, "format"])) return;
  const parsed = parseSource(claim.from, claim.format);
  if ("problem" in parsed) {
    return document.add(at, `${fieldName(at)} ${parsed.problem}, current value is ${document.show(at)}`);
  }
  if (!steps.includes(parsed.step)) {
    const hint = didYouMean(parsed.step, steps) || `, the steps are ${steps.join(", ")}`;
    document.add(at, `${fieldName(at)} must begin with a step, "${parsed.step}" is not a step${hint}`);
  }
  if (parsed.select === "mean" && claim.of !== undefined) {
    const of = [...path, "of"];
    document.add(
      of,
      `${fieldName(of)} must be left out: a mean of percentages is the percentage of no count`,
      "key",
    );
  }
  if (claim.value === undefined) return;
  const wrong = checkSource(parsed, claim.value);
  if (wrong === undefined) return;
  const field = [...path, wrong.field];
  document.add(field, `${fieldName(field)} ${wrong.problem}, current value is ${document.show(field)}`);
}

function checkFormat(document: YamlDocument, path: Path, { format }: RawClaim): void {
  if (format?.thousands === undefined || format.thousands !== (format.decimal ?? ".")) return;
  const at = [...path, "format", "thousands"];
  const expected = format.thousands === "."
    ? 'with a point goes decimal: ",", as in 1.068,10'
    : "with a comma goes a decimal point, as in 1,068.10";
  document.add(
    at,
    `${fieldName(at)} must be another character than decimal: ${expected}, current value is ${
      document.show(at)
    }`,
  );
}

function checkValue(document: YamlDocument, path: Path, { value, of }: RawClaim): void {
  if (value === undefined) return;
  const at = [...path, "value"];
  if (Array.isArray(value)) return value.forEach((_, point) => checkNumber(document, [...at, point], of));
  if (typeof value === "object") return checkRange(document, at, value, of);
  if (typeof value === "number") return checkNumber(document, at, of);
  const instead = typeof value === "string" ? numberInstead(value) : undefined;
  if (instead !== undefined) {
    return document.add(
      at,
      `${fieldName(at)} must be ${instead}: a text is compared letter by letter, current value is ${
        document.show(at)
      }`,
    );
  }
  const almost = typeof value === "string" && !document.quoted(at) ? almostNumber(value) : undefined;
  if (almost !== undefined) {
    const expected = `${almost}, or a quoted text`;
    document.add(at, `${fieldName(at)} must be ${expected}, current value is ${value} without quotes`);
  } else if (of !== undefined) {
    const expected = `the percentage of a count of ${of}`;
    document.add(at, `${fieldName(at)} must be ${expected}: ${document.show(at)} is not a number`);
  }
  checkScalar(document, at, value);
}

function checkNumber(document: YamlDocument, at: Path, of: number | undefined): void {
  const text = document.text(at);
  if (parseDecimal(text) === undefined) {
    return document.add(
      at,
      `${fieldName(at)} must be a decimal number, e.g. 86.10, current value is ${text}`,
    );
  }
  const problem = of === undefined ? undefined : countProblem(text, of);
  if (problem) document.add(at, `${fieldName(at)} must be the percentage of a count of ${of}: ${problem}`);
}

const RANGE_KEYS = ["at_least", "at_most", "between"] as const;

function checkRange(document: YamlDocument, at: Path, range: RawRange, of: number | undefined): void {
  const field = fieldName(at);
  const keys = Object.keys(range);
  if (range.mean !== undefined || range.std !== undefined || range.n !== undefined) {
    if (keys.length !== 3 || keys.some((key) => (RANGE_KEYS as readonly string[]).includes(key))) {
      const found = keys.join(", ");
      return document.add(
        at,
        `${field} must have mean, std and n, e.g. { mean: 94.1, std: 0.2, n: 5 }, it has ${found}`,
      );
    }
    if (of !== undefined) {
      document.add(at, `${field} must be the percentage of a count of ${of}: a mean over runs is none`);
    }
    return ["mean", "std"].forEach((key) => checkNumber(document, [...at, key], undefined));
  }
  if (keys.length !== 1) {
    const found = keys.length === 0 ? "none" : keys.join(" and ");
    return document.add(at, `${field} must have one of ${RANGE_KEYS.join(", ")}, it has ${found}`);
  }
  const [key] = keys as [typeof RANGE_KEYS[number]];
  if (key !== "between") return checkNumber(document, [...at, key], of);
  [0, 1].forEach((end) => checkNumber(document, [...at, key, end], of));
  const [low, high] = range.between!;
  if (low! >= high!) {
    document.add(
      [...at, key],
      `${field}.between must be from the smaller to the larger number, e.g. [93, 95]`,
    );
  }
}

/** What was meant by a text such as ">= 94", "93-95" or "94 %". */
function numberInstead(text: string): string | undefined {
  const number = String.raw`([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*%?`;
  const match = (pattern: string) => new RegExp(`^\\s*${pattern}\\s*$`, "iu").exec(text);
  const least = match(`(?:>=|=>|≥|>|at least|min(?:imum)?)\\s*${number}`);
  if (least) return `{ at_least: ${least[1]} }`;
  const most = match(`(?:<=|=<|≤|<|at most|max(?:imum)?)\\s*${number}`);
  if (most) return `{ at_most: ${most[1]} }`;
  const percentage = match(number);
  if (percentage && text.includes("%")) return `the number with its unit, value: ${percentage[1]}, unit: "%"`;
  const spread = match(`${number}\\s*(?:±|\\\\pm|\\+/?-)\\s*${number}`) ??
    match(`${number}\\s*\\(\\s*±?\\s*${number}\\)`);
  if (spread) {
    return `a number with a tolerance, or { mean: ${spread[1]}, std: ${
      spread[2]
    }, n: … } for a mean over n runs`;
  }
  const between = match(`(?:between\\s+)?${number}(?:\\s*(?:–|—|\\.\\.\\.?|to|and)\\s*|\\s+-\\s+)${number}`);
  if (between) return `{ between: [${between[1]}, ${between[2]}] }`;
  const [, from, to] = match(`${number}-${number}`) ?? []; // 2026-11 and 3-2 are none
  if (Number(from) < Number(to)) return `{ between: [${from}, ${to}] }`;
  const about = match(`(?:~|≈|about)\\s*${number}`);
  return about
    ? `a number with a tolerance, e.g. value: ${about[1]}, tolerance: { absolute: …, because: … }`
    : undefined;
}

/** What reads as a number to people and is a text to YAML, which would never be equal to a number. */
const ALMOST_NUMBERS: [pattern: RegExp, expected: string][] = [
  [/^[+-]?(?:nan|inf|infinity)$/i, "a finite number"],
  [/^[+-]?[\d.,]+\s*%$/, 'a number without a percent sign, which goes into unit: "%"'],
  [
    /^[+-]?\d{1,3}(?:(?:[' _]\d{3})+(?:[.,]\d+)?|(?:,\d{3})+(?:\.\d+)?|(?:\.\d{3})+(?:\.\d{3}|,\d+))$/,
    `a number without separators between the thousands, e.g. 1068.10 (the file's own are told by format: { thousands: "," })`,
  ],
  [/^[+-]?\d+,\d+$/, `a number with a decimal point (the file's comma is told by format: { decimal: "," })`],
  [/^[+-]?\d+(?:\.\d+)?\s+[A-Za-zµ°%/]+$/, "a number, its unit goes into unit"],
];

function almostNumber(text: string): string | undefined {
  return ALMOST_NUMBERS.find(([pattern]) => pattern.test(text))?.[1];
}

/** Why a printed percentage does not stand for one count of n. */
export function countProblem(text: string, n: number): string | undefined {
  const value = parseDecimal(text)!;
  if (Number(text) < 0 || Number(text) > 100) return `${text} is not between 0 and 100`;
  const { first, last } = countsOf(value, n);
  if (first === last) return undefined;
  if (first < last) {
    const decimals = Math.max(decimalsToTell(n), value.scale + 1);
    const examples = [first, last].map((count) => percentageOf(count, n, decimals)).join(" or ");
    const expected = decimals === 1 ? "one decimal" : `${decimals} decimals`;
    return `${text} is ambiguous, it stands for ${first} to ${last}; write it with ${expected}, e.g. ${examples}`;
  }
  const decimals = Math.max(decimalsToTell(n), value.scale);
  const below = Math.min(Math.floor(Number(text) * n / 100), n - 1);
  const show = (count: number) => `${count} (${percentageOf(count, n, decimals)})`;
  const fraction = Number(text) < 1 ? " (a percentage is expected, not a fraction)" : "";
  return `${text} is not a count of ${n}; nearest are ${show(below)} and ${show(below + 1)}${fraction}`;
}
