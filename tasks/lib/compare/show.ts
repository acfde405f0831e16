/** What a person reads of a comparison: values, files, environments, and the conclusion. Text only. */

import { columns } from "../cli/table.ts";
import type { Style, Terminal } from "../cli/terminal.ts";
import type { Likelihood } from "./aspects.ts";
import type { ClaimedValue } from "./claimed_values.ts";
import type { Comparison, EqualFile, Side } from "./compare_runs.ts";
import type { EnvironmentDifference, ValueDifference } from "./environments.ts";
import { clean, fileDetails, showDifference, signed } from "./show_details.ts";
import { pluralize } from "../cli/format.ts";

const STYLES: Record<Likelihood, Style> = { likely: "red", possible: "yellow", unlikely: "dim" };

/** Values of one aspect that are shown; `--json` has all. */
const MOST_NAMES = 6;

/** Files of a kind that are listed; `--json` has all. */
const MOST_FILES = 20;

/** Lines for a terminal; an empty one stands between two sections. */
export function showComparison(comparison: Comparison, terminal: Terminal): string[] {
  const { a, b, claims, files, steps } = comparison;
  const sections = [
    [...columns([sideRow("A", a), sideRow("B", b)])],
    claimLines(claims, terminal),
    files.differing.flatMap((file) => fileDetails(file, terminal)).slice(1),
    steps.map((step) => `step ${clean(step)}`),
    fileLines(comparison, terminal),
    environmentLines(comparison, terminal),
    [terminal.paint(conclusion(comparison), comparison.equal ? "green" : "red", "bold")],
  ];
  return sections.filter((lines) => lines.length > 0).flatMap((lines, index) =>
    index === 0 ? lines : ["", ...lines]
  );
}

function sideRow(letter: string, { run, experiment, status, directory }: Side): string[] {
  return [letter, clean(`${experiment} ${run}`), status, directory];
}

export const CLAIMS_HEADER = ["claimed value", "A", "B", "B − A"];

function claimLines(claims: ClaimedValue[], terminal: Terminal): string[] {
  if (claims.length === 0) return [];
  const rows = claims.map(claimRow);
  return columns(
    [CLAIMS_HEADER, ...rows],
    (cell, row) => row === 0 ? terminal.paint(cell, "dim") : cell,
  );
}

/** The claim's value in both runs and their difference, under {@link CLAIMS_HEADER}. */
export function claimRow({ claim, unit, point, a, b, difference, samples }: ClaimedValue): string[] {
  const which = point === undefined ? "" : `, point ${point.at} (${point.deviating} of ${point.of} differ)`;
  const value = (text: string | undefined) =>
    text === undefined ? "—" : clean(`${text} ${unit ?? ""}`.trim(), 24);
  const shown = samples === undefined && difference !== undefined
    ? signed(difference)
    : showDifference(undefined, samples);
  return [
    clean(claim) + which,
    value(a),
    value(b),
    shown || (a === undefined || b === undefined ? "—" : sameText(a, b)),
  ];
}

function sameText(a: string, b: string): string {
  return a === b ? "the same" : "another";
}

/** The outputs by how they stand to each other; a group may be empty. */
export function fileGroups({ a, b, files }: Comparison): [what: string, paths: string[]][] {
  const incidental = files.differing.filter((file) => file.incidental !== undefined);
  const real = files.differing.filter((file) => file.incidental === undefined);
  const byHash = real.filter(({ detail }) => detail.kind === "hash").map(({ path }) => path);
  const seen = real.filter(({ detail }) => detail.kind !== "hash").map(({ path }) => path);
  return [
    ["equal to the bit", files.equal.map(showEqual)],
    ["different", seen],
    ["different by the recorded hash", byHash],
    [
      "different in what says nothing of the result",
      incidental.map(({ path, incidental }) => `${path} (${incidental})`),
    ],
    ["only in A", files.onlyA],
    ["only in B", files.onlyB],
    ["not there in A, compared by the recorded hash", a.gone],
    ["not there in B, compared by the recorded hash", b.gone],
    ["altered in A since it was recorded", a.altered],
    ["altered in B since it was recorded", b.altered],
  ];
}

function fileLines(comparison: Comparison, terminal: Terminal): string[] {
  const shown = fileGroups(comparison).filter(([, paths]) => paths.length > 0);
  return [
    terminal.paint(
      comparison.isPrinted ? "What the steps printed, since neither run left a file" : "Output files",
      "bold",
    ),
    ...shown.flatMap(([what, paths]) => groupLines(what, paths)),
  ];
}

function showEqual({ path, tensors }: EqualFile): string {
  if (tensors === undefined) return path;
  return `${path} (${pluralize(tensors, "tensor")})`;
}

function groupLines(what: string, paths: string[]): string[] {
  const more = paths.length > MOST_FILES ? [`and ${paths.length - MOST_FILES} more`] : [];
  const lines = [...paths.slice(0, MOST_FILES).map((path) => clean(path, 200)), ...more];
  return [`  ${paths.length} ${what}:`, ...lines.map((line) => `    ${line}`)];
}

function names(all: string[]): string {
  const shown = all.slice(0, MOST_NAMES).map((name) => clean(name, 120)).join(", ");
  return all.length > MOST_NAMES ? `${shown} and ${all.length - MOST_NAMES} more` : shown;
}

function environmentLines({ environment, a, b, equal }: Comparison, terminal: Terminal): string[] {
  if (environment.length === 0) return ["Nothing that was recorded of the environments differs"];
  const heading = equal
    ? "What differs in the environments"
    : "What differs in the environments, the likeliest explanation first";
  const both = a.steps.filter((step) => b.steps.includes(step)).length;
  return [
    terminal.paint(heading, "bold"),
    ...environment.flatMap((difference) => aspectLines(difference, both, terminal)),
  ];
}

/** @param both number of steps that ran in both runs; if it is so for all of them, they are not named */
function aspectLines(
  { aspect, likelihood, because, steps, values }: EnvironmentDifference,
  both: number,
  terminal: Terminal,
): string[] {
  const where = steps.length === both ? "" : ` (${steps.map((step) => clean(step)).join(", ")})`;
  const head = `  ${terminal.paint(likelihood.padEnd(8), STYLES[likelihood])}  ${aspect}${where}: `;
  if (likelihood === "unlikely") return [head + names(values.map(showValue))];
  const more = values.length > MOST_NAMES ? [`and ${values.length - MOST_NAMES} more`] : [];
  return [
    head + because,
    ...[...values.slice(0, MOST_NAMES).map(showValue), ...more].map((line) => " ".repeat(12) + line),
  ];
}

function showValue({ name, a, b }: ValueDifference): string {
  return `${name === "" ? "" : `${clean(name)}: `}${clean(a, 100)} → ${clean(b, 100)}`;
}

/** One sentence: are the results the same? */
export function conclusion({ equal, bitwise, files, a, b, isPrinted }: Comparison): string {
  const file = isPrinted ? "printed output" : "file";
  const { equal: same, differing, onlyA, onlyB } = files;
  const all = same.length + differing.length + onlyA.length + onlyB.length;
  const gone = new Set([...a.gone, ...b.gone]).size;
  if (bitwise) {
    return `Equal to the bit: all ${pluralize(all, file)}${
      gone === 0 ? "" : `, ${gone} by the recorded hash`
    }`;
  }
  const incidental = differing.filter((file) => file.incidental !== undefined).length;
  const but = incidental === 0
    ? ""
    : `, ${pluralize(incidental, file)} but for what says nothing of the result`;
  if (equal) return `Equal: ${same.length} of ${pluralize(all, file)} to the bit${but}`;
  const altered = a.altered.length + b.altered.length;
  const warning = altered === 0 ? "" : `; ${pluralize(altered, "file")} altered since recorded`;
  return `Different: ${all - same.length - incidental} of ${pluralize(all, file)} differ${but}${warning}`;
}
