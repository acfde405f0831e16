/** What differs in the environments of two runs, ranked by how likely it explains other results. Pure. */

import type { Evidence } from "../record/evidence.ts";
import { ASPECTS, type Likelihood } from "./aspects.ts";
import { recordOf } from "./step_record.ts";

/** One aspect in which steps of the two runs had other conditions. */
export interface EnvironmentDifference {
  /** What differs, e.g. `device`. */
  aspect: string;
  likelihood: Likelihood;
  /** Why it may explain a difference. */
  because: string;
  /** Steps that ran so. */
  steps: string[];
  values: ValueDifference[];
}

export interface ValueDifference {
  /** E.g. a package or a file; empty if there is only one value. */
  name: string;
  a: string;
  b: string;
}

const NOTHING = "none";

/**
 * @param namesA texts by which run A names itself in its command lines
 * @returns the likeliest explanation first
 */
export function compareEnvironments(
  a: Evidence,
  b: Evidence,
  namesA: string[],
  namesB: string[],
): EnvironmentDifference[] {
  const found = new Map<string, EnvironmentDifference>();
  const steps = Object.keys(a.steps).flatMap((name) => {
    const records = [recordOf(a, name, namesA), recordOf(b, name, namesB)];
    return records[0] && records[1] ? [{ name, a: records[0], b: records[1] }] : [];
  });
  for (const { name: aspect, likelihood, because, read } of ASPECTS) {
    for (const step of steps) {
      const values = differingValues(read(step.a), read(step.b));
      if (values.length === 0) continue;
      const key = JSON.stringify([aspect, values]);
      const known = found.get(key);
      if (known !== undefined) known.steps.push(step.name);
      else found.set(key, { aspect, likelihood, because, steps: [step.name], values });
    }
  }
  return [...found.values()];
}

/** Where one of them recorded nothing, nothing can be said. */
function differingValues(
  a: Record<string, unknown> | undefined,
  b: Record<string, unknown> | undefined,
): ValueDifference[] {
  if (a === undefined || b === undefined) return [];
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return names.map((name) => ({ name, a: show(a[name]), b: show(b[name]) }))
    .filter((value) => value.a !== value.b);
}

function show(value: unknown): string {
  if (value === undefined || value === null || value === "") return NOTHING;
  return typeof value === "string" ? value : JSON.stringify(value);
}
