/** Findings as a person reads them. */

import { pluralize, wrap } from "../cli/format.ts";
import type { Style, Terminal } from "../cli/terminal.ts";
import { type Audit, type Finding, SEVERITIES, type Severity } from "./audit.ts";

const STYLES: Record<Severity, Style> = { error: "red", warning: "yellow", note: "cyan" };

/** Where a finding is: `train.py:12`, and in a notebook `a.ipynb:cell 3:2`. */
export function place({ file, line, cell }: Pick<Finding, "file" | "line" | "cell">): string {
  return cell === undefined ? `${file}:${line}` : `${file}:cell ${cell}:${line}`;
}

/** Of a rule that shows one place of each file: how many more there are. */
export function others({ more }: Pick<Finding, "more">): string {
  return more === undefined ? "" : ` (and ${pluralize(more, "more place")} in this file)`;
}

/** Lines of at most so many columns; `paint` colours. */
export function render(
  { findings, silenced, sources, notebooks, skipped }: Audit,
  width = 110,
  paint: Terminal["paint"] = (text) => text,
): string[] {
  const lines = findings.flatMap((one) => [...oneFinding(one, width, paint), ""]);
  for (const { file, reason } of skipped) lines.push(`Not read: ${file}, ${reason}`);
  if (skipped.length > 0) lines.push("");
  const read = [pluralize(sources, "Python file"), pluralize(notebooks, "notebook")].join(" and ");
  const counts = SEVERITIES.map((severity) => ({ severity, count: countOf(severity, findings) }))
    .filter(({ count }) => count > 0).map(({ severity, count }) => pluralize(count, severity));
  const ignored = silenced === 0 ? "" : `; ${pluralize(silenced, "finding")} ignored by comments`;
  lines.push(`Read ${read}: ${counts.length === 0 ? "nothing was found" : counts.join(", ")}${ignored}`);
  return lines;
}

export function countOf(severity: Severity, findings: Finding[]): number {
  return findings.filter((one) => one.severity === severity).length;
}

function oneFinding(one: Finding, width: number, paint: Terminal["paint"]): string[] {
  const text = (line: string) => wrap(line, width - 2).map((part) => `  ${part}`);
  return [
    `${paint(place(one), "bold")}  ${paint(one.severity, STYLES[one.severity])} ${one.rule}`,
    ...text(`${one.message}${others(one)}`),
    ...text(`why: ${one.reason}`),
    ...text(`what to do: ${one.remedy}`),
  ];
}
