/** What to change, in which order: the findings of one rule together, what matters most first. */

import { pluralize, wrap } from "../cli/format.ts";
import { type Finding, SEVERITIES, type Severity } from "./audit.ts";
import { others, place } from "./show.ts";

export interface Fix {
  rule: string;
  severity: Severity;
  title: string;
  /** What to do; of places that need something else, each has its own. */
  remedy: string;
  places: Pick<Finding, "file" | "line" | "cell" | "message" | "more">[];
  page: string;
}

/** Errors before warnings before notes; of equal ones, what is found oftener goes first. */
export function fixPlan(findings: Finding[]): Fix[] {
  const fixes = new Map<string, Fix>();
  for (const { rule, severity, title, remedy, page, file, line, cell, message, more } of findings) {
    const key = `${rule} ${remedy}`;
    const fix = fixes.get(key) ?? { rule, severity, title, remedy, places: [], page };
    fix.places.push({
      file,
      line,
      message,
      ...(cell !== undefined && { cell }),
      ...(more !== undefined && { more }),
    });
    fixes.set(key, fix);
  }
  const weight = ({ severity }: Fix) => SEVERITIES.indexOf(severity);
  return [...fixes.values()].sort((a, b) => weight(a) - weight(b) || b.places.length - a.places.length);
}

/** The plan as a list in Markdown, to be ticked off. */
export function renderPlan(plan: Fix[], width = 110): string[] {
  if (plan.length === 0) return ["Nothing to change"];
  return plan.flatMap(({ rule, title, remedy, places }, index) => [
    `${index + 1}. [ ] ${title} (${rule}, ${pluralize(places.length, "place")})`,
    ...wrap(remedy, width - 7).map((line) => `       ${line}`),
    ...places.map((one) => `       - ${place(one)}  ${one.message}${others(one)}`),
  ]);
}
