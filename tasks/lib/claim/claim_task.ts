/** `deno task claim`: shows what claiming a run would change, asks, and writes. */

import { relative } from "node:path";
import { diff } from "node:util";
import { Failure } from "../cli/failure.ts";
import type { Arguments, OptionTable } from "../cli/options.ts";
import { columns } from "../cli/table.ts";
import type { Terminal } from "../cli/terminal.ts";
import { writeAtomic } from "../system/files.ts";
import type { Proposal } from "./proposal.ts";
import type { Suggestion } from "./values.ts";
import { pluralize } from "../cli/format.ts";

export const CLAIM_OPTIONS = {
  experiment: { value: "NAME", help: "the experiment: a name in experiments/, or a path" },
  add: { value: "FROM", help: "also claim what the run has there, e.g. train/metrics.json#/accuracy/-1" },
  name: { value: "TEXT", help: "name of the added claim" },
  of: { value: "N", help: "the added claim is the percentage of a count of N" },
  unit: { value: "TEXT", help: "unit of the added claim" },
  because: {
    value: "TEXT",
    help: "why runs may differ as they do; without a reason no tolerance is written",
  },
  spread: { value: "RUN", many: true, help: "suggest tolerances from this run; from all others without it" },
  runs: { value: "DIR", help: "look for run folders in DIR instead of runs/ (or set RUNS_DIR)" },
  yes: { help: "write without asking" },
} as const satisfies OptionTable;

export async function claimTask(
  { options, positionals }: Arguments<typeof CLAIM_OPTIONS>,
  terminal: Terminal,
): Promise<{ exitCode: 0; result: unknown }> {
  const { propose } = await import("./proposal.ts");
  const proposal = await propose(
    options,
    positionals[0],
    (needed) => options.yes ? undefined : askReason(needed, terminal),
  );
  const { experiment, run, before, after, files, contents, suggestions, notes } = proposal;
  show(proposal, terminal);
  const changed = files.filter(({ change }) => change !== "same");
  const isNew = before !== after || changed.length > 0;
  if (isNew) {
    confirmWriting(options.yes, terminal);
    const { publish } = await import("./published_files.ts");
    await publish(experiment, files, contents);
    await writeAtomic(experiment.file, after);
    terminal.line("Written");
    if (proposal.hasTolerance) terminal.line("Commit the tolerances before the runs that they judge");
  }
  return {
    exitCode: 0,
    result: { experiment: experiment.name, run: run.id, written: isNew, files, suggestions, notes },
  };
}

function show(
  { experiment, run, before, after, notes, suggestions, files, hasTolerance }: Proposal,
  terminal: Terminal,
) {
  const file = relative(experiment.root, experiment.file);
  terminal.line(`Run ${run.id}`);
  notes.forEach((note) => terminal.note(note));
  if (before === after) terminal.line(`${file}: as it is`);
  else {
    terminal.line(terminal.paint(`${file}:`, "bold"));
    showDiff(before, after, terminal);
  }
  const rows = files.filter(({ change }) => change !== "same").map((
    { path, change },
  ) => [`  ${path}`, change]);
  terminal.line(
    rows.length === 0 ? "published/: as it is" : terminal.paint("published/:", "bold"),
  );
  columns(rows).forEach((line) => terminal.line(line));
  showSuggestions(suggestions, terminal);
  if (!hasTolerance && suggestions.some(({ isAllowed }) => !isAllowed)) {
    terminal.line('Add --because "the reason" to write what is more as a tolerance');
  }
}

function showSuggestions(suggestions: Suggestion[], terminal: Terminal) {
  if (suggestions.length === 0) return;
  terminal.line(terminal.paint("Spread of the other runs:", "bold"));
  const rows = suggestions.map(({ claim, kind, amount, isAllowed, runs }) => [
    `  ${claim}`,
    `${kind}: ${Number(amount)}`,
    pluralize(runs.length, "run"),
    isAllowed ? "within its tolerance" : "more than its tolerance so far",
  ]);
  columns(rows).forEach((line) => terminal.line(line));
}

function askReason(needed: Suggestion[], terminal: Terminal): string | undefined {
  if (needed.length === 0 || terminal.json || !Deno.stdin.isTerminal()) return undefined;
  showSuggestions(needed, terminal);
  return prompt("Why may runs differ by so much? (nothing: write no tolerance)")?.trim() || undefined;
}

function confirmWriting(yes: boolean, terminal: Terminal) {
  if (yes) return;
  if (terminal.json || !Deno.stdin.isTerminal()) {
    throw new Failure(2, "Writing claims needs a confirmation, and there is no terminal to ask on", {
      remedy: "Add --yes to write what is shown above",
    });
  }
  if (!confirm("Write this?")) throw new Failure(130, "Nothing was written");
}

/** Prints what changed, line by line, in colours. */
export function showDiff(before: string, after: string, terminal: Terminal) {
  for (const line of diffLines(before, after)) {
    const style = line.startsWith("+") ? "green" : line.startsWith("-") ? "red" : "dim";
    terminal.line(`  ${terminal.paint(line, style)}`);
  }
}

/** Unchanged lines shown around a change. */
const CONTEXT = 3;

/** Lines that begin with `-`, `+` or a space, and `@@` where something is left out; nothing for equal texts. */
export function diffLines(before: string, after: string): string[] {
  if (before === after) return [];
  const all = diff(linesOf(before), linesOf(after)); // 1: only the first has the line, -1: only the second
  const changed = all.flatMap(([operation], index) => operation === 0 ? [] : [index]);
  const lines: string[] = [];
  let shown = -1;
  let line = 1;
  for (const [index, [operation, text]] of all.entries()) {
    const isNear = changed.some((one) => Math.abs(one - index) <= CONTEXT);
    if (isNear) {
      if (shown !== index - 1) lines.push(`@@ line ${line} @@`);
      lines.push(`${operation === 1 ? "-" : operation === -1 ? "+" : " "}${text}`);
      shown = index;
    }
    if (operation !== 1) line++;
  }
  return lines;
}

function linesOf(text: string): string[] {
  return text.replace(/\n$/, "").split("\n");
}
