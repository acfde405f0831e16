/** Learning curves of many members as a fan, as a Vega-Lite specification: plain data, nothing is drawn here. */

import type { TopLevelSpec } from "vega-lite";
import { visible } from "../cli/visible.ts";
import { CHART_WIDTH, SCHEMA } from "../report/render_chart.ts";
import type { Fan } from "./member_curves.ts";

/** The median, the half around it, and all. */
export function fanChart({ title, points }: Fan): TopLevelSpec {
  const x = {
    field: "epoch",
    type: "quantitative" as const,
    title: "epoch",
    scale: { domain: [points[0]!.epoch, points.at(-1)!.epoch], nice: false },
    axis: { grid: false, tickMinStep: 1, format: "d", tickCount: 8 },
  };
  const y = (field: string) => ({
    field,
    type: "quantitative" as const,
    title: visible(title),
    scale: { zero: false },
  });
  const band = (low: string, high: string, opacity: number) => ({
    mark: { type: "area" as const, color: "var(--series-1)", opacity },
    encoding: { x, y: y(low), y2: { field: high } },
  });
  return {
    $schema: SCHEMA,
    padding: 4,
    width: CHART_WIDTH,
    height: 170,
    data: { values: points },
    layer: [
      band("least", "most", 0.16),
      band("low", "high", 0.28),
      {
        mark: { type: "line", color: "var(--series-1)", strokeWidth: 2 },
        encoding: { x, y: y("median") },
      },
    ],
  } as TopLevelSpec;
}
