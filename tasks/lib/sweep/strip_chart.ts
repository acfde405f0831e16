/** The seeds of a claim as a strip, as a Vega-Lite specification: plain data, nothing is drawn here. */

import type { TopLevelSpec } from "vega-lite";
import type { Claim } from "../experiment/experiment.ts";
import { CHART_WIDTH, SCHEMA } from "../report/render_chart.ts";
import { type Interval, predictionInterval } from "../statistics/intervals.ts";
import { summarize } from "../statistics/summary.ts";

/** What is drawn beside the seeds. */
export interface Strip {
  values: { seed: string; value: number }[];
  /** The published number or mean; absent for a range. */
  published?: number;
  /** The authors' standard deviation to each side of their mean. */
  spread?: Interval;
  /** What the tolerance lets pass, or the range that is claimed; an open end is not limited. */
  band?: Partial<Interval>;
  /** Absent for one seed, and where all gave the same. */
  prediction?: Interval;
  mean: number;
}

/** What of a claim and its seeds is drawn. */
export function stripOf(
  { value, over, of, tolerance }: Claim,
  values: Strip["values"],
): Strip {
  const summary = summarize(values.map(({ value }) => value));
  const own = {
    values,
    mean: summary.mean,
    ...(summary.n > 1 && summary.sd > 0 && { prediction: predictionInterval(summary) }),
  };
  if (over?.kind === "count") return { ...own, band: { low: Number(over.above) } };
  if (typeof value === "object" && "kind" in value && value.kind === "range") {
    const { least, most } = value;
    return {
      ...own,
      band: {
        ...(least !== undefined && { low: Number(least) }),
        ...(most !== undefined && { high: Number(most) }),
      },
    };
  }
  const spread = typeof value === "object" && "kind" in value && value.kind === "spread" ? value : undefined;
  const published = spread === undefined ? Number(value) : Number(spread.mean);
  const [{ samples, absolute, relative } = {}] = tolerance;
  const margin = absolute ?? (relative !== undefined ? relative * Math.abs(published) : undefined) ??
    (samples === undefined ? 0 : of === undefined ? samples : 100 * samples / of);
  const sd = spread === undefined ? 0 : Number(spread.std);
  return {
    ...own,
    published,
    ...(sd > 0 && { spread: { low: published - sd, high: published + sd } }),
    ...(margin > 0 && { band: { low: published - margin, high: published + margin } }),
  };
}

/** More rings than this lie on each other, and take longer to draw than all else of the page. */
export const MOST_RINGS = 500;

/** Of more seeds, so many evenly among them by their values, the least and the largest included. */
function drawn(values: Strip["values"]): Strip["values"] {
  if (values.length <= MOST_RINGS) return values;
  const sorted = values.toSorted((a, b) => a.value - b.value);
  return Array.from(
    { length: MOST_RINGS },
    (_, ring) => sorted[Math.round(ring * (sorted.length - 1) / (MOST_RINGS - 1))]!,
  );
}

/** Rows of the chart, from above: the seeds, their prediction interval, what was published. */
const ROWS = { seeds: "seeds", prediction: "95 % prediction", published: "published" };

export function stripChart(strip: Strip, unit: string | undefined): TopLevelSpec {
  const { values, published, spread, band, prediction, mean } = strip;
  const ends = [
    ...values.map(({ value }) => value),
    ...[published, band?.low, band?.high, spread?.low, spread?.high, prediction?.low, prediction?.high]
      .flatMap((
        one,
      ) => one === undefined ? [] : [one]),
  ];
  const [least, most] = [Math.min(...ends), Math.max(...ends)];
  const margin = (most - least || 1) * 0.06;
  const domain = [least - margin, most + margin];
  const rows = Object.values(ROWS).filter((row) =>
    row === ROWS.seeds || (row === ROWS.prediction ? prediction : published) !== undefined
  );
  const x = { type: "quantitative" as const, scale: { domain, nice: false } };
  const rule = (row: string, { low, high }: Interval, color: string) => ({
    data: { values: [{ row, low, high }] },
    mark: { type: "rule" as const, strokeWidth: 2.5, color },
    encoding: { x: { field: "low", ...x }, x2: { field: "high" } },
  });
  const point = (row: string, value: number, color: string, shape: string) => ({
    data: { values: [{ row, value }] },
    mark: { type: "point" as const, filled: true, size: 95, opacity: 1, color, shape },
    encoding: { x: { field: "value", ...x } },
  });
  return {
    $schema: SCHEMA,
    padding: 4,
    width: CHART_WIDTH,
    height: { step: 34 },
    encoding: {
      y: { field: "row", type: "nominal", sort: rows, title: null, axis: { domain: false, ticks: false } },
    },
    layer: [
      ...(band === undefined ? [] : [{
        data: { values: [{}] },
        mark: { type: "rect" as const, color: "var(--good)", opacity: 0.14 },
        encoding: {
          x: { datum: Math.max(domain[0]!, band.low ?? -Infinity), ...x },
          x2: { datum: Math.min(domain[1]!, band.high ?? Infinity) },
          y: { value: 0 },
          y2: { value: "height" as const },
        },
      }]),
      {
        data: {
          values: drawn(values).map(({ value }, index) => ({
            row: ROWS.seeds,
            value,
            lift: (index % 5 - 2) / 2,
          })),
        },
        mark: { type: "point", size: 45, color: "var(--series-1)", opacity: 0.85 },
        encoding: {
          x: { field: "value", ...x, title: unit ?? null },
          yOffset: { field: "lift", type: "quantitative", scale: { domain: [-1.6, 1.6] } },
        },
      },
      ...(prediction === undefined ? [] : [
        rule(ROWS.prediction, prediction, "var(--series-1)"),
        point(ROWS.prediction, mean, "var(--series-1)", "diamond"),
      ]),
      ...(spread === undefined ? [] : [rule(ROWS.published, spread, "var(--ink)")]),
      ...(published === undefined ? [] : [point(ROWS.published, published, "var(--ink)", "circle")]),
    ],
  } as TopLevelSpec;
}
