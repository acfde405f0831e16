/** What the charts show, as Vega-Lite specifications: plain data, nothing is drawn here. */

import type { TopLevelSpec } from "vega-lite";
import { type ComparedCurve, departures, type Panel } from "./curves.ts";
import type { Deviation } from "./deviation.ts";
import { downsample, type Point } from "./downsample.ts";
import { cut, printable } from "./html.ts";
import type { ConfusionMatrix } from "./predictions.ts";
import { CHART_WIDTH } from "./render_chart.ts";

const SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json";
const SERIES = ["var(--series-1)", "var(--series-2)", "var(--series-3)", "var(--series-4)"];
/** Published values are drawn as rings up to so many epochs, as a broken line beyond. */
const MOST_RINGS = 60;
/** Deviations beyond so many tolerances are drawn at the edge. */
const EDGE = 2.5;

interface Row extends Point {
  part: string;
}

/** Curves of a run over those published, and below them the difference, with what the tolerance lets pass. */
export function curveChart({ curves, title }: Panel): TopLevelSpec {
  const parts = curves.map(({ part }) => printable(part));
  const last = Math.max(...curves.map(({ values }) => values.length));
  const x = {
    field: "x",
    type: "quantitative" as const,
    scale: { domain: [1, last], nice: false },
    axis: { grid: false, tickMinStep: 1, format: "d", tickCount: 8 },
  };
  const color = {
    field: "part",
    type: "nominal" as const,
    scale: { domain: parts, range: SERIES },
    legend: null,
  };
  const published = rowsOf(curves, ({ published = [] }) => published);
  const rings = last <= MOST_RINGS;
  const upper = {
    width: CHART_WIDTH,
    height: 190,
    layer: [
      {
        data: { values: rowsOf(curves, ({ values }) => values) },
        mark: { type: "line" as const, strokeWidth: 2, strokeJoin: "round" as const },
        encoding: {
          strokeDash: { ...color, scale: { domain: parts, range: [[1, 0], [6, 3], [2, 2], [8, 2, 2, 2]] } },
        },
      },
      {
        data: { values: published },
        mark: rings
          ? { type: "point" as const, size: 44, filled: false, strokeWidth: 1.3, fill: "var(--paper)" }
          : { type: "line" as const, strokeWidth: 1, strokeDash: [1, 3], opacity: 0.9 },
      },
      {
        data: { values: claimedRows(curves) },
        mark: { type: "point" as const, shape: "diamond", size: 110, filled: false, strokeWidth: 2 },
      },
    ],
    encoding: {
      x: { ...x, title: null },
      y: { field: "y", type: "quantitative" as const, title: printable(title), scale: { zero: false } },
      color,
    },
  };
  return {
    $schema: SCHEMA,
    padding: 4,
    spacing: 14,
    vconcat: [upper, ...differenceChart(curves, x, color)],
  } as TopLevelSpec;
}

function differenceChart(curves: ComparedCurve[], x: object, color: object) {
  const rows = rowsOf(
    curves.filter(({ published }) => published !== undefined),
    (curve) => departures(curve).differences,
  );
  if (rows.length === 0) return [];
  const bands = curves.flatMap(({ part, reach: whole = 0, claimed }) => {
    const reach = Math.max(whole, ...claimed.map(({ reach }) => reach));
    return reach > 0 ? [{ low: -reach, high: reach, part: printable(part) }] : [];
  });
  const largest = Math.max(...bands.map(({ high }) => high), ...rows.map(({ y }) => Math.abs(y))) * 1.25 || 1;
  const y = {
    type: "quantitative" as const,
    title: "difference",
    scale: { domain: [-largest, largest], nice: false },
    axis: { tickCount: 3, format: ".2~g" },
  };
  return [{
    width: CHART_WIDTH,
    height: 64,
    layer: [
      {
        data: { values: bands },
        mark: { type: "rect" as const, opacity: 0.13 },
        encoding: { y: { ...y, field: "low" }, y2: { field: "high" }, color },
      },
      {
        data: { values: rows },
        mark: {
          type: "line" as const,
          strokeWidth: 1.6,
          point: rows.length <= 4 * MOST_RINGS ? { size: 22 } : false,
        },
        encoding: { x: { ...x, title: "epoch" }, y: { ...y, field: "y" }, color },
      },
    ],
  }];
}

function rowsOf(
  curves: readonly ComparedCurve[],
  pick: (curve: ComparedCurve) => readonly (number | null)[],
): Row[] {
  return curves.flatMap((curve) => {
    const points = pick(curve).flatMap((y, index) => y === null ? [] : [{ x: index + 1, y }]);
    return downsample(points, CHART_WIDTH).map((point) => ({ ...point, part: printable(curve.part) }));
  });
}

function claimedRows(curves: readonly ComparedCurve[]): Row[] {
  return curves.flatMap(({ claimed, part }) =>
    claimed.map(({ epoch, value }) => ({ x: epoch, y: value, part: printable(part) }))
  );
}

/** A row for each claim: how far obtained is from claimed, the tolerance being the band from −1 to 1. */
export function deviationChart(shown: readonly Deviation[]): TopLevelSpec {
  const values = shown.map(({ number, check, multiple }) => ({
    claim: `${number}  ${cut(printable(check.claim), 40)}`,
    x: Math.max(-EDGE, Math.min(EDGE, multiple)),
    note: check.difference ?? "±0",
    verdict: check.verdict,
  }));
  const verdicts = ["identical", "within tolerance", "different"];
  return {
    $schema: SCHEMA,
    padding: 4,
    width: 230,
    height: { step: 26 },
    data: { values },
    encoding: {
      y: {
        field: "claim",
        type: "nominal",
        sort: null,
        title: null,
        axis: { domain: false, ticks: false, labelLimit: 300 },
      },
    },
    layer: [
      {
        data: { values: [{}] },
        mark: { type: "rect", color: "var(--good)", opacity: 0.14 },
        encoding: { x: { datum: -1 }, x2: { datum: 1 }, y: { value: 0 }, y2: { value: "height" } },
      },
      {
        mark: { type: "point", size: 90, filled: true, opacity: 1 },
        encoding: {
          x: {
            field: "x",
            type: "quantitative",
            title: "obtained − claimed, in tolerances",
            scale: { domain: [-EDGE, EDGE] },
            axis: { values: [-2, -1, 0, 1, 2] },
          },
          color: {
            field: "verdict",
            type: "nominal",
            scale: { domain: verdicts, range: ["var(--good)", "var(--good)", "var(--bad)"] },
            legend: null,
          },
          shape: {
            field: "verdict",
            type: "nominal",
            scale: { domain: verdicts, range: ["circle", "diamond", "cross"] },
            legend: null,
          },
        },
      },
      {
        mark: { type: "text", align: "left", dx: 9, fontSize: 11 },
        encoding: { x: { field: "x", type: "quantitative" }, text: { field: "note", type: "nominal" } },
      },
    ],
  };
}

/** Labels against predictions; how strong a field is tells its share of the row. */
export function confusionChart({ classes, counts }: ConfusionMatrix): TopLevelSpec {
  const names = classes.map((name) => cut(printable(name), 14));
  const values = counts.flatMap((row, label) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, predicted) => ({
      label: names[label],
      predicted: names[predicted],
      count: count === 0 ? "" : String(count),
      strength: count === 0 ? 0 : label === predicted ? 0.15 + 0.35 * count / total : 0.3,
      right: label === predicted ? "right" : "wrong",
    }));
  });
  const side = Math.max(20, Math.floor(340 / names.length));
  return {
    $schema: SCHEMA,
    padding: 4,
    width: { step: side },
    height: { step: Math.min(side, 30) },
    data: { values },
    encoding: {
      x: {
        field: "predicted",
        type: "nominal",
        sort: names,
        axis: { labelAngle: 0, domain: false, ticks: false },
      },
      y: { field: "label", type: "nominal", sort: names, axis: { domain: false, ticks: false } },
    },
    layer: [
      {
        mark: { type: "rect", stroke: "var(--line)", strokeWidth: 1 },
        encoding: {
          fill: {
            field: "right",
            type: "nominal",
            scale: { domain: ["right", "wrong"], range: ["var(--series-1)", "var(--bad)"] },
            legend: null,
          },
          fillOpacity: { field: "strength", type: "quantitative", scale: null, legend: null },
        },
      },
      { mark: { type: "text", fontSize: 12 }, encoding: { text: { field: "count", type: "nominal" } } },
    ],
  };
}
