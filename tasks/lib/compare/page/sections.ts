/** What differs between two runs, as sections of their page: curves, predictions, tensors, other values. */

import { pluralize } from "../../cli/format.ts";
import { code, details, section, table } from "../../report/components.ts";
import { curvePanels } from "../../report/curve_figure.ts";
import { panelsOf } from "../../report/curves.ts";
import { cut, Html, html } from "../../report/html.ts";
import { renderChart } from "../../report/render_chart.ts";
import type { Comparison, FileDifference } from "../compare_runs.ts";
import type { Deviation } from "../deviations.ts";
import { deviationRows, showCell, tensorRow, TENSORS_HEADER, VALUES_HEADER } from "../show_details.ts";
import { describeTensor, type TensorsDifference } from "../tensors.ts";
import { type Drawn, type Limits, pictureKey } from "./drawn.ts";
import { MOST_BARS, tensorChart } from "./tensor_chart.ts";

/** Steps whose curves are drawn. */
const MOST_STEPS = 6;

/** Curves of B over those of A, step by step. */
export async function curvesSection({ a, b }: Drawn): Promise<Html | undefined> {
  const steps = b.steps.filter(({ curves }) => curves.length > 0).slice(0, MOST_STEPS);
  if (steps.length === 0) return undefined;
  const figures = await Promise.all(steps.map(async ({ name, curves, curvesFile }, index) => {
    const others = a.steps.find((step) => step.name === name)?.curves ?? [];
    const panels = panelsOf(curves, others, { claims: [], checks: [] });
    const words = {
      ...{ step: cut(name, 60), file: `${name}/${curvesFile}`, run: "B", other: "A", mark: "A" },
      key: "Lines are B, rings or dots are A.",
    };
    const figure = await curvePanels(panels, words, `curves-${index}`);
    return index === 0 ? figure : details(`The same of the step "${cut(name, 60)}"`, figure);
  }));
  return section("curves", "Curves over each other", figures);
}

type Values = FileDifference & { detail: { kind: "values" } };

function valuesOf({ files }: Comparison): Values[] {
  return files.differing.filter((file): file is Values =>
    file.detail.kind === "values" && file.incidental === undefined
  );
}

function isOfInterest({ incidental }: Deviation): boolean {
  return incidental === undefined;
}

/** Predictions that flipped, with the pictures that they are about where those can be had. */
export function predictionsSection(
  comparison: Comparison,
  { pictures }: Drawn,
  limits: Limits,
): Html | undefined {
  const flips = valuesOf(comparison).flatMap(({ path, detail }) =>
    detail.deviations.filter(isOfInterest).filter(({ flipped }) => flipped !== undefined)
      .map((deviation) => ({ path, deviation }))
  );
  if (flips.length === 0) return undefined;
  const { text } = limits;
  return section(
    "predictions",
    "Predictions that flipped",
    flips.slice(0, limits.rows).map(({ path, deviation: { quantity, points, deviating, flipped = [] } }) => {
      const hasLabels = flipped.some(({ label }) => label !== undefined);
      const pictureOf = ({ picture }: typeof flipped[number]) =>
        limits.pictures && picture !== undefined ? pictures.get(pictureKey(path, picture)) : undefined;
      const hasPictures = flipped.some((point) => pictureOf(point) !== undefined);
      return html`
        <h3>${code(cut(path, text))}, ${cut(quantity, text)}</h3>
        <p>${deviating} of ${points} differ${flipped.length < deviating &&
          `; the first ${flipped.length} are shown`}.</p>
        ${table(
          `Predictions of ${quantity} that flipped`,
          [
            ...(hasPictures ? [{ title: "Picture" }] : []),
            { title: "Sample" },
            ...(hasLabels ? [{ title: "Label" }] : []),
            { title: "A" },
            { title: "B" },
          ],
          flipped.map((point) => {
            const address = pictureOf(point);
            const isRight = (value: typeof point.a) => hasLabels && value === point.label && " ✓";
            return [
              ...(hasPictures
                ? [
                  address === undefined
                    ? "—"
                    : html`<img class="sample" src="${new Html(address)}" alt="${
                      cut(point.picture!, text)
                    }">`,
                ]
                : []),
              cut(point.at, text),
              ...(hasLabels ? [point.label === undefined ? "—" : showCell(point.label)] : []),
              html`${showCell(point.a)}${isRight(point.a)}`,
              html`${showCell(point.b)}${isRight(point.b)}`,
            ];
          }),
        )}
      `;
    }),
  );
}

/** Tensors by the size of their difference, file by file. */
export async function tensorsSection({ files }: Comparison, limits: Limits): Promise<Html | undefined> {
  const differing = files.differing.flatMap(({ path, detail, incidental }) =>
    detail.kind === "tensors" && incidental === undefined ? [{ path, detail }] : []
  );
  if (differing.length === 0) return undefined;
  const parts = await Promise.all(
    differing.slice(0, MOST_FILES).map(({ path, detail }, index) =>
      tensorsOfFile(path, detail, index, limits)
    ),
  );
  const left = differing.slice(MOST_FILES).map(({ path }) => path);
  return section(
    "tensors",
    "Tensors by size of difference",
    parts,
    left.length > 0 &&
      html`<p class="note">Not shown: ${cut(left.join(", "), limits.text)}; --json has all.</p>`,
  );
}

/** Files whose tensors are listed. */
const MOST_FILES = 6;

async function tensorsOfFile(
  path: string,
  { equal, differing, problems }: TensorsDifference,
  index: number,
  { rows, text }: Limits,
): Promise<Html> {
  const drawn = differing.filter(({ relative }) => relative > 0).slice(0, MOST_BARS);
  const sentence = `${equal} of ${
    pluralize(equal + differing.length, "tensor")
  } are equal to the bit, ${differing.length} differ.`;
  const columns = TENSORS_HEADER.map((title) => ({
    title,
    ...(/^(?:largest ULP|relative|absolute)$/.test(title) && { kind: "number" as const }),
  }));
  return html`
    <h3>${code(cut(path, text))}</h3>
    <p>${sentence}</p>
    ${drawn.length > 0 &&
      html`<figure><figcaption><strong>Largest relative difference</strong> of each tensor, ${
        drawn.length < differing.length && `the ${drawn.length} largest, `
      }on a logarithmic scale.</figcaption>${await renderChart(tensorChart(drawn), {
        id: `tensors-${index}`,
        title: `Largest relative difference of each tensor of ${cut(path, 60)}`,
        description: sentence,
        csv: [
          ["tensor", "type", "elements", "differing", "largest ULP", "relative", "absolute"],
          ...differing.slice(0, rows).map((one) => [
            ...[one.name, describeTensor(one), one.elements, one.differing],
            ...[one.ulp, one.relative, one.absolute],
          ]),
        ],
      })}</figure>`}
    ${differing.length > 0 &&
      table(`Tensors of ${path} that differ, the largest relative difference first`, columns, [
        ...differing.slice(0, rows).map(tensorRow),
      ])}
    ${differing.length > rows && html`<p class="note">${differing.length - rows} more are in --json.</p>`}
    ${problems.length > 0 &&
      html`<ul>${problems.slice(0, rows).map((problem) => html`<li>${cut(problem, text)}</li>`)}</ul>`}
  `;
}

/** Every other quantity that differs, and files that are no tables. */
export function valuesSection({ files }: Comparison, { rows, text }: Limits): Html | undefined {
  const differing = files.differing.filter(({ incidental }) => incidental === undefined);
  const parts = differing.slice(0, rows).flatMap(({ path, detail }) => {
    const content = contentOf(detail, { rows, text });
    return content === undefined ? [] : [html`<h3>${code(cut(path, text))}</h3>${content}`];
  });
  return parts.length === 0 ? undefined : section("values", "Values that differ", parts);
}

function contentOf(detail: FileDifference["detail"], { rows, text }: Pick<Limits, "rows" | "text">) {
  switch (detail.kind) {
    case "values": {
      const shown = detail.deviations.filter(isOfInterest).filter(({ flipped }) => flipped === undefined);
      if (shown.length + detail.problems.length === 0) return undefined;
      return html`${
        shown.length > 0 && table(
          "Quantities that differ",
          VALUES_HEADER.map((title, index) => ({ title, ...(index > 2 && { kind: "number" as const }) })),
          shown.slice(0, rows).flatMap(deviationRows),
        )
      }${
        shown.length > rows && html`<p class="note">${shown.length - rows} more quantities are in --json.</p>`
      }${list(detail.problems, rows, text)}`;
    }
    case "notebook":
      return list(detail.cells, rows, text);
    case "text":
      return html`
        <p>The first line that differs is ${detail.line}.</p>
        <pre><code>A: ${cut(detail.a, text)}
        B: ${cut(detail.b, text)}</code></pre>
      `;
    case "bytes":
      return html`<p>Other bytes from byte ${detail.at} on.</p>`;
    case "tensors":
    case "hash":
    case "record":
      return undefined;
  }
}

function list(lines: readonly string[], rows: number, text: number): Html | false {
  return lines.length > 0 &&
    html`<ul>${lines.slice(0, rows).map((line) => html`<li>${cut(line, text)}</li>`)}</ul>`;
}
