/** The steps of a run in time. */

import { asCalled } from "../cli/program.ts";
import { bytes, duration, pluralize } from "../cli/format.ts";
import type { Evidence, StepEvidence } from "../record/evidence.ts";
import type { Limits } from "./claims_section.ts";
import { cut, type Html, html } from "./html.ts";
import type { ReportData } from "./report_data.ts";
import type { Tone } from "./outcome.ts";
import { pill, section, table } from "./components.ts";

const STEP_TONES: Record<string, Tone> = { done: "good", reused: "good", failed: "bad" };

/** Steps that were planned and did not run have a row without a bar. */
export function timelineSection({ evidence, judged }: ReportData, limits: Limits): Html {
  const planned = judged.plan.steps.map(({ name }) => name);
  const names = [...new Set([...planned, ...Object.keys(evidence.steps)])].slice(0, limits.rows);
  const times = Object.values(evidence.steps).flatMap(({ started, ended }) => [started, ended]).flatMap(
    seconds,
  );
  const span = { from: Math.min(...times), to: Math.max(...times) };
  const attempts = evidence.attempts.length;
  return section(
    "timeline",
    "Timeline",
    html`<p>${whenAndHow(evidence)}${attempts > 1 && `, in ${attempts} attempts`}.</p>`,
    names.length > 0 && table("Steps with their times", [
      { title: "Step" },
      { title: "Status" },
      { title: "Started", kind: "number" },
      { title: "Took", kind: "number" },
      { title: "Course", kind: "wide" },
      { title: "Outputs", kind: "number" },
    ], names.map((name) => stepRow(name, evidence.steps[name], span, limits))),
  );
}

function whenAndHow({ created, ended, status, task }: Evidence): string {
  const time = (iso: string) => iso.replace("T", " ").replace(/\.\d+Z$|Z$/, " UTC");
  return `${asCalled(`deno task ${task}`)}, begun ${time(created)}, ${status}${
    ended === undefined ? "" : ` ${time(ended)}`
  }`;
}

function seconds(iso: string | undefined): number[] {
  const time = Date.parse(iso ?? "") / 1000;
  return Number.isNaN(time) ? [] : [time];
}

function stepRow(
  name: string,
  step: StepEvidence | undefined,
  span: { from: number; to: number },
  { text }: Limits,
) {
  if (step === undefined) return [name, pill("unsure", "not run"), "", "", "", ""];
  const { status, started, outputs = [], problem, reusedFrom } = step;
  const size = outputs.reduce((sum, output) => sum + output.bytes, 0);
  const [begin] = seconds(started);
  return [
    html`<strong>${cut(name, text)}</strong>`,
    html`${pill(STEP_TONES[status] ?? "unsure", status)}${
      problem !== undefined && html`<small>${cut(problem, text)}</small>`
    }${reusedFrom !== undefined && html`<small>copied from ${reusedFrom}</small>`}`,
    begin === undefined ? "" : `+${duration(begin - span.from)}`,
    step.seconds === undefined ? "" : duration(step.seconds),
    courseBar(step, span),
    `${pluralize(outputs.length, "file")}, ${bytes(size)}`,
  ];
}

function courseBar(
  { started, ended }: StepEvidence,
  { from, to }: { from: number; to: number },
): Html | string {
  const [begin] = seconds(started);
  const [end] = seconds(ended);
  if (begin === undefined || end === undefined || to <= from) return "";
  const percent = (time: number) => Math.round(1000 * Math.min(1, Math.max(0, time / (to - from)))) / 10;
  return html`<span class="course" aria-hidden="true"><span style="left:${percent(begin - from)}%;width:${
    percent(end - begin)
  }%"></span></span>`;
}
