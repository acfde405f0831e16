/** What is wrong with a claim's tolerance, or its classes, other than their shape. */

import type { RawClaim } from "./field_checks.ts";
import type { RawTolerance } from "./schema.ts";
import { fieldName, type Path, type YamlDocument } from "./yaml_document.ts";

const KINDS = ["samples", "absolute", "relative"] as const;

export function checkTolerance(
  document: YamlDocument,
  path: Path,
  { tolerance, value, published, from, of, over }: RawClaim,
): void {
  if (tolerance === undefined) return;
  const at = [...path, "tolerance"];
  if (published !== undefined && from !== undefined) return checkUnread(document, at, from, tolerance, of);
  if (value === undefined) return;
  const isSpread = over !== undefined && typeof value === "object" && "mean" in value;
  const isNumber = typeof value === "number" || Array.isArray(value) || isSpread;
  if (!isNumber) {
    const isFigure = from?.endsWith("#image");
    const shown = isFigure
      ? "only pixels of a figure that published names can be compared"
      : typeof value === "object"
      ? "the value says itself how far it may go"
      : `${document.show([...path, "value"])} is compared exactly`;
    document.add(at, `${fieldName(at)} must be left out, ${shown}`, "key");
  }
  const texts = Array.isArray(value)
    ? value.map((_, point) => document.text([...path, "value", point]))
    : [document.text([...path, "value"])];
  const isWhole = texts.every((text) => /^[+-]?\d+$/.test(text));
  const classes: RawTolerance[] = Array.isArray(tolerance) ? tolerance : [tolerance];
  for (const [index, one] of classes.entries()) {
    const place = Array.isArray(tolerance) ? [...at, index] : at;
    checkReasons(document, place, one);
    if (isNumber) checkKind(document, place, one, of !== undefined, isWhole);
  }
  if (Array.isArray(tolerance)) checkClasses(document, at, tolerance);
}

/** The value is not known yet, but for a figure, of which the share of pixels that look different is bounded. */
function checkUnread(
  document: YamlDocument,
  at: Path,
  from: string,
  tolerance: NonNullable<RawClaim["tolerance"]>,
  of: number | undefined,
): void {
  const isFigure = from.endsWith("#image");
  for (const [index, one] of [tolerance].flat().entries()) {
    const place = Array.isArray(tolerance) ? [...at, index] : at;
    checkReasons(document, place, one);
    checkKind(document, place, one, of !== undefined, !isFigure);
    const { absolute = 0 } = one;
    if (!isFigure || (kindsOf(one)[0] === "absolute" && absolute <= 1)) continue;
    document.add(
      place,
      `${fieldName(place)} must be the largest share of pixels that look different, e.g. absolute: 0.01`,
      "key",
    );
  }
  if (Array.isArray(tolerance)) checkClasses(document, at, tolerance);
}

function kindsOf(tolerance: RawTolerance): (typeof KINDS)[number][] {
  return KINDS.filter((kind) => tolerance[kind] !== undefined);
}

function checkKind(
  document: YamlDocument,
  at: Path,
  tolerance: RawTolerance,
  isCount: boolean,
  isWhole: boolean,
): void {
  const given = kindsOf(tolerance);
  const field = fieldName(at);
  if (given.length !== 1) {
    const found = given.length === 0 ? "none" : given.join(" and ");
    document.add(at, `${field} must have one of samples, absolute and relative, it has ${found}`, "key");
  } else if (given[0] === "samples" && !isCount && !isWhole) {
    document.add(
      [...at, "samples"],
      `${field}.samples must go with of (or with a whole value), e.g. of: 360`,
      "key",
    );
  } else if (given[0] !== "samples" && isCount) {
    document.add(
      [...at, given[0]!],
      `${field} must be in samples where of is given, e.g. samples: 1`,
      "key",
    );
  }
}

function checkReasons(document: YamlDocument, at: Path, { because, runs, provisional }: RawTolerance): void {
  const field = fieldName(at);
  if (because.trim() === "") {
    document.add([...at, "because"], `${field}.because must say where the tolerance is from, it is empty`);
  }
  if (runs !== undefined && provisional) {
    document.add(
      [...at, "provisional"],
      `${field}.provisional must be left out where runs says what it rests on`,
      "key",
    );
  }
}

function checkClasses(document: YamlDocument, at: Path, classes: RawTolerance[]): void {
  const kind = kindsOf(classes[0]!)[0];
  const seen = new Map<string, number>();
  for (const [index, one] of classes.entries()) {
    const place = [...at, index];
    const field = fieldName(place);
    if (one.runs === undefined && !one.provisional) {
      document.add(
        place,
        `${field} must name the runs it rests on, e.g. runs: [ID, ID], or say provisional: true`,
      );
    }
    const [other] = kindsOf(one);
    if (kind !== undefined && other !== undefined && other !== kind) {
      document.add(
        [...place, other],
        `${field} must be in ${kind} like the first, so that one is the widest`,
        "key",
      );
    }
    const when = JSON.stringify(Object.entries(one.when ?? {}).sort());
    const earlier = seen.get(when) ?? seen.get("[]");
    if (earlier !== undefined) {
      document.add(place, `${field} is never reached, ${fieldName([...at, earlier])} matches first`);
    } else seen.set(when, index);
  }
}
