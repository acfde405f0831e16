/** Two runs on one page, as `compare` finds them: the conclusion first, then what differs, then what may explain it. */

import { asCalled } from "../../cli/program.ts";
import { pluralize } from "../../cli/format.ts";
import { details, document, factList, pill, section, table } from "../../report/components.ts";
import { environmentRows } from "../../report/environment_table.ts";
import { type Content, cut, type Html, html } from "../../report/html.ts";
import { placeOf, SIGNS, type Tone, toneOfVerdict } from "../../report/outcome.ts";
import type { Likelihood } from "../aspects.ts";
import type { Comparison, Side } from "../compare_runs.ts";
import { claimRow, CLAIMS_HEADER, conclusion, fileGroups } from "../show.ts";
import type { Drawn, DrawnSide, Limits } from "./drawn.ts";
import { curvesSection, predictionsSection, tensorsSection, valuesSection } from "./sections.ts";

/** Bytes of a page at most; one that is too large is made again with less in it. */
const LARGEST_PAGE = 1_000_000;

const LIMITS: Limits[] = [
  { rows: 500, text: 400, pictures: true },
  { rows: 500, text: 300, pictures: false },
  { rows: 60, text: 100, pictures: false },
];

const TONES: Record<Likelihood, Tone> = { likely: "bad", possible: "unsure", unlikely: "good" };

/** The page as HTML. The same runs make the same bytes. */
export async function comparisonPage(comparison: Comparison, drawn: Drawn): Promise<string> {
  let page = "";
  for (const limits of LIMITS) {
    page = await pageWithin(comparison, drawn, limits);
    if (new TextEncoder().encode(page).length <= LARGEST_PAGE) break;
  }
  return page;
}

async function pageWithin(comparison: Comparison, drawn: Drawn, limits: Limits): Promise<string> {
  const { equal, bitwise, a, b } = comparison;
  const title = bitwise ? "Equal to the bit" : equal ? "Equal" : "Different";
  const sections: [id: string, name: string, content: Html | undefined][] = [
    ["claimed", "Claims", claimsSection(comparison, drawn, limits)],
    ["curves", "Curves", await curvesSection(drawn)],
    ["predictions", "Predictions", predictionsSection(comparison, drawn, limits)],
    ["tensors", "Tensors", await tensorsSection(comparison, limits)],
    ["values", "Values", valuesSection(comparison, limits)],
    ["environment", "Environments", environmentSection(comparison, drawn, limits)],
    ["files", "Files", filesSection(comparison, limits)],
  ];
  const shown = sections.filter(([, , content]) => content !== undefined);
  const body = html`
    <a class="skip" href="#${shown[0]![0]}">Skip to what was compared</a>
    <header>
      <p class="kicker">Comparison of two runs</p>
      <p class="experiment">${cut(
        a.experiment === b.experiment ? a.experiment : `${a.experiment} and ${b.experiment}`,
        limits.text,
      )}</p>
      <div class="verdict ${equal ? "good" : "bad"}">
        <span class="sign" aria-hidden="true">${SIGNS[equal ? "good" : "bad"]}</span>
        <div><h1>${title}</h1><p>${conclusion(comparison).replace(/^[^:]*: /, "")}</p></div>
      </div>
      ${factList([["A", sideFact(a, drawn.a)], ["B", sideFact(b, drawn.b)]])}
      <nav aria-label="Sections of this comparison"><ul>${shown.map(([id, name]) =>
        html`<li><a href="#${id}">${name}</a></li>`
      )}</ul></nav>
    </header>
    <main>${shown.map(([, , content]) => content)}</main>
    <footer>
      <p>Made from the records of both runs by <code>${asCalled(
        "deno task compare",
      )}</code>. A difference is B minus A
      throughout.</p>
    </footer>
  `;
  return await document(`${title}: ${a.run} and ${b.run}`, body);
}

function sideFact({ run, status, experiment }: Side, { evidence }: DrawnSide): Content {
  return html`<strong>${cut(run, 80)}</strong><small>${cut(experiment, 80)}, ${status}, ${
    evidence.created.slice(0, 10)
  }, ${cut(placeOf(evidence), 80)}</small>`;
}

function claimsSection({ claims }: Comparison, { a, b }: Drawn, { rows, text }: Limits): Html | undefined {
  if (claims.length === 0) return undefined;
  const verdict = ({ checks }: DrawnSide, claim: string): Content => {
    const check = checks.find((one) => one.claim === claim);
    return check === undefined ? "—" : pill(toneOfVerdict(check.verdict), check.verdict);
  };
  const shown = claims.slice(0, rows);
  const [name = "", ...values] = CLAIMS_HEADER;
  return section(
    "claimed",
    "Claims side by side",
    html`<p>The values that the claims are about, in both runs, and the verdict that each run recorded.</p>`,
    table(
      "Every claimed value in both runs",
      [
        { title: name },
        ...values.map((title) => ({ title, kind: "number" as const })),
        { title: "Verdict of A" },
        { title: "Verdict of B" },
      ],
      shown.map((claim) => {
        const [first = "", left, right, difference = ""] = claimRow(claim);
        const isSame = /^(?:0(?:\.0*)?|0 samples|the same)$/.test(difference);
        return [
          html`<strong>${cut(first, text)}</strong>`,
          left,
          right,
          isSame || difference === "—" ? difference : html`<span class="differs">${difference}</span>`,
          verdict(a, claim.claim),
          verdict(b, claim.claim),
        ];
      }),
    ),
    claims.length > rows && html`<p class="note">${claims.length - rows} more claims are in --json.</p>`,
  );
}

function environmentSection({ environment, equal, a, b }: Comparison, drawn: Drawn, limits: Limits): Html {
  const both = a.steps.filter((step) => b.steps.includes(step)).length;
  const rows = environment.flatMap(({ aspect, likelihood, because, steps, values }) =>
    values.map(({ name, a, b }) => [
      pill(TONES[likelihood], likelihood),
      html`${aspect}${
        name !== "" && html`
          <span class="tag">${cut(name, 80)}</span>
        `
      }${steps.length < both && html`<small>${cut(steps.join(", "), limits.text)}</small>`}`,
      cut(a, limits.text),
      cut(b, limits.text),
      html`<small>${because}</small>`,
    ])
  );
  const left = rows.length - limits.rows;
  return section(
    "environment",
    "Environments side by side",
    rows.length === 0
      ? html`<p>Nothing that was recorded of the environments differs.</p>`
      : html`<p>${
        equal ? "What differs" : "What differs, the likeliest explanation of another result first"
      }.</p>`,
    rows.length > 0 && table(
      "What differs in the environments",
      [{ title: "Explains it" }, { title: "What" }, { title: "A", kind: "code" }, {
        title: "B",
        kind: "code",
      }, {
        title: "Because",
        kind: "wide",
      }],
      rows.slice(0, limits.rows),
    ),
    left > 0 && html`<p class="note">${left} more are in --json.</p>`,
    allRecorded(drawn, limits),
  );
}

function allRecorded({ a, b }: Drawn, { rows, text }: Limits): Html | false {
  const all = environmentRows(a.evidence, b.evidence);
  const same = all.filter((row) => row.same).length;
  return all.length > 0 && details(
    `All that was recorded of both, newest attempt (${same} of ${all.length} the same)`,
    table(
      "Both environments",
      [{ title: "What" }, { title: "A", kind: "code" }, { title: "B", kind: "code" }, { title: "Same" }],
      all.slice(0, rows).map(({ group, name, here, there, same }) => [
        html`${cut(name, text)} <span class="tag">${group}</span>`,
        cut(here, text) || "—",
        cut(there, text) || "—",
        same ? "yes" : html`<span class="differs">no</span>`,
      ]),
    ),
  );
}

/** Paths of a group that are listed at once. */
const FEW = 20;

function filesSection(comparison: Comparison, { rows, text }: Limits): Html {
  const groups = fileGroups(comparison).filter(([, paths]) => paths.length > 0);
  const list = (paths: string[]) =>
    html`<ul>${paths.map((path) => html`<li><code>${cut(path, text)}</code></li>`)}</ul>`;
  return section(
    "files",
    comparison.isPrinted ? "What the steps printed" : "Output files",
    comparison.steps.map((step) => html`<p>Step ${cut(step, text)}.</p>`),
    groups.map(([what, paths]) => {
      const title = `${pluralize(paths.length, comparison.isPrinted ? "text" : "file")} ${what}`;
      const shown = html`${list(paths.slice(0, rows))}${
        paths.length > rows && html`<p class="note">and ${paths.length - rows} more</p>`
      }`;
      return paths.length <= FEW ? html`<h3>${title}</h3>${shown}` : details(title, shown);
    }),
  );
}
