/** The verdict as Markdown, for pull requests and the summaries of CI jobs. */

import { visible } from "../cli/visible.ts";
import type { Evidence } from "../record/evidence.ts";
import { environmentRows } from "./environment_table.ts";
import { cut } from "./html.ts";
import type { ReportData } from "./report_data.ts";
import { outcomeOf, placeOf, type Tone, toneOfVerdict } from "./outcome.ts";
import { fixedInWords, withUnit } from "./text.ts";

const EMOJI: Record<Tone, string> = { good: "✅", bad: "❌", unsure: "⚠️" };

/** GitHub takes a megabyte; nobody reads more than this. */
const MOST_ROWS = 100;

const LONGEST_TEXT = 300;

/** Verdict, claims, and what differs from the authors' environment. */
export function markdownSummary({ judged, evidence, published }: ReportData): string {
  const { verdict, experiment } = judged;
  const { tone, title, detail } = outcomeOf(judged, evidence);
  return [
    `### ${EMOJI[tone]} ${plain(title)}${detail === "" ? "" : `: ${plain(detail)}`}`,
    `**${plain(experiment.title ?? experiment.name)}** · run ${plain(evidence.run)} · ${facts(evidence)}`,
    ...verdict.altered.slice(0, MOST_ROWS).map((what) => `- ${plain(what)}`),
    claimsTable(verdict.checks),
    plain(fixedInWords(verdict) ?? ""),
    (verdict.remarks ?? []).slice(0, MOST_ROWS).map(({ step, remark }) =>
      `- Remark: the step ${plain(step)} ${plain(remark)}`
    ).join("\n"),
    published && differences(evidence, published.evidence),
  ].filter(Boolean).join("\n\n") + "\n";
}

function facts(evidence: Evidence): string {
  const { host, code } = evidence.attempts.at(-1) ?? {};
  return [
    evidence.created.slice(0, 10),
    plain(placeOf(evidence)),
    ...(host === undefined ? [] : [plain(host.cpu)]),
    code?.commit === undefined ? "no git commit" : `commit ${code.commit.slice(0, 12)}`,
  ].join(" · ");
}

function claimsTable(checks: ReportData["judged"]["verdict"]["checks"]): string {
  if (checks.length === 0) return "";
  const isBad = ({ verdict }: typeof checks[number]) => toneOfVerdict(verdict) === "bad";
  const ordered = [...checks.filter(isBad), ...checks.filter((check) => !isBad(check))];
  const rows = ordered.slice(0, MOST_ROWS).map((check) => [
    check.claim,
    withUnit(check.claimed, check.unit),
    withUnit(check.obtained, check.unit),
    check.class === undefined ? check.tolerance : `${check.tolerance} (${check.class})`,
    `${EMOJI[toneOfVerdict(check.verdict)]} ${check.verdict}`,
  ]);
  const left = ordered.length - rows.length;
  return table(["claim", "claimed", "obtained", "tolerance", "verdict"], rows) +
    (left > 0 ? `\n\n${left} more claims are in verdict.json.` : "");
}

function differences(here: Evidence, there: Evidence): string {
  const rows = environmentRows(here, there).filter(({ same }) => !same);
  if (rows.length === 0) return "The environment is the authors'.";
  const shown = rows.slice(0, MOST_ROWS).map(({ name, here, there }) => [name, here || "—", there || "—"]);
  return `<details><summary>The environment differs from the authors' in ${rows.length} points</summary>\n\n${
    table(["", "this run", "the authors'"], shown)
  }\n\n</details>`;
}

function table(header: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map(plain).join(" | ")} |`;
  return [line(header), `|${" --- |".repeat(header.length)}`, ...rows.map(line)].join("\n");
}

/** Text that stays text: no markup, no formula, no link, no mention of a user, no end of the table's cell. */
function plain(text: string): string {
  return cut(visible(text).replace(/\s+/g, " "), LONGEST_TEXT)
    .replace(/[&<>@|`#\\$]|:(?=\/\/)|\.(?<=\bwww\.)|^[-+=]|^\d+(?=[.)])/gi, entities)
    .replace(/[*_~[\]!]/g, "\\$&");
}

function entities(text: string): string {
  return text.split("").map((character) => `&#${character.charCodeAt(0)};`).join("");
}
