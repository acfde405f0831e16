/** Curves over each other as figures of a page: the picture, how they stand to each other in words, the values. */

import { pluralize } from "../cli/format.ts";
import { details, table } from "./components.ts";
import { curveChart, DASHES } from "./curve_chart.ts";
import { type ComparedCurve, curveDifferences, type Panel } from "./curves.ts";
import { cut, type Html, html } from "./html.ts";
import { CHART_WIDTH, renderChart } from "./render_chart.ts";

/** How what is drawn is called. */
export interface Words {
  /** Step that the curves are of. */
  step: string;
  /** File that holds them. */
  file: string;
  /** What the lines are of, e.g. `this run`. */
  run: string;
  /** What the rings are of, e.g. `the published values`, and the same in one word for a legend. */
  other: string;
  mark: string;
  /** A sentence on which is which, where the words above do not say it. */
  key?: string;
}

/** Pictures of curves for each step; what else it recorded is named. */
const MOST_PANELS = 2;

const MOST_CURVES = 4;

/** Rows of the table below a picture. */
const MOST_ROWS = 60;

/** Epochs that can be saved; the run folder has all. */
const MOST_SAVED = 2000;

/** The panels of one step; those that are not drawn are named. */
export async function curvePanels(panels: readonly Panel[], words: Words, id: string): Promise<Html> {
  const shown = panels.slice(0, MOST_PANELS);
  const left = panels.slice(MOST_PANELS).map(({ title }) => cut(title, 40));
  const figures = await Promise.all(shown.map((panel, index) => curveFigure(panel, words, `${id}-${index}`)));
  return html`<div class="figures">${figures}</div>${
    left.length > 0 &&
    html`<p class="note">Not drawn, and in ${words.file}: ${left.slice(0, 20).join(", ")}${
      left.length > 20 && ` and ${left.length - 20} more`
    }.</p>`
  }`;
}

async function curveFigure({ title, curves }: Panel, words: Words, id: string): Promise<Html> {
  const panel = { title: cut(title, 40), curves: curves.slice(0, MOST_CURVES) };
  const sentences = panel.curves.map((curve) => comparison(curve, words));
  const epochs = Math.max(...panel.curves.map(({ values }) => values.length));
  const hasPublished = panel.curves.some(({ published }) => published !== undefined);
  const chart = await renderChart(curveChart(panel), {
    id,
    title: `${panel.title} by epoch, step ${words.step}`,
    description: sentences.join(" "),
    ...savedValues(panel, epochs, words),
  });
  return html`<figure><figcaption><strong>${capital(panel.title)}</strong> by epoch, step ${words.step}. ${
    sentences.join(" ")
  } ${hasPublished && words.key !== undefined && `${words.key} `}${
    hasPublished &&
    `Below: ${words.run} minus ${words.other}${
      hasBand(panel) ? "; shaded, what the tolerance lets pass" : ""
    }.`
  }${
    epochs > 2 * CHART_WIDTH &&
    ` Of ${
      epochs.toLocaleString("en")
    } epochs the picture holds the least and the largest value of each pixel column.`
  }</figcaption>
${legend(panel.curves, words)}${chart}${
    details("The values as a table", valuesTable(panel, epochs, words))
  }</figure>`;
}

function hasBand({ curves }: Panel): boolean {
  return curves.some(({ reach = 0, claimed }) => reach > 0 || claimed.some(({ reach }) => reach > 0));
}

/** How a curve stands to the published one, in a sentence. */
function comparison(curve: ComparedCurve, { other }: Words): string {
  const name = cut(capital(curve.part), 40);
  const last = curve.values.findLast((value) => value !== null);
  const ends = `${name} ends at ${last === undefined ? "no number" : shortNumber(last!)}`;
  const { compared, equal, first, largest, largestSamples } = curveDifferences(curve);
  if (compared === 0) return `${ends}.`;
  if (equal === compared) return `${ends}, identical to ${other} in all ${compared} epochs.`;
  const size = largestSamples === undefined
    ? shortNumber(largest, 2)
    : pluralize(largestSamples, "sample", { shown: shortNumber(largestSamples) });
  return `${ends}, identical to ${other} in ${equal} of ${compared} epochs; the first to differ is ${first}, ` +
    `the largest difference ${size}.`;
}

function legend(curves: readonly ComparedCurve[], { mark }: Words): Html {
  const line = (index: number) =>
    html`
      <svg aria-hidden="true" viewBox="0 0 28 10">
        <path d="M0 5H28" fill="none" stroke-width="2"
          stroke="var(--series-${index + 1})" stroke-dasharray="${DASHES[index]!.join(" ")}" />
      </svg>
    `;
  const ring = html`
    <svg aria-hidden="true" viewBox="0 0 28 10">
      <circle cx="14" cy="5" r="3.6" fill="none"
        stroke="currentColor" stroke-width="1.3" />
    </svg>
  `;
  const diamond = html`
    <svg aria-hidden="true" viewBox="0 0 28 10">
      <path d="M14 .5 18.5 5 14 9.5 9.5 5Z" fill="none"
        stroke="currentColor" stroke-width="1.6" />
    </svg>
  `;
  return html`<ul class="legend">${
    curves.map(({ part }, index) => html`<li>${line(index)} ${cut(part, 40)}</li>`)
  }${curves.some(({ published }) => published) && html`<li>${ring} ${mark}</li>`}${
    curves.some(({ claimed }) => claimed.length > 0) && html`<li>${diamond} claimed</li>`
  }</ul>`;
}

function valuesTable({ title, curves }: Panel, epochs: number, { mark }: Words): Html {
  const every = Math.ceil(epochs / MOST_ROWS);
  const rows = Array.from({ length: epochs }, (_, index) => index)
    .filter((index) => index % every === 0 || index === epochs - 1)
    .map((index) => [
      index + 1,
      ...curves.flatMap(({ values, published }) => [
        shownNumber(values[index]),
        ...(published === undefined ? [] : [shownNumber(published[index])]),
      ]),
    ]);
  const columns = curves.flatMap((
    { part, published },
  ) => [part, ...(published === undefined ? [] : [`${part}, ${mark}`])]);
  return html`${every > 1 && html`<p class="note">Every ${every}th of ${epochs} epochs.</p>`}${
    table(
      `${title} by epoch`,
      ["epoch", ...columns].map((title) => ({ title, kind: "number" as const })),
      rows,
    )
  }`;
}

/** Every value with all its digits; of very many epochs so many that the page does not grow by them. */
function savedValues({ curves }: Panel, epochs: number, { mark }: Words) {
  const every = Math.ceil(epochs / MOST_SAVED);
  const columns = curves.flatMap(({ values, published, part }): [string, (number | null)[]][] => [
    [part, values],
    ...(published === undefined ? [] : [[`${part}, ${mark}`, published] as [string, (number | null)[]]]),
  ]);
  const rows = Array.from({ length: Math.ceil(epochs / every) }, (_, index) => index * every)
    .map((index) => [index + 1, ...columns.map(([, values]) => values[index])]);
  return {
    csv: [["epoch", ...columns.map(([name]) => name)], ...rows],
    ...(every > 1 && { csvNote: `every ${every}th epoch` }),
  };
}

function shownNumber(value: number | null | undefined): string {
  return value === null || value === undefined ? "—" : shortNumber(value);
}

function shortNumber(value: number, digits = 6): string {
  return String(Number(value.toPrecision(digits))).replaceAll("-", "−");
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
