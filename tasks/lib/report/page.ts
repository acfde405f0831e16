/** report.html: everything about one run on one page, the verdict first. */

import { asCalled } from "../cli/program.ts";
import { duration } from "../cli/format.ts";
import { claimsSection, type Limits } from "./claims_section.ts";
import { environmentSection } from "./environment_section.ts";
import { figuresSection } from "./figures_section.ts";
import { cut, type Html, html } from "./html.ts";
import type { ReportData } from "./report_data.ts";
import { countVerdicts, outcomeOf, placeOf, SIGNS } from "./outcome.ts";
import { document, factList } from "./components.ts";
import { notesSection } from "./notes_section.ts";
import { provenanceSection, repeatSection, wordsSection } from "./record_sections.ts";
import { timelineSection } from "./timeline_section.ts";

/** Bytes of a page at most. */
export const LARGEST_PAGE = 1_000_000;

/** A page that is too large is made again with less in it. */
const LIMITS: Limits[] = [
  { rows: 1000, text: 600, images: true },
  { rows: 500, text: 300, images: false },
  { rows: 100, text: 100, images: false },
];

/** The page as HTML, of at most {@link LARGEST_PAGE} bytes. The same record makes the same bytes. */
export async function reportPage(data: ReportData): Promise<string> {
  let page = "";
  for (const limits of LIMITS) {
    page = await pageWithin(data, limits);
    if (new TextEncoder().encode(page).length <= LARGEST_PAGE) break;
  }
  return page;
}

async function pageWithin(data: ReportData, limits: Limits): Promise<string> {
  const { evidence, judged } = data;
  const { title: verdict } = outcomeOf(judged, evidence);
  const figures = await figuresSection(data, limits);
  const body = html`
    <a class="skip" href="#claims">Skip to the claims</a>
    ${header(data, limits, figures !== undefined)}
    <main>
    ${await claimsSection(judged, limits)}
    ${notesSection(data, limits)}
    ${figures}
    ${environmentSection(data, limits)}
    ${timelineSection(data, limits)}
    ${wordsSection(data)}
    ${repeatSection(data, limits)}
    ${provenanceSection(data, limits)}
    </main>
    <footer>
      <p>Made from the record of the run ${evidence
        .run} by <code>${asCalled("deno task report")}</code>, which makes it again at any
    time. What counts is the record: <code>${asCalled("deno task verify")}</code> checks it.</p>
    </footer>
  `;
  return await document(`${verdict}: ${titleOf(data, limits)}`, body);
}

function titleOf({ judged: { experiment } }: ReportData, { text }: Limits): string {
  return cut(experiment.title ?? experiment.name, text);
}

function header(data: ReportData, limits: Limits, hasFigures: boolean): Html {
  const { evidence, judged } = data;
  const { tone, title, detail } = outcomeOf(judged, evidence);
  const { altered, checks } = judged.verdict;
  return html`<header>
<p class="kicker">Reproduction report</p>
<p class="experiment">${titleOf(data, limits)}</p>
<div class="verdict ${tone}">
<span class="sign" aria-hidden="true">${SIGNS[tone]}</span>
<div><h1>${title}</h1><p>${detail}${
    checks.length > 0 && html`
      <span class="counts">${countVerdicts(checks)}</span>
    `
  }</p></div>
</div>
${
    altered.length > 0 &&
    html`<ul class="altered">${altered.slice(0, 20).map((what) => html`<li>${what}</li>`)}${
      altered.length > 20 && html`<li>and ${altered.length - 20} more</li>`
    }</ul>`
  }
${problems(data, limits)}
${factList(facts(data))}
<nav aria-label="Sections of this report"><ul>${
    [
      ["claims", "Claims"],
      ...(hasFigures ? [["figures", "Figures"]] : []),
      ["environment", "Environment"],
      ["timeline", "Timeline"],
      ["words", "For the paper"],
      ["repeat", "Do it again"],
      ["provenance", "Provenance"],
    ].map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)
  }</ul></nav>
</header>`;
}

/** What went wrong in a step stands beside the verdict. */
function problems({ evidence }: ReportData, { text }: Limits): Html | false {
  const failed = Object.entries(evidence.steps).filter(([, { problem }]) => problem !== undefined);
  return failed.length > 0 &&
    html`<ul class="altered">${
      failed.slice(0, 20).map(([name, { status, problem }]) =>
        html`<li>Step ${name} ${status}: ${cut(problem!, text)}</li>`
      )
    }</ul>`;
}

function facts({ evidence }: ReportData): [string, Html | string][] {
  const { host, code } = evidence.attempts.at(-1) ?? {};
  const took = (Date.parse(evidence.ended ?? "") - Date.parse(evidence.created)) / 1000;
  return [
    ["Date", evidence.created.slice(0, 10)],
    ...(Number.isFinite(took) ? [["Took", duration(took)] as [string, string]] : []),
    ["Ran in", placeOf(evidence)],
    ...(host === undefined
      ? []
      : [["Machine", [host.cpu, ...host.gpus.map(({ name }) => name)].join(", ")] as [string, string]]),
    [
      "Code",
      code?.commit === undefined ? "no git commit" : html`commit <code>${code.commit.slice(0, 12)}</code>`,
    ],
  ];
}
