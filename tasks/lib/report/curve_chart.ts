/** Training curves as a Vega-Lite specification: plain data, nothing is drawn here. */

import type { TopLevelSpec } from "vega-lite";
import { visible } from "../cli/visible.ts";
import { type ComparedCurve, curveDifferences, type Panel } from "./curves.ts";
import { CHART_WIDTH, SCHEMA } from "./render_chart.ts";

const COLOURS = ["var(--series-1)", "var(--series-2)", "var(--series-3)", "var(--series-4)"];

/** Dashes of the curves of a panel, so that they are told apart without colours, too. */
export const DASHES = [[1, 0], [6, 3], [2, 2], [8, 2, 2, 2]];

/** Published values are drawn as rings up to so many epochs, as a dotted line beyond. */
const MOST_RINGS = 60;

interface Row extends Point {
  part: string;
}

const y = { field: "y", type: "quantitative" as const };

/** Curves of a run over those published, and below them the difference, with what the tolerance lets pass. */
export function curveChart({ curves, title }: Panel): TopLevelSpec {
  const epochs = Math.max(...curves.map(({ values }) => values.length));
  const axes = axesOf(curves, epochs);
  const curvesOverPublished = {
    width: CHART_WIDTH,
    height: 190,
    layer: [runLayer(curves), publishedLayer(curves, epochs), claimedLayer(curves)],
    encoding: {
      x: { ...axes.x, title: null },
      y: { ...y, title: visible(title), scale: { zero: false } },
      color: axes.color,
    },
  };
  const parts = [curvesOverPublished, ...differenceChart(curves, axes)];
  return { $schema: SCHEMA, padding: 4, spacing: 14, vconcat: parts } as TopLevelSpec;
}

type Axes = ReturnType<typeof axesOf>;

function axesOf(curves: readonly ComparedCurve[], epochs: number) {
  return {
    x: {
      field: "x",
      type: "quantitative" as const,
      scale: { domain: [1, epochs], nice: false },
      axis: { grid: false, tickMinStep: 1, format: "d", tickCount: 8 },
    },
    color: {
      field: "part",
      type: "nominal" as const,
      scale: { domain: curves.map(({ part }) => visible(part)), range: COLOURS },
      legend: null,
    },
  };
}

function runLayer(curves: readonly ComparedCurve[]) {
  const scale = { domain: curves.map(({ part }) => visible(part)), range: DASHES };
  return {
    data: { values: rowsOf(curves, ({ values }) => values) },
    mark: { type: "line", strokeWidth: 2, strokeJoin: "round" },
    encoding: { strokeDash: { field: "part", type: "nominal", scale, legend: null } },
  };
}

function publishedLayer(curves: readonly ComparedCurve[], epochs: number) {
  return {
    data: { values: rowsOf(curves, ({ published = [] }) => published) },
    mark: epochs <= MOST_RINGS
      ? { type: "point", size: 44, filled: false, strokeWidth: 1.3, fill: "var(--paper)" }
      : { type: "line", strokeWidth: 1, strokeDash: [1, 3], opacity: 0.9 },
  };
}

function claimedLayer(curves: readonly ComparedCurve[]) {
  const values = curves.flatMap(({ claimed, part }) =>
    claimed.map(({ epoch, value }) => ({ x: epoch, y: value, part: visible(part) }))
  );
  return {
    data: { values },
    mark: { type: "point", shape: "diamond", size: 110, filled: false, strokeWidth: 2 },
  };
}

function differenceChart(curves: ComparedCurve[], { x, color }: Axes) {
  const comparable = curves.filter(({ published }) => published !== undefined);
  const rows = rowsOf(comparable, (curve) => curveDifferences(curve).differences);
  if (rows.length === 0) return [];
  const bands = bandsOf(comparable);
  const largest = Math.max(...bands.map(({ high }) => high), ...rows.map(({ y }) => Math.abs(y))) * 1.25 || 1;
  const difference = {
    type: "quantitative",
    title: "difference",
    scale: { domain: [-largest, largest], nice: false },
    axis: { tickCount: 3, format: ".2~g" },
  };
  const point = rows.length <= 4 * MOST_RINGS ? { size: 22 } : false;
  return [{
    width: CHART_WIDTH,
    height: 64,
    layer: [
      {
        data: { values: bands },
        mark: { type: "rect", opacity: 0.13 },
        encoding: { y: { ...difference, field: "low" }, y2: { field: "high" }, color },
      },
      {
        data: { values: rows },
        mark: { type: "line", strokeWidth: 1.6, point },
        encoding: { x: { ...x, title: "epoch" }, y: { ...difference, field: "y" }, color },
      },
    ],
  }];
}

/** What the tolerance of each curve lets pass, in the curve's own colour. */
function bandsOf(curves: readonly ComparedCurve[]) {
  return curves.flatMap(({ part, reach: whole = 0, claimed }) => {
    const reach = Math.max(whole, ...claimed.map(({ reach }) => reach));
    return reach > 0 ? [{ low: -reach, high: reach, part: visible(part) }] : [];
  });
}

function rowsOf(
  curves: readonly ComparedCurve[],
  pick: (curve: ComparedCurve) => readonly (number | null)[],
): Row[] {
  return curves.flatMap((curve) => {
    const points = pick(curve).flatMap((y, index) => y === null ? [] : [{ x: index + 1, y }]);
    return downsample(points, CHART_WIDTH).map((point) => ({ ...point, part: visible(curve.part) }));
  });
}

/** In the units of the data. */
export interface Point {
  x: number;
  y: number;
}

/**
 * At most two points for each column, and the first and the last: a peak of one epoch in ten thousand stays visible.
 *
 * @param points in the order of x
 * @param columns width of the picture in pixels
 */
export function downsample(points: readonly Point[], columns: number): Point[] {
  if (points.length <= 2 * columns) return [...points];
  const kept = new Set<Point>([points[0]!, points.at(-1)!]);
  for (let column = 0; column < columns; column++) {
    const from = Math.floor(column * points.length / columns);
    const to = Math.floor((column + 1) * points.length / columns);
    const [least, largest] = extremes(points, from, to);
    kept.add(least).add(largest);
  }
  return points.filter((point) => kept.has(point));
}

function extremes(points: readonly Point[], from: number, to: number): [Point, Point] {
  let least = points[from]!;
  let largest = least;
  for (let index = from + 1; index < to; index++) {
    const point = points[index]!;
    if (point.y < least.y) least = point;
    if (point.y > largest.y) largest = point;
  }
  return [least, largest];
}
