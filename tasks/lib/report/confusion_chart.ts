/** A confusion matrix as a Vega-Lite specification: plain data, nothing is drawn here. */

import { visible } from "../cli/visible.ts";
import type { TopLevelSpec } from "vega-lite";
import { cut } from "./html.ts";
import type { ConfusionMatrix } from "./predictions.ts";
import { SCHEMA } from "./render_chart.ts";

/** Pixels that a letter of an axis is wide, about. */
const LETTER = 6;

/** Labels against predictions; how strong a field is tells its share of the row. */
export function confusionChart({ classes, counts }: ConfusionMatrix): TopLevelSpec {
  const names = classes.map((name) => cut(visible(name), 14));
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
  const isUpright = names.some((name) => name.length * LETTER > side);
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
        axis: { labelAngle: isUpright ? -90 : 0, domain: false, ticks: false },
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
