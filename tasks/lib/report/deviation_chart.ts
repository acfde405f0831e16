/** Claimed against obtained, as a Vega-Lite specification: plain data, nothing is drawn here. */

import { visible } from "../cli/visible.ts";
import type { TopLevelSpec } from "vega-lite";
import type { ScaledDeviation } from "./allowance.ts";
import { cut } from "./html.ts";
import { SCHEMA } from "./render_chart.ts";

/** Deviations beyond so many tolerances are drawn at the edge. */
const EDGE = 2.5;

/** Characters of a claim's name, and pixels that they take: Vega has no fonts to measure with, and takes too many. */
const LONGEST_NAME = 22;

const NAME_WIDTH = 175;

/** A row for each claim: how far obtained is from claimed, the tolerance being the band from −1 to 1. */
export function deviationChart(shown: readonly ScaledDeviation[]): TopLevelSpec {
  const values = shown.map(({ number, check, multiple }) => ({
    claim: `${number}  ${cut(visible(check.claim), LONGEST_NAME)}`,
    x: Math.max(-EDGE, Math.min(EDGE, multiple)),
    note: check.difference ?? "±0",
    verdict: check.verdict,
  }));
  const verdicts = ["identical", "within tolerance", "different"];
  return {
    $schema: SCHEMA,
    padding: 4,
    width: 190,
    height: { step: 26 },
    data: { values },
    encoding: {
      y: {
        field: "claim",
        type: "nominal",
        sort: null,
        title: null,
        axis: { domain: false, ticks: false, labelAlign: "left", labelPadding: NAME_WIDTH, labelLimit: 300 },
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
