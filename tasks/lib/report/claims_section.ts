/** The claims of a report: one row each, those that do not hold first. */

import type { Tolerance } from "../experiment/experiment.ts";
import type { Check } from "../record/verdict.ts";
import { className } from "../verdict/conditions.ts";
import type { Judged } from "../verdict/judge.ts";
import { showTolerance } from "../verdict/tolerance.ts";
import { deviationChart } from "./deviation_chart.ts";
import { deviations } from "./allowance.ts";
import { cut, type Html, html } from "./html.ts";
import { toneOfVerdict } from "./outcome.ts";
import { pill, section, table } from "./components.ts";
import { renderChart } from "./render_chart.ts";
import { fixedInWords, withUnit } from "./text.ts";

/** How much of a large record a page shows. */
export interface Limits {
  /** Rows of a table. */
  rows: number;
  /** Characters of a text from the record. */
  text: number;
  images: boolean;
}

/** More claims than this are a table only, with a picture of those that deviate most. */
const MOST_DRAWN = 24;

/** Says so where there are none; of more than the limit, those that hold are left out first. */
export async function claimsSection(
  { experiment, verdict, claimsChanged }: Judged,
  limits: Limits,
): Promise<Html> {
  const { checks } = verdict;
  if (checks.length === 0) {
    return section(
      "claims",
      "Claims",
      html`<p>There is nothing to check in this run: ${
        experiment.claims.length === 0 ? "the experiment makes no claims" : "no claim is about what ran here"
      }.</p>`,
    );
  }
  const ordered = inOrderOfConcern(checks);
  const shown = ordered.slice(0, limits.rows);
  return section(
    "claims",
    "Claims",
    shown.length < checks.length &&
      html`<p class="note">${shown.length} of ${checks.length} claims are shown, those that do not hold first; all are in
verdict.json.</p>`,
    table("Every claim, what the run obtained, and the verdict", [
      { title: "#", kind: "number" },
      { title: "Claim" },
      { title: "Claimed", kind: "number" },
      { title: "Obtained", kind: "number" },
      { title: "Verdict" },
      { title: "Tolerance and its reason", kind: "wide" },
    ], shown.map((one) => claimRow(one, usedTolerance(experiment, one.check), limits))),
    claimsChanged &&
      html`<p class="note">experiment.yaml has changed since this run, which is judged by the claims it was
run with.</p>`,
    html`<p class="note">${cut(fixedInWords(verdict) ?? "", limits.text)}</p>`,
    remarkList(verdict.remarks ?? [], limits),
    await deviationFigure(checks),
  );
}

/** What a reviewer would ask about, beside the verdicts. */
function remarkList(remarks: NonNullable<Judged["verdict"]["remarks"]>, limits: Limits): Html | false {
  if (remarks.length === 0) return false;
  const shown = remarks.slice(0, limits.rows);
  return html`<p>Remarks on how the numbers came about; they are no part of the verdict:</p>
<ul>${
    shown.map(({ step, remark }) =>
      html`<li>The step ${cut(step, limits.text)} ${cut(remark, limits.text)}</li>`
    )
  }</ul>`;
}

interface Numbered {
  check: Check;
  number: number;
}

function inOrderOfConcern(checks: readonly Check[]): Numbered[] {
  const numbered = checks.map((check, index) => ({ check, number: index + 1 }));
  const isBad = ({ check }: Numbered) => toneOfVerdict(check.verdict) === "bad";
  return [...numbered.filter(isBad), ...numbered.filter((one) => !isBad(one))];
}

/** The tolerance that judged a claim, among its classes. */
function usedTolerance({ claims }: Judged["experiment"], check: Check): Tolerance | undefined {
  const classes = claims.find(({ name }) => name === check.claim)?.tolerance ?? [];
  return classes.find((one) =>
    showTolerance(one) === check.tolerance &&
    (check.class === undefined || className(one.when) === check.class)
  );
}

function claimRow({ check, number }: Numbered, tolerance: Tolerance | undefined, { text }: Limits) {
  const { claim, claimed, obtained, unit, verdict, detail } = check;
  // The detail of a verdict within tolerance ends with the reason, which has a column of its own.
  const why = detail.replace(`: ${tolerance?.because}`, "");
  return [
    number,
    html`<strong>${cut(claim, text)}</strong>`,
    figure(claimed, unit),
    figure(obtained, unit),
    html`${pill(toneOfVerdict(verdict), verdict)}${
      verdict !== "identical" && html`<small>${cut(why, text)}</small>`
    }`,
    html`${check.tolerance}${
      check.class !== undefined && html`
        <span class="tag">${cut(check.class, text)}</span>
      `
    }${tolerance !== undefined && html`<small>${cut(reasonOf(tolerance), text)}</small>`}`,
  ];
}

/** Why so far, and on what it rests. */
function reasonOf({ because, runs = [], provisional }: Tolerance): string {
  if (provisional) return `${because} (provisional)`;
  return runs.length === 0 ? because : `${because} (runs ${runs.join(", ")})`;
}

/** The number with its unit, and below it the count it stands for. */
function figure(text: string, unit: string | undefined): Html {
  const shown = withUnit(text, unit);
  const [, value = shown, count] = /^(.*\S) (\(.*\))$/.exec(shown) ?? [];
  return html`<span class="figure">${value}</span>${count !== undefined && html`<small>${count}</small>`}`;
}

async function deviationFigure(checks: readonly Check[]): Promise<Html | undefined> {
  const all = deviations(checks);
  if (all.length === 0) return undefined;
  const shown = all.length <= MOST_DRAWN
    ? all
    : all.toSorted((a, b) => Math.abs(b.multiple) - Math.abs(a.multiple)).slice(0, MOST_DRAWN);
  const inside = all.filter(({ multiple }) => Math.abs(multiple) <= 1).length;
  const chart = await renderChart(deviationChart(shown), {
    id: "chart-claims",
    title: "Obtained against claimed",
    description:
      `${inside} of ${all.length} numeric claims are inside their tolerance; the table above holds the values.`,
    csv: [
      ["claim", "claimed", "obtained", "unit", "difference in tolerances", "verdict"],
      ...all.map(({ check: { claim, claimed, obtained, unit, verdict }, multiple }) => [
        ...[claim, claimed, obtained, unit],
        ...[multiple, verdict],
      ]),
    ],
  });
  return html`<figure><figcaption><strong>Claimed against obtained.</strong> Each claim's difference, measured by its
tolerance (shaded). A circle is identical, a diamond within tolerance, a cross different.${
    shown.length < all.length && ` The ${shown.length} of ${all.length} that deviate most are drawn.`
  }</figcaption>${chart}</figure>`;
}
