/** What a person reads at the end: the claims table, then the run in words. Text only. */

import { identityInWords } from "../experiment/image_identity.ts";
import { bytes, duration } from "../cli/format.ts";
import { columns, cutToWidth, width } from "../cli/table.ts";
import type { Style, Terminal } from "../cli/terminal.ts";
import { visibleLine } from "../cli/visible.ts";
import type { Attempt, Evidence } from "../record/evidence.ts";
import type { Check, RunVerdict, Verdict } from "../record/verdict.ts";
import type { Host } from "../system/host.ts";
import type { Judged } from "../verdict/judge.ts";

const STYLES: Record<Verdict, Style> = {
  "identical": "green",
  "within tolerance": "green",
  "consistent": "green",
  "equivalent": "green",
  "inconclusive": "yellow",
  "different": "red",
  "missing": "red",
  "not applicable": "yellow",
};

/** The table *claimed / obtained / tolerance / verdict*, and below it why a verdict is not "identical". */
export function claimsTable(checks: Check[], terminal: Terminal): string[] {
  if (checks.length === 0) return [];
  const rows = checks.map(({ claim, claimed, obtained, tolerance, verdict, unit }) => {
    return [claim, withUnit(claimed, unit), withUnit(obtained, unit), tolerance, verdict];
  });
  const header = ["claim", "claimed", "obtained", "tolerance", "verdict"];
  const shown = shorten([header, ...rows], terminal.room);
  const lines = columns(shown, (cell, row, column) => {
    if (row === 0) return terminal.paint(cell, "dim");
    return column === 4 ? terminal.paint(cell, STYLES[checks[row - 1]!.verdict], "bold") : cell;
  });
  const details = checks.filter(({ verdict, detail }) => verdict !== "identical" && detail !== "")
    .map(({ claim, detail }) => visibleLine(`  ${claim}: ${detail}`));
  return details.length === 0 ? lines : [...lines, "", ...details];
}

/** `99.44 (358 of 360)` with the unit behind the number: `99.44 % (358 of 360)`. */
export function withUnit(text: string, unit: string | undefined): string {
  if (unit === undefined || text === "—") return text;
  return text.replace(/^(.*?)( \(.*\))?$/, (_, value, count = "") => `${value} ${unit}${count}`);
}

/** Cuts the claims' names, and long values such as hashes, so that a row fits the terminal. */
function shorten(rows: string[][], room: number): string[][] {
  const total = (cells: string[][]) =>
    cells[0]!.reduce((sum, _, column) => sum + Math.max(...cells.map((row) => width(row[column]!))) + 2, -2);
  for (let limit = 64; limit > 16 && total(rows) > room; limit -= 4) {
    rows = rows.map((row) => row.map((cell) => cutToWidth(cell, limit)));
  }
  return rows;
}

/** One sentence: does it hold? */
export function conclusion({ verdict, experiment }: Judged, { status }: Evidence): string {
  return conclude({ ...verdict, status, claims: experiment.claims.length });
}

/** What decides about a run as a whole. */
export interface Findings {
  status: Evidence["status"];
  checks: readonly Check[];
  altered: readonly string[];
  /** How many claims the experiment makes. */
  claims: number;
}

/** The same from what is recorded of a run. */
export function conclude({ status, checks, altered, claims }: Findings): string {
  if (altered.length > 0) {
    return `Not to be trusted: ${altered.length} recorded ${
      altered.length === 1 ? "file was" : "files were"
    } altered`;
  }
  if (status !== "done") return `No verdict for a run that ${was(status)}`;
  if (claims === 0) {
    return "Done. The experiment makes no claims, so there is nothing to check";
  }
  if (checks.length === 0) return "Done. No claim is about what ran here";
  const applicable = checks.filter((check) => check.verdict !== "not applicable");
  if (applicable.length === 0) return "Done, with changes: the claims do not apply";
  const held = applicable.filter(isHeld).length;
  return held === applicable.length
    ? `Reproduced: ${held} of ${applicable.length} claims hold`
    : `Not reproduced: ${held} of ${applicable.length} claims hold`;
}

/** Whether the run speaks for the claim. */
export function isHeld({ verdict }: Check): boolean {
  return ["identical", "within tolerance", "consistent", "equivalent"].includes(verdict);
}

function was(status: Evidence["status"]): string {
  return status === "failed" ? "failed" : status === "interrupted" ? "was interrupted" : `is still ${status}`;
}

/** The whole report: conclusion, claims, steps, environment, code. */
export function report(judged: Judged, evidence: Evidence, directory: string, terminal: Terminal): string[] {
  const { experiment, verdict, claimsChanged } = judged;
  return [
    terminal.paint(visibleLine(experiment.title ?? experiment.name), "bold"),
    "",
    ...claimsTable(verdict.checks, terminal),
    ...(verdict.checks.length > 0 ? [""] : []),
    terminal.paint(conclusion(judged, evidence), verdict.holds ? "green" : "red", "bold"),
    ...verdict.altered.map((what) => visibleLine(`  ${what}`)),
    ...fixedLine(verdict),
    ...remarkLines(verdict),
    ...(claimsChanged
      ? ["  experiment.yaml has changed since this run; deno task verify --current judges by the new claims"]
      : []),
    "",
    ...columns(facts(evidence, directory)),
  ];
}

/** Whether somebody could have chosen the claims after the run. */
export function fixedInWords({ claims }: Pick<RunVerdict, "claims">): string | undefined {
  if (claims === undefined) return undefined;
  const { state, commit, date, tag, tagged, signed, changed = [] } = claims;
  const inTag = tag === undefined ? "" : `, ${signed ? "signed " : ""}tag ${tag} of ${tagged?.slice(0, 10)}`;
  const fixed = state === "committed"
    ? `committed before the run: ${commit!.slice(0, 12)} of ${date!.slice(0, 10)}${inTag}`
    : state === "not committed"
    ? "not committed, so nobody knows whether they were there before the run"
    : "not committed: there is no git here";
  const since = changed.length === 0
    ? ""
    : `; changed after the run that they were made from: ${changed.map((name) => `"${name}"`).join(", ")}`;
  return `Claims ${fixed}${since}`;
}

function fixedLine(verdict: RunVerdict): string[] {
  const words = fixedInWords(verdict);
  return words === undefined ? [] : [visibleLine(`  ${words}`)];
}

/** Beside the verdict, and no part of it. */
function remarkLines({ remarks = [] }: Pick<RunVerdict, "remarks">): string[] {
  return remarks.map(({ step, remark }) => visibleLine(`  Remark: the step "${step}" ${remark}`));
}

/** The last lines of a task: verdict table, conclusion, run folder. */
export function summary(judged: Judged, evidence: Evidence, directory: string, terminal: Terminal): string[] {
  const { verdict } = judged;
  const steps = Object.entries(evidence.steps).filter(([, { problem }]) => problem !== undefined);
  return [
    "",
    ...(evidence.status === "interrupted" ? [] : claimsTable(verdict.checks, terminal)),
    ...(verdict.checks.length > 0 ? [""] : []),
    ...steps.map(([name, { status, problem }]) =>
      `${terminal.paint(visibleLine(`step "${name}" ${status}`), "red", "bold")}: ` +
      visibleLine(`${problem}, log: ${directory}/log.txt`)
    ),
    terminal.paint(conclusion(judged, evidence), outcome(judged, evidence), "bold"),
    ...verdict.altered.map((what) => visibleLine(`  ${what}`)),
    ...fixedLine(verdict),
    ...remarkLines(verdict),
    ...(evidence.status === "interrupted" ? [`deno task ${evidence.task} --resume goes on with it`] : []),
    `Run folder: ${directory}`,
  ];
}

function outcome({ verdict }: Judged, { status }: Evidence): Style {
  if (!verdict.holds) return status === "interrupted" ? "yellow" : "red";
  return verdict.checks.every((check) => check.verdict === "not applicable") ? "yellow" : "green";
}

function facts(evidence: Evidence, directory: string): string[][] {
  const attempt = evidence.attempts.at(-1);
  const steps = Object.entries(evidence.steps).map(([name, step]) => {
    const size = (step.outputs ?? []).reduce((sum, output) => sum + output.bytes, 0);
    const how = step.reusedFrom ? `copied from ${step.reusedFrom}` : step.status;
    const time = step.seconds === undefined ? "" : `, ${duration(step.seconds)}`;
    return [`step ${name}`, `${how}${time}, ${step.outputs?.length ?? 0} files, ${bytes(size)}`];
  });
  return [
    ["run", `${evidence.run} (${evidence.task}, ${evidence.status}), ${evidence.created}`],
    ...steps,
    ["parameters", list(Object.entries(evidence.parameters).map(([name, value]) => `${name} = ${value}`))],
    ...(evidence.changed.length > 0 ? [["changed", list(evidence.changed)]] : []),
    ...(attempt === undefined ? [] : conditions(attempt, evidence)),
    ...(evidence.attempts.length > 1 ? [["attempts", String(evidence.attempts.length)]] : []),
    ["folder", directory],
  ];
}

function conditions({ host, code, environment }: Attempt, { engine }: Evidence): string[][] {
  return [
    ["code", codeFact(code)],
    ["environment", environmentFact(environment, engine)],
    ["machine", machine(host)],
    ["GPU", environment.gpus],
  ];
}

function environmentFact({ image, python }: Attempt["environment"], engine: Evidence["engine"]): string {
  if (image === undefined) return python;
  return `${engine.name} ${engine.version ?? ""}, image ${image.name} (${identityInWords(image)})`;
}

/** Processor, memory and system in words. */
export function machine({ cpu, cores, memory, os, architecture }: Host): string {
  return `${cpu}, ${cores} cores, ${bytes(memory)} of memory, ${os} ${architecture}`;
}

function codeFact({ commit, dirty, sha256 }: Attempt["code"]): string {
  if (commit === undefined) return `no git commit; SHA-256 of the sources ${sha256.slice(0, 12)}…`;
  return dirty.length === 0
    ? `commit ${commit.slice(0, 12)}`
    : `commit ${commit.slice(0, 12)} and ${dirty.length} changed files`;
}

function list(items: string[]): string {
  return items.length === 0 ? "none" : items.join(", ");
}
