/** A sweep in words, at its end or when it is shown again. */

import { pluralize } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import { visibleLine } from "../cli/visible.ts";
import type { FoundSweep } from "../record/sweep_record.ts";
import { claimsTable, isHeld } from "../report/text.ts";
import { type JudgedSweep, tellFailures } from "./judge_sweep.ts";

export function tellSweep({ directory, record }: FoundSweep, judged: JudgedSweep, terminal: Terminal) {
  const { members } = record;
  const { checks, altered, holds } = judged.verdict;
  terminal.line();
  const shown = record.status === "interrupted" ? [] : checks;
  claimsTable(shown, terminal).forEach((line) => terminal.line(line));
  for (const { claim, seeds } of shown) {
    if (seeds?.power !== undefined) terminal.line(`  ${visibleLine(claim)}: ${seeds.power}`);
    if (seeds?.wanted !== undefined) {
      terminal.line(
        `  ${
          visibleLine(claim)
        }: if mean and spread stay as they are, ${seeds.wanted} seeds in all would decide ` +
          `(deno task sweep --add-seeds ${seeds.wanted - seeds.values.length})`,
      );
    }
  }
  if (shown.length > 0) terminal.line();
  const failed = tellFailures(members);
  if (failed.length > 0) {
    terminal.line(
      terminal.paint("Members that failed, by cause (deno task sweep --retry failed):", "red", "bold"),
    );
    failed.forEach((line) => terminal.line(visibleLine(line)));
  }
  judged.notes.forEach((note) => terminal.line(note));
  altered.slice(0, 20).forEach((what) => terminal.line(terminal.paint(visibleLine(`  ${what}`), "red")));
  if (altered.length > 20) terminal.line(`  and ${altered.length - 20} more`);
  const style = holds ? "green" : record.status === "interrupted" ? "yellow" : "red";
  terminal.line(terminal.paint(conclusion(record.status, judged), style, "bold"));
  if (record.status === "interrupted") terminal.line("deno task sweep --resume goes on with it");
  const done = members.filter(({ status }) => status === "done").length;
  terminal.line(`${done} of ${pluralize(members.length, "member")} done. Sweep folder: ${directory}`);
}

/** One sentence: do the claims over seeds hold? */
export function conclusion(
  status: FoundSweep["record"]["status"],
  { verdict: { checks, altered } }: JudgedSweep,
): string {
  if (altered.length > 0) {
    return `Not to be trusted: ${
      pluralize(altered.length, "recorded file was", { many: "recorded files were" })
    } altered`;
  }
  if (status === "interrupted" || status === "running") return "No verdict for a sweep that was interrupted";
  const applicable = checks.filter(({ verdict }) => verdict !== "not applicable");
  const held = applicable.filter(isHeld).length;
  if (status === "failed") {
    return applicable.length === 0
      ? "Members failed. No claim is about what ran here"
      : `Members failed: ${held} of ${applicable.length} claims hold on those that are done`;
  }
  if (applicable.length === 0) return "Done. No claim is about what ran here";
  const word = held === applicable.length ? "Reproduced over seeds" : "Not reproduced over seeds";
  return `${word}: ${held} of ${applicable.length} claims hold`;
}
