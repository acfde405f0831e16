/** The GPU figures as a Vega-Lite specification: plain data, nothing is drawn here. */

import type { TopLevelSpec } from "vega-lite";
import { SCHEMA } from "../report/render_chart.ts";

/** What figures.py writes, as far as it is drawn here. */
export interface Figures {
  date: string;
  /** What was trained. */
  title?: string;
  /** cuda or cpu. */
  device: string;
  share: number;
  parts: {
    peak?: { device?: { name: string } };
    exact?: { first?: Training; again?: Training };
    features?: { again?: Training };
    published?: { seconds?: number; whole?: boolean };
  };
  summary?: { rates: { what: string; images_per_second: number }[] };
}

interface Training {
  seconds: number;
}

interface Bar {
  what: string;
  value: number;
}

const WIDTH = 420;

const BAR = 22;

/** The device in words: a card's name, or that there was none. */
export function deviceName({ device, parts }: Figures): string {
  return device === "cuda" ? parts.peak?.device?.name ?? "a GPU" : "a CPU, and no GPU";
}

/** `2026-11-25-nvidia-a100-sxm4-80gb`, or `2026-11-25-cpu`: nothing that a CPU did carries a GPU's name. */
export function fileName(figures: Figures): string {
  const name = figures.device === "cuda" ? deviceName(figures) : "cpu";
  return `${figures.date.slice(0, 10)}-${
    name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "")
  }`;
}

/** Images per second of everything, and the seconds of whole trainings. */
export function gpuChart(figures: Figures): TopLevelSpec {
  const rates = (figures.summary?.rates ?? []).map(({ what, images_per_second }) => ({
    what,
    value: images_per_second,
  }));
  const share = figures.share === 1 ? "" : `, ${figures.share} of the images`;
  return {
    $schema: SCHEMA,
    title: `${figures.title ?? "Training"} on ${deviceName(figures)}, ${figures.date.slice(0, 10)}${share}`,
    padding: 8,
    vconcat: [
      bars(rates, "images per second"),
      bars(seconds(figures), "seconds for the whole training, less is better"),
    ],
  } as TopLevelSpec;
}

/** Only of trainings that ran to their end. */
function seconds({ parts: { exact, features, published } }: Figures): Bar[] {
  const whole: [what: string, seconds: number | undefined][] = [
    ["published loop", published?.whole ? published.seconds : undefined],
    ["exact, the first time", exact?.first?.seconds],
    ["exact, images cached", exact?.again?.seconds],
    ["features, images cached", features?.again?.seconds],
  ];
  return whole.flatMap(([what, value]) => value === undefined ? [] : [{ what, value }]);
}

function bars(values: Bar[], title: string) {
  const y = { field: "what", type: "nominal", sort: null, title: null, axis: { labelLimit: 200 } };
  const x = { field: "value", type: "quantitative", title };
  return {
    width: WIDTH,
    height: { step: BAR },
    data: { values },
    layer: [
      { mark: { type: "bar", color: "#4c78a8" }, encoding: { x, y } },
      {
        mark: { type: "text", align: "left", dx: 4 },
        encoding: { x, y, text: { field: "value", type: "quantitative", format: ",.3~r" } },
      },
    ],
  };
}
