/** The verdict on a whole run as a reader meets it first: a tone, a sign, a few words. */

import type { Evidence } from "../record/evidence.ts";
import type { Check, Verdict } from "../record/verdict.ts";
import type { Judged } from "../verdict/judge.ts";
import { conclude, type Findings, isHeld } from "./text.ts";

/** Colour and sign; `unsure` is what neither holds nor fails, such as an inconclusive claim. */
export type Tone = "good" | "bad" | "unsure";

export interface Outcome {
  tone: Tone;
  /** E.g. `Reproduced`. */
  title: string;
  /** E.g. `3 of 3 claims hold`; may be empty. */
  detail: string;
}

export function outcomeOf({ verdict, experiment }: Judged, { status }: Evidence): Outcome {
  return outcomeFrom({ ...verdict, status, claims: experiment.claims.length });
}

/** The same from a run's findings; a list of runs knows no more than these. */
export function outcomeFrom(findings: Findings): Outcome {
  const [title = "", ...rest] = conclude(findings).split(/: |\. | (?=for a run)/);
  return { tone: toneOf(findings), title, detail: rest.join(": ") };
}

function toneOf({ status, checks, altered }: Findings): Tone {
  if (altered.length > 0 || status === "failed") return "bad";
  if (status !== "done") return "unsure";
  const applicable = checks.filter(({ verdict }) => verdict !== "not applicable");
  if (applicable.length === 0) return "unsure";
  return applicable.every(isHeld) ? "good" : "bad";
}

/** The sign beside every colour, so that no colour stands alone. */
export const SIGNS: Record<Tone, string> = { good: "✓", bad: "✗", unsure: "–" };

const TONES: Record<Verdict, Tone> = {
  "identical": "good",
  "within tolerance": "good",
  "consistent": "good",
  "equivalent": "good",
  "inconclusive": "unsure",
  "different": "bad",
  "missing": "bad",
  "not applicable": "unsure",
};

/** Of one claim's verdict. */
export function toneOfVerdict(verdict: Verdict): Tone {
  return TONES[verdict] ?? "unsure";
}

/** `2 identical, 1 within tolerance`, in the order of the verdict ladder. */
export function countVerdicts(checks: readonly Check[]): string {
  const counts = Object.keys(TONES).map((verdict) => ({
    verdict,
    count: checks.filter((check) => check.verdict === verdict).length,
  }));
  return counts.filter(({ count }) => count > 0).map(({ count, verdict }) => `${count} ${verdict}`).join(
    ", ",
  );
}

/** Where the run was, in a few words: `docker, image my-paper:cpu`, or `host`. */
export function placeOf({ engine, attempts }: Evidence): string {
  const image = attempts.at(-1)?.environment.image;
  return image === undefined ? engine.name : `${engine.name}, image ${image.name}`;
}
