/** Values that an experiment tracker logged, step by step. */

import { ContentProblem } from "./content_problem.ts";

/** A value that a tracker has of a metric. */
export interface LoggedValue {
  step: number;
  /** As it was written; of a binary number, the shortest text that reads back as the same number. */
  text: string;
}

/** Lines of MLflow's file store: time, value, step. */
export function mlflowMetric(text: string): LoggedValue[] {
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    const [, value, step = "0"] = line.trim().split(/\s+/);
    if (value === undefined || !/^-?\d+$/.test(step)) {
      throw new ContentProblem(`is not a metric of MLflow: line ${index + 1} has no time, value and step`);
    }
    return [{ step: Number(step), text: value }];
  });
}

/** Names that are there, for a message. */
export function namesOf(names: Iterable<string>): string {
  const all = [...new Set(names)].sort();
  const shown = all.slice(0, 10).join(", ");
  return all.length > 10 ? `${shown} and ${all.length - 10} more` : shown || "none";
}

/** The shortest decimal text that reads back as the same single-precision number. */
export function shortestSingle(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  for (let digits = 1; digits < 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(Number(value.toPrecision(9)));
}
