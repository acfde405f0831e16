/** Differences of tensors as a Vega-Lite specification: plain data, nothing is drawn here. */

import type { TopLevelSpec } from "vega-lite";
import { visible } from "../../cli/visible.ts";
import { cut } from "../../report/html.ts";
import { CHART_WIDTH, SCHEMA } from "../../report/render_chart.ts";
import type { TensorDifference } from "../tensors.ts";

/** More bars than this are a table only. */
export const MOST_BARS = 30;

/** Characters of a tensor's name; its end tells more than its beginning. */
const LONGEST_NAME = 34;

/** A bar for each tensor, in the order given; on a logarithmic scale bars have no zero to begin at, so they are points. */
export function tensorChart(tensors: readonly TensorDifference[]): TopLevelSpec {
  const values = tensors.map(({ name, relative }, index) => ({
    tensor: `${index + 1}  ${shortName(visible(name))}`,
    relative,
  }));
  return {
    $schema: SCHEMA,
    padding: 4,
    width: CHART_WIDTH,
    height: { step: 20 },
    data: { values },
    encoding: {
      y: {
        field: "tensor",
        type: "nominal",
        sort: null,
        title: null,
        axis: { domain: false, ticks: false, grid: true, labelLimit: 300 },
      },
      x: {
        field: "relative",
        type: "quantitative",
        title: "largest relative difference",
        scale: { type: "log" },
        axis: { format: ".0e", tickCount: 6, labelOverlap: true },
      },
    },
    mark: { type: "point", filled: true, size: 70, opacity: 1, color: "var(--series-1)" },
  };
}

function shortName(name: string): string {
  return name.length <= LONGEST_NAME ? name : `…${cut(name.slice(1 - LONGEST_NAME), LONGEST_NAME)}`;
}
