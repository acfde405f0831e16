/** What the authors' files say against themselves, as it was told before the run. */

import type { Limits } from "./claims_section.ts";
import { section } from "./components.ts";
import { cut, type Html, html } from "./html.ts";
import type { ReportData } from "./report_data.ts";

/** Nothing where there is nothing to tell. */
export function notesSection({ judged }: ReportData, { rows, text }: Limits): Html | undefined {
  const { notes = [] } = judged.plan.experiment;
  if (notes.length === 0) return undefined;
  return section(
    "notes",
    "Contradictions in what was published",
    html`<p class="note">These are the authors' own files, before the run; no verdict rests on them.</p>`,
    notes.slice(0, rows).map((note) => html`<pre>${cut(note, text * LINES)}</pre>`),
  );
}

/** A note has so many lines at most. */
const LINES = 8;
