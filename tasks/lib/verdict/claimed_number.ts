/** Numbers as claims and results write them: from text to an exact decimal, or why it is none. */

import { cut } from "../cli/format.ts";
import type { Claim } from "../experiment/experiment.ts";
import type { FoundValue } from "../sources/source.ts";
import { kindOf } from "../sources/sources.ts";
import { type Decimal, parseDecimal } from "../values/decimal.ts";

/** The number that was found, or in words what it is instead. */
export function readNumber(
  found: FoundValue,
  { from, unit }: Pick<Claim, "from" | "unit">,
): Decimal | string {
  if (!kindOf(from).isText) {
    const shown = typeof found.value === "string" ? JSON.stringify(found.text) : found.text;
    const number = typeof found.value === "number" ? parseDecimal(found.text) : undefined;
    return number ??
      (typeof found.value === "number" ? cut(shown) : `the ${typeof found.value} ${cut(shown)}`);
  }
  const text = found.text.trim();
  const withoutUnit = unit !== undefined && text.endsWith(unit)
    ? text.slice(0, -unit.length).trimEnd()
    : text;
  return parseDecimal(withoutUnit) ??
    `${text === "" ? "nothing" : JSON.stringify(cut(text))}${whyNot(text, unit)}`;
}

/** What a text that almost is a number has too much. */
function whyNot(text: string, unit: string | undefined): string {
  if (/^[+-]?(?:nan|inf|infinity)$/i.test(text)) return ", which is not a finite number";
  if (/^[+-]?\d+(?:[,' _]\d+)+(?:\.\d+)?$/.test(text)) {
    return ", which may have separators or a decimal comma: a number is expected as in 1234.5";
  }
  const other = /^[+-]?[\d.]+(?:[eE][+-]?\d+)?\s*([^\d\s.].*)$/.exec(text)?.[1];
  if (other === undefined) return "";
  return `, whose unit ${JSON.stringify(cut(other))} is not the claim's${
    unit === undefined ? " (it has none)" : ` (${unit})`
  }`;
}
