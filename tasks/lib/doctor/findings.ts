/** What doctor says: findings with their weight, and what to do about each; and how that is shown to a person. */

import { pluralize, wrap } from "../cli/format.ts";
import type { Style, Terminal } from "../cli/terminal.ts";

/** `ok`: as it should be; `note`: good to know; `warning`: something will not work; `blocker`: the experiment can't run. */
export type Severity = "ok" | "note" | "warning" | "blocker";

/** One thing that doctor says. */
export interface Finding {
  severity: Severity;
  message: string;
  /** What to do about it; every finding that is not `ok` has one. */
  remedy?: string;
}

/** Findings about one subject, under its heading. */
export interface Group {
  topic: string;
  findings: Finding[];
}

export function ok(message: string): Finding {
  return { severity: "ok", message };
}

export function finding(severity: Exclude<Severity, "ok">, message: string, remedy: string): Finding {
  return { severity, message, remedy };
}

/** How many findings of all groups weigh so much. */
export function countOf(severity: Severity, groups: Group[]): number {
  return groups.flatMap(({ findings }) => findings).filter((one) => one.severity === severity).length;
}

const MARKS: Record<Severity, [word: string, style: Style]> = {
  ok: ["ok", "green"],
  note: ["note", "cyan"],
  warning: ["warning", "yellow"],
  blocker: ["blocks", "red"],
};

const INDENT = "  ";

const MARK_WIDTH = Math.max(...Object.values(MARKS).map(([word]) => word.length));

const LONGEST_LINE = 110;

/** Lines of at most so many columns; `paint` colours. */
export function render(
  groups: Group[],
  subject: string,
  width = LONGEST_LINE,
  paint: Terminal["paint"] = (text) => text,
): string[] {
  const columns = Math.min(width, LONGEST_LINE);
  const parts = groups.map(({ topic, findings }) => [
    paint(topic, "bold"),
    ...findings.flatMap((one) => lines(one, columns, paint)),
    "",
  ]);
  return [...parts.flat(), summary(groups, subject)];
}

function lines({ severity, message, remedy }: Finding, columns: number, paint: Terminal["paint"]): string[] {
  const [word, style] = MARKS[severity];
  const margin = INDENT + " ".repeat(MARK_WIDTH) + INDENT;
  const [first = "", ...more] = wrap(message, columns - margin.length);
  const rest = remedy === undefined ? more : [...more, ...wrap(`→ ${remedy}`, columns - margin.length)];
  const mark = paint(word, style) + " ".repeat(MARK_WIDTH - word.length);
  return [`${INDENT}${mark}${INDENT}${first}`, ...rest.map((line) => margin + line)];
}

/** The last line: whether it can run, and how much there is to read above. */
function summary(groups: Group[], subject: string): string {
  const counts = (["blocker", "warning", "note"] as const)
    .map((severity) => ({ severity, count: countOf(severity, groups) }))
    .filter(({ count }) => count > 0)
    .map(({ severity, count }) => pluralize(count, severity));
  const verdict = countOf("blocker", groups) === 0 ? "can run here" : "can't run here";
  return [`${subject} ${verdict}`, ...(counts.length === 0 ? [] : [counts.join(", ")])].join(": ");
}
