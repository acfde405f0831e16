/** Which one is taken where a source has many values: `train~/loss: (\S+)/[-1]`, `train/history.csv#accuracy[max]`. */

import { ContentProblem } from "../values/content_problem.ts";
import { atMost, type Decimal, meanOf, parseDecimal, toText } from "../values/decimal.ts";
import { formatHint, numberInCell } from "../values/written_number.ts";
import type { FoundValue, Selector } from "./source.ts";

/** What a message says where many values were found and one was looked for. */
export const SELECTORS = "add [-1] for the last, [0] for the first, [max], [min], [mean] or [count]";

/** Nothing is there to take a value of; counted, it is 0. */
export class NothingFound extends ContentProblem {}

const SUFFIX = /\[(-?\d{1,9}|max|min|mean|count|)\]$/;

/**
 * Parts a written source from its selector. `[]` takes all values, so that a name may itself end like a selector:
 * `#loss[0][]` is the column `loss[0]`.
 */
export function splitSelector(text: string): { rest: string; select?: Selector } {
  const match = SUFFIX.exec(text);
  // What ends a pattern is the slash, and brackets before it are a part of the pattern.
  if (match === null) return { rest: text };
  const rest = text.slice(0, match.index);
  const word = match[1]!;
  if (word === "") return { rest };
  return { rest, select: /\d/.test(word) ? Number(word) : word as Selector };
}

/** The source text, with the selector behind it. */
export function withSelector(text: string, select: Selector | undefined): string {
  if (select !== undefined) return `${text}[${select}]`;
  return SUFFIX.test(text) ? `${text}[]` : text;
}

/**
 * The one value that a selector takes.
 *
 * A mean is computed exactly from the source texts, and rounded to {@link MEAN_DECIMALS} decimals more than they have.
 *
 * @throws {ContentProblem} if there is none
 */
export function selectValue(found: readonly FoundValue[], select: Selector, isCell = false): FoundValue {
  if (select === "count") return asNumber(String(found.length), found);
  if (found.length === 0) throw new NothingFound(`holds no value, where [${select}] of many was looked for`);
  if (typeof select === "number") {
    const value = found.at(select);
    if (value !== undefined) return value;
    const many = found.length === 1 ? "only one value" : `only ${found.length} values`;
    throw new ContentProblem(`holds ${many}, where [${select}] was looked for`);
  }
  const numbers = found.map((one, index) => numberOf(one, index, select, isCell));
  const unit = numbers[0]!.unit;
  const other = numbers.find((one) => one.unit !== unit);
  if (other !== undefined) {
    const units = [unit, other.unit].map((one) => one === "" ? "no unit" : JSON.stringify(one)).join(" and ");
    throw new ContentProblem(`holds values with ${units}, of which there is no ${select}`);
  }
  if (select === "mean") {
    const mean = meanOf(numbers.map(({ number }) => number), MEAN_DECIMALS);
    return asNumber(`${toText(mean, mean.scale)}${unit === "" ? "" : ` ${unit}`}`, found);
  }
  const best = numbers.reduce((best, one) => {
    const [low, high] = select === "max" ? [best, one] : [one, best];
    return atMost(low.number, high.number) && !atMost(high.number, low.number) ? one : best;
  });
  return best.found;
}

/** How many decimals a mean has more than its values. */
export const MEAN_DECIMALS = 6;

function numberOf(found: FoundValue, index: number, select: Selector, isCell: boolean) {
  const text = isCell ? numberInCell(found.text) : found.text.trim();
  const [, digits = "", unit = ""] = /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)\s*([^\d\s.,].*)?$/.exec(text) ?? [];
  const number: Decimal | undefined = parseDecimal(digits);
  if (number !== undefined && typeof found.value !== "boolean") return { found, number, unit };
  const shown = JSON.stringify(found.text.length > 40 ? `${found.text.slice(0, 40)}…` : found.text);
  throw new ContentProblem(
    `holds ${shown} as value ${index} (from 0), of which there is no ${select}${formatHint(found.text)}`,
  );
}

/** A computed value, of the type that the values of its source have. */
function asNumber(text: string, found: readonly FoundValue[]): FoundValue {
  const isText = found.some(({ value }) => typeof value === "string");
  return { value: isText ? text : Number(text), text };
}
