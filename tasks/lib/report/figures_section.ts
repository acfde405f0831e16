/** The figures of a report: training curves against the published ones, confusion matrix, prediction grid. */

import type { Limits } from "./claims_section.ts";
import { confusionChart } from "./confusion_chart.ts";
import { curvePanels } from "./curve_figure.ts";
import { panelsOf } from "./curves.ts";
import { type Content, cut, Html, html } from "./html.ts";
import { CURVE_FILES, type ReportData, type StepData } from "./report_data.ts";
import { details, section } from "./components.ts";
import { type ConfusionMatrix, confusionMatrix, samePredictions } from "./predictions.ts";
import { renderChart } from "./render_chart.ts";

/** Steps whose curves are drawn. */
const MOST_STEPS = 6;

/** Undefined where no step left curves, predictions or images. */
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
  return await curvePanels(
    panels,
    { step: step.name, file: `${step.name}/${step.curvesFile}`, ...BESIDE },
    id,
  );
}

const BESIDE = { run: "this run", other: "the published values", mark: "published" };

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
      csv: [
        ["label", ...matrix.classes],
        ...matrix.counts.map((row, index) => [matrix.classes[index], ...row]),
      ],
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
