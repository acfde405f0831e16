/** A badge for a README: how many claims hold, when, and in which image. */

import type { Evidence } from "../record/evidence.ts";
import type { Judged } from "../verdict/judge.ts";
import { cut, escape } from "./html.ts";
import { outcomeOf, type Tone } from "./outcome.ts";
import { isHeld } from "./text.ts";

const COLOURS: Record<Tone, string> = { good: "#17713f", bad: "#ad2318", unsure: "#7a5200" };

const HEIGHT = 20;

/** Pixels that a character takes on average at this size; the text is then fitted to it exactly. */
const CHARACTER = 6.6;

const PADDING = 8;

/** The badge as SVG of its own, e.g. `reproduced | 3 of 3 · 2026-11-24 · my-paper:cpu`. */
export function badge(judged: Judged, evidence: Evidence): string {
  const { tone, title } = outcomeOf(judged, evidence);
  const left = title.toLowerCase();
  const right = [heldOf(judged), evidence.created.slice(0, 10), imageOf(evidence)].filter(Boolean).join(
    " · ",
  );
  const [leftWidth, rightWidth] = [widthOf(left), widthOf(right)];
  const width = leftWidth + rightWidth;
  const label = escape(`${left}: ${right}`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${HEIGHT}" role="img" aria-label="${label}">
<title>${label}</title>
<clipPath id="round"><rect width="${width}" height="${HEIGHT}" rx="4"/></clipPath>
<g clip-path="url(#round)">
<rect width="${leftWidth}" height="${HEIGHT}" fill="#3b444d"/>
<rect x="${leftWidth}" width="${rightWidth}" height="${HEIGHT}" fill="${COLOURS[tone]}"/>
</g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">
${text(left, 0, leftWidth)}
${text(right, leftWidth, rightWidth)}
</g>
</svg>
`;
}

function heldOf({ verdict: { checks } }: Judged): string {
  const applicable = checks.filter(({ verdict }) => verdict !== "not applicable");
  return applicable.length === 0 ? "" : `${applicable.filter(isHeld).length} of ${applicable.length}`;
}

/** The image's name without its registry and owner, or where else it ran. */
function imageOf({ attempts, engine }: Evidence): string {
  const image = attempts.at(-1)?.environment.image?.name;
  return cut(image?.split("/").at(-1) ?? engine.name, 50);
}

function widthOf(text: string): number {
  return Math.round(text.length * CHARACTER) + 2 * PADDING;
}

function text(content: string, x: number, width: number): string {
  return `<text x="${x + PADDING}" y="14" textLength="${width - 2 * PADDING}">${escape(content)}</text>`;
}
