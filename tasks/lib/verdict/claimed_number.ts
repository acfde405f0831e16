/** Numbers as claims and results write them: from text to an exact decimal, or why it is none. */

import { cut } from "../cli/format.ts";
import type { Claim } from "../experiment/experiment.ts";
import type { FoundValue } from "../sources/source.ts";
import { kindOf } from "../sources/sources.ts";
import { type Decimal, parseDecimal } from "../values/decimal.ts";
import { formatHint, numberInCell } from "../values/written_number.ts";

/** The number that was found, or in words what it is instead. */
export function readNumber(
  found: FoundValue,
  { from, unit }: Pick<Claim, "from" | "unit">,
): Decimal | string {
  if (!kindOf(from).isText) {
    if (typeof found.value === "string" && unit !== undefined && found.text.trim().endsWith(unit)) {
      const number = parseDecimal(withoutUnit(found.text.trim(), unit));
      if (number !== undefined) return number;
    }
    const shown = typeof found.value === "string" ? JSON.stringify(found.text) : found.text;
    const number = typeof found.value === "number" ? parseDecimal(found.text) : undefined;
    return number ??
      (typeof found.value === "number" ? cut(shown) : `the ${typeof found.value} ${cut(shown)}`);
  }
  const written = found.text.trim();
  const isCell = kindOf(from).isCell === true;
  const text = isCell ? numberInCell(written) : written;
  // A percent sign in a table is often all that says the unit.
  const own = unit ?? (isCell ? "%" : undefined);
  return parseDecimal(withoutUnit(text, own)) ??
    `${written === "" ? "nothing" : JSON.stringify(cut(written))}${whyNot(text, unit)}`;
}

function withoutUnit(text: string, unit: string | undefined): string {
  return unit !== undefined && text.endsWith(unit) ? text.slice(0, -unit.length).trimEnd() : text;
}

/** What a text that almost is a number has too much. */
function whyNot(text: string, unit: string | undefined): string {
  if (/^[+-]?(?:nan|inf|infinity)$/i.test(text)) return ", which is not a finite number";
  const hint = formatHint(text);
  if (hint !== "") return hint;
  if (/^[+-]?\d+(?:[,' _]\d+)+(?:\.\d+)?$/.test(text)) {
    return ", which may have separators or a decimal comma: a number is expected as in 1234.5";
  }
  const other = /^[+-]?[\d.]+(?:[eE][+-]?\d+)?\s*([^\d\s.].*)$/.exec(text)?.[1];
  if (other === undefined) return "";
  return `, whose unit ${JSON.stringify(cut(other))} is not the claim's${
    unit === undefined ? " (it has none)" : ` (${unit})`
  }`;
}
