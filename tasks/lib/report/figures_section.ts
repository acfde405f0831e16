/** The figures of a report: training curves against the published ones, confusion matrix, prediction grid. */

import type { Limits } from "./claims_section.ts";
import { confusionChart } from "./confusion_chart.ts";
import { curveChart, DASHES } from "./curve_chart.ts";
import { type ComparedCurve, curveDifferences, type Panel, panelsOf } from "./curves.ts";
import { type Content, cut, Html, html } from "./html.ts";
import { CURVE_FILES, type ReportData, type StepData } from "./report_data.ts";
import { details, section, table } from "./components.ts";
import { type ConfusionMatrix, confusionMatrix, samePredictions } from "./predictions.ts";
import { CHART_WIDTH, renderChart } from "./render_chart.ts";
import { pluralize } from "../cli/format.ts";

/** Pictures of curves for each step; what else it recorded is named. */
const MOST_PANELS = 2;

const MOST_CURVES = 4;

/** Steps whose curves are drawn. */
const MOST_STEPS = 6;

/** Rows of the table below a picture. */
const MOST_ROWS = 60;

export async function figuresSection(data: ReportData, limits: Limits): Promise<Html | undefined> {
  const steps = data.steps.filter(({ curves }) => curves.length > 0).slice(0, MOST_STEPS);
  const curves = await Promise.all(steps.map((step, index) => curvesOfStep(data, step, `step-${index}`)));
  const figures: Content[] = [
    curves[0],
    ...curves.slice(1).map((figure, index) =>
      details(`The same of the step "${cut(steps[index + 1]!.name, 60)}"`, figure)
    ),
    html`<div class="figures">${await predictionsFigure(data)}${imageFigure(data.steps, limits)}</div>`,
  ];
  const isEmpty = steps.length === 0 &&
    data.steps.every(({ predictions, image }) => !predictions && !image);
  return isEmpty ? undefined : section("figures", "Figures", figures);
}

async function curvesOfStep(data: ReportData, step: StepData, id: string): Promise<Html> {
  const { experiment: { claims }, verdict: { checks } } = data.judged;
  const published = data.published?.steps.find(({ name }) => name === step.name)?.curves ?? [];
  const own = claims.filter(({ from }) => CURVE_FILES.some((file) => from.path === `${step.name}/${file}`));
  const panels = panelsOf(step.curves, published, { claims: own, checks });
  const shown = panels.slice(0, MOST_PANELS);
  const left = panels.slice(MOST_PANELS).map(({ title }) => cut(title, 40));
  const figures = await Promise.all(shown.map((panel, index) => curveFigure(panel, step, `${id}-${index}`)));
  return html`<div class="figures">${figures}</div>${
    left.length > 0 &&
    html`<p class="note">Not drawn, and in ${step.name}/${step.curvesFile}: ${left.slice(0, 20).join(", ")}${
      left.length > 20 && ` and ${left.length - 20} more`
    }.</p>`
  }`;
}

async function curveFigure({ title, curves }: Panel, step: StepData, id: string): Promise<Html> {
  const panel = { title: cut(title, 40), curves: curves.slice(0, MOST_CURVES) };
  const sentences = panel.curves.map((curve) => comparison(curve));
  const epochs = Math.max(...panel.curves.map(({ values }) => values.length));
  const hasPublished = panel.curves.some(({ published }) => published !== undefined);
  const chart = await renderChart(curveChart(panel), {
    id,
    title: `${panel.title} by epoch, step ${step.name}`,
    description: sentences.join(" "),
  });
  return html`<figure><figcaption><strong>${capital(panel.title)}</strong> by epoch, step ${step.name}. ${
    sentences.join(" ")
  } ${
    hasPublished &&
    `Below: this run minus the published values${
      hasBand(panel) ? "; shaded, what the tolerance lets pass" : ""
    }.`
  }${
    epochs > 2 * CHART_WIDTH &&
    ` Of ${
      epochs.toLocaleString("en")
    } epochs the picture holds the least and the largest value of each pixel column.`
  }</figcaption>
${legend(panel.curves)}${chart}${details("The values as a table", valuesTable(panel, epochs))}</figure>`;
}

function hasBand({ curves }: Panel): boolean {
  return curves.some(({ reach = 0, claimed }) => reach > 0 || claimed.some(({ reach }) => reach > 0));
}

/** How a curve stands to the published one, in a sentence. */
function comparison(curve: ComparedCurve): string {
  const name = cut(capital(curve.part), 40);
  const last = curve.values.findLast((value) => value !== null);
  const ends = `${name} ends at ${last === undefined ? "no number" : shortNumber(last!)}`;
  const { compared, equal, first, largest, largestSamples } = curveDifferences(curve);
  if (compared === 0) return `${ends}.`;
  if (equal === compared) return `${ends}, identical to the published values in all ${compared} epochs.`;
  const size = largestSamples === undefined
    ? shortNumber(largest, 2)
    : pluralize(largestSamples, "sample", { shown: shortNumber(largestSamples) });
  return `${ends}, identical to the published values in ${equal} of ${compared} epochs; the first to differ is ${first}, ` +
    `the largest difference ${size}.`;
}

function legend(curves: readonly ComparedCurve[]): Html {
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
  }${curves.some(({ published }) => published) && html`<li>${ring} published</li>`}${
    curves.some(({ claimed }) => claimed.length > 0) && html`<li>${diamond} claimed</li>`
  }</ul>`;
}

function valuesTable({ title, curves }: Panel, epochs: number): Html {
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
  ) => [part, ...(published === undefined ? [] : [`${part}, published`])]);
  return html`${every > 1 && html`<p class="note">Every ${every}th of ${epochs} epochs.</p>`}${
    table(
      `${title} by epoch`,
      ["epoch", ...columns].map((title) => ({ title, kind: "number" as const })),
      rows,
    )
  }`;
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

async function predictionsFigure({ steps, published }: ReportData): Promise<Html | undefined> {
  for (const { name, predictions } of steps) {
    const matrix = predictions && confusionMatrix(predictions);
    if (matrix === undefined) continue;
    const other = published?.steps.find((step) => step.name === name)?.predictions;
    const same = other && samePredictions(predictions!, other);
    const sentence = `${matrix.correct} of ${matrix.total} are on the diagonal.${
      same === undefined ? "" : ` ${same} of ${matrix.total} predictions are the same as the authors'.`
    }`;
    const chart = await renderChart(confusionChart(matrix), {
      id: "chart-confusion",
      title: `Confusion matrix, step ${name}`,
      description: sentence,
    });
    return html`<figure><figcaption><strong>Confusion matrix</strong>, step ${name}. ${sentence}</figcaption>${chart}${
      details("The counts as a table", matrixTable(matrix))
    }</figure>`;
  }
}

function matrixTable({ classes, counts }: ConfusionMatrix): Html {
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label="Confusion matrix as a table">
      <table class="plain">
        <caption class="unseen">Rows are labels, columns are predictions</caption>
        <thead>
          <tr><th scope="col">label</th>${classes.map((name) =>
            html`<th scope="col">${cut(name, 20)}</th>`
          )}</tr>
        </thead>
        <tbody>${counts.map((row, index) =>
          html`<tr><th scope="row">${cut(classes[index]!, 20)}</th>${
            row.map((count) => html`<td>${count}</td>`)
          }</tr>`
        )}</tbody>
      </table>
    </div>
  `;
}

function imageFigure(steps: readonly StepData[], { images }: Limits): Html | undefined {
  const step = steps.find(({ image }) => image !== undefined);
  if (step === undefined) return undefined;
  const file = `${step.name}/${step.image!.path}`;
  if (!images) return html`<p class="note">${file} is too large for this page.</p>`;
  const { mediaType, base64 } = step.image!;
  return html`
    <figure
      class="whole"><figcaption><strong>Predictions</strong>, ${file}.</figcaption><img src="${new Html(
        `data:${mediaType};base64,${base64}`,
      )}" alt="Grid of predicted samples, as the step ${step.name} drew it"></figure>
  `;
}
