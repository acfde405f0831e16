/** Charts as SVG, drawn by Vega without a browser. The only module that loads the plotting library. */

import { parse, View } from "vega";
import { compile, type Config, type TopLevelSpec } from "vega-lite";
import { type CsvCell, csvRows } from "./components.ts";
import { Html, html } from "./html.ts";

export const SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json";

/** Width of a chart's plot in its own pixels; the page scales it. */
export const CHART_WIDTH = 340;

/** A chart grows with its column up to this. */
const LARGEST_SCALE = 1.15;

/** Colours are the page's, so that one drawing serves light and dark. */
const CONFIG: Config = {
  background: "transparent",
  font: "inherit",
  view: { stroke: null },
  axis: {
    labelColor: "var(--muted)",
    labelFontSize: 12,
    titleColor: "var(--muted)",
    titleFontSize: 12,
    titleFontWeight: "normal",
    gridColor: "var(--line)",
    domainColor: "var(--rule)",
    tickColor: "var(--rule)",
  },
  axisY: { minExtent: 40 },
  legend: { labelColor: "var(--ink)", labelFontSize: 12, titleFontSize: 12, titleColor: "var(--muted)" },
  text: { color: "var(--ink)" },
};

/**
 * Draws a chart.
 *
 * @param id of the SVG, unique in the page
 * @param title what it shows, for those who do not see it
 * @param description what is to be seen in it
 * @param csv what it is drawn from: a row of names and rows of values, which can be saved, and what to say of them
 */
export async function renderChart(
  spec: TopLevelSpec,
  { id, title, description, csv, csvNote }: {
    id: string;
    title: string;
    description: string;
    csv: readonly (readonly CsvCell[])[];
    csvNote?: string;
  },
): Promise<Html> {
  const svg = await draw(spec, CONFIG);
  const [, size = "", drawing = ""] = /^<svg[^>]*?viewBox="([^"]*)"[^>]*>(.*)<\/svg>$/s.exec(svg) ?? [];
  const width = Math.round(Number(size.split(" ")[2]) * LARGEST_SCALE);
  return html`
    <svg class="chart" id="${id}" role="img" aria-labelledby="${id}-title ${id}-description"
      viewBox="${size}"
      style="max-width:${width}px">
        <title id="${id}-title">${title}</title>
        <desc id="${id}-description">${description}</desc>
        ${new Html(shorten(withoutRoles(drawing)))}
      </svg>${csvRows(csv, csvNote)}
  `;
}

/** The drawing is one image with a title and a description; its marks are not images of their own. */
function withoutRoles(drawing: string): string {
  return drawing.replace(/<[a-z][^>]*>/g, (tag) => tag.replace(/ (?:role|aria-[a-z]+)="[^"]*"/g, ""));
}

/** Coordinates to a hundredth of a pixel instead of to the last bit. */
function shorten(drawing: string): string {
  return drawing.replace(
    / (?:d|transform)="[^"]*"/g,
    (attribute) =>
      attribute.replace(/\d+\.\d{3,}/g, (number) => String(Math.round(Number(number) * 100) / 100)),
  );
}

/** Draws a chart as a file of its own, on white, for where no page gives the colours. */
export async function renderChartFile(spec: TopLevelSpec): Promise<string> {
  return `${await draw(spec, { background: "white", font: "sans-serif", view: { stroke: null } })}\n`;
}

async function draw(spec: TopLevelSpec, config: Config): Promise<string> {
  const view = new View(parse(compile({ ...spec, config }).spec), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return svg;
}
