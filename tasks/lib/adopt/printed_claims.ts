/** Claims of what was printed: each is tried on the text that holds it before it is proposed. */

import { parseSource, readFrom } from "../sources/sources.ts";
import type { RunFiles } from "../sources/source.ts";
import type { ClaimDraft, Found } from "./draft.ts";
import { hasAllDigits, type PrintedLine, type PrintedValue, printedValues } from "./printed_values.ts";

/**
 * @param lines what was printed
 * @param place where a run has it, e.g. `train/metrics.txt`
 * @param text the file as it is stored, in which each claim is looked for
 */
export async function printedClaims(
  lines: PrintedLine[],
  place: string,
  text: string,
): Promise<Found<ClaimDraft>[]> {
  const claims: Found<ClaimDraft>[] = [];
  const files = { text: () => Promise.resolve(text) } as unknown as RunFiles;
  for (const value of printedValues(lines)) {
    const checked = await found(claimOf(value, place, claims), files);
    if (checked !== undefined) claims.push({ value: checked, found: value.found, certainty: "read" });
  }
  return claims;
}

function claimOf(value: PrintedValue, place: string, others: Found<ClaimDraft>[]): ClaimDraft {
  const taken = new Set(others.map(({ value }) => value.name));
  const label = value.label.slice(0, 120);
  let name = label;
  for (let i = 2; taken.has(name); i++) name = `${label} (${i})`;
  const select = value.index === undefined ? "" : `[${value.index}]`;
  return {
    name,
    from: `${place}~/${value.pattern}/${select}`,
    value: value.values.length === 1 ? value.values[0]! : value.values,
    ...(value.unit && { unit: value.unit }),
    ...(value.of !== undefined && { of: value.of }),
    ...(value.of === undefined && toleranceFor(value.values)),
  };
}

/**
 * All digits of a double: its last ones are of the processor and its libraries, which sum in another order. The bound is
 * for sums and solved equations; what an optimizer stops at may be further off, and is said to be different.
 */
export function toleranceFor(value: string | string[]): Pick<ClaimDraft, "tolerance"> {
  if (![value].flat().some(hasAllDigits)) return {};
  const because = "all digits of a double; the last ones are of the processor and its libraries";
  return { tolerance: { relative: "1e-9", because } };
}

/** The claim, if the notebook as it is stored has this value there; the one of several matches, where it is alone. */
async function found(claim: ClaimDraft, files: RunFiles): Promise<ClaimDraft | undefined> {
  const source = parseSource(claim.from);
  if ("problem" in source) return undefined;
  const wanted = [claim.value].flat();
  try {
    const form = Array.isArray(claim.value) ? "list" : "value";
    const { values } = await readFrom(source, files, form);
    return JSON.stringify(values.map(({ text }) => text)) === JSON.stringify(wanted) ? claim : undefined;
  } catch {
    if (wanted.length !== 1 || source.select !== undefined) return undefined;
    const { values } = await readFrom(source, files, "list").catch(() => ({ values: [] }));
    const places = values.flatMap(({ text }, index) => text === wanted[0] ? [index] : []);
    return places.length === 1 ? { ...claim, from: `${claim.from}[${places[0]}]` } : undefined;
  }
}
