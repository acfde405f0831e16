/** What a report says about the run itself: its environment, its steps, its provenance. */

import { shellQuote } from "../command.ts";
import type { Evidence, StepEvidence } from "../evidence.ts";
import { bytes, duration } from "../terminal.ts";
import type { Limits } from "./claims_section.ts";
import { type EnvironmentRow, environmentRows } from "./environment_table.ts";
import { cut, type Html, html } from "./html.ts";
import type { Material } from "./material.ts";
import type { Tone } from "./outcome.ts";
import { code, copyable, details, factList, pill, section, table } from "./parts.ts";
import { commandsToRepeat, methodsParagraph, openScienceStatement } from "./statements.ts";

export function environmentSection({ evidence, published }: Material, limits: Limits): Html {
  const rows = environmentRows(evidence, published?.evidence).slice(0, limits.rows);
  if (published === undefined) {
    return section(
      "environment",
      "Environment",
      html`<p>The authors' own evidence (published/evidence.json) is not at hand, so there is nothing to compare with.</p>`,
      rowsTable(rows.filter(({ group }) => group !== "package"), limits),
      packagesDetails(rows.filter(({ group }) => group === "package"), limits),
    );
  }
  const same = rows.filter((row) => row.same);
  const isAbsent = ({ group, here, there }: EnvironmentRow) =>
    group === "package" && (here === "" || there === "");
  const absent = rows.filter(isAbsent);
  const differing = rows.filter((row) => !row.same && !isAbsent(row));
  const more = absent.length > 0 ? `, ${absent.length} more packages are in one of them only` : "";
  return section(
    "environment",
    "Environment",
    html`<p>Against the authors' run ${published.evidence.run}: <strong>${differing.length} differ</strong>, ${same.length}
are the same${more}.</p>`,
    differing.length > 0 && comparedTable("What differs from the authors' environment", differing, limits),
    absent.length > 0 && details(
      `Packages in one of them only (${absent.length})`,
      comparedTable("Packages in one environment only", absent, limits),
    ),
    same.length > 0 &&
      details(`What is the same (${same.length})`, comparedTable("What is the same", same, limits)),
  );
}

function comparedTable(caption: string, rows: readonly EnvironmentRow[], { text }: Limits): Html {
  return table(
    caption,
    [{ title: "What" }, { title: "This run", kind: "code" }, { title: "The authors'", kind: "code" }, {
      title: "",
    }],
    rows.map(({ group, name, here, there, same }) => [
      html`${cut(name, text)} <span class="tag">${group}</span>`,
      cut(here, text) || "—",
      cut(there, text) || "—",
      same ? "= same" : html`<span class="differs"><span aria-hidden="true">≠</span> differs</span>`,
    ]),
  );
}

function rowsTable(rows: readonly EnvironmentRow[], { text }: Limits): Html {
  return table(
    "The environment of this run",
    [{ title: "What" }, { title: "This run", kind: "code" }],
    rows.map(({ name, here }) => [cut(name, text), cut(here, text)]),
  );
}

function packagesDetails(rows: readonly EnvironmentRow[], limits: Limits): Html | false {
  return rows.length > 0 && details(`Packages (${rows.length})`, rowsTable(rows, limits));
}

const STEP_TONES: Record<string, Tone> = { done: "good", reused: "good", failed: "bad" };

export function timelineSection({ evidence, judged }: Material, limits: Limits): Html {
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
  return `deno task ${task}, begun ${time(created)}, ${status}${
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
    `${outputs.length} ${outputs.length === 1 ? "file" : "files"}, ${bytes(size)}`,
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

export function wordsSection({ judged, evidence }: Material): Html {
  return section(
    "words",
    "For the paper",
    html`<h3>Methods</h3>`,
    copyable("methods", "the methods paragraph", methodsParagraph(judged, evidence), "prose"),
    html`<h3>Open Science statement</h3>`,
    copyable("statement", "the Open Science statement", openScienceStatement(judged, evidence), "prose"),
  );
}

export function repeatSection({ evidence, judged }: Material, { rows }: Limits): Html {
  const text = commandsToRepeat(evidence).map(({ command, purpose }) => `# ${purpose}\n${command}`).join(
    "\n\n",
  );
  const steps = Object.entries(evidence.steps).slice(0, rows);
  return section(
    "repeat",
    "Do it again",
    copyable("commands", "the commands", text, "code"),
    steps.length > 0 && details(
      "What each step ran",
      steps.map(([name, { command }]) =>
        html`
          <h3>${name}</h3>
          <pre><code>${cut(shellQuote(command), 4000)}</code></pre>
        `
      ),
    ),
    Object.keys(judged.plan.parameters).length > 0 &&
      html`<p class="note">Parameters: ${
        Object.entries(evidence.parameters).map(([name, value]) => `${name} = ${value}`).join(", ")
      }${evidence.changed.length > 0 && `; changed: ${evidence.changed.join(", ")}`}.</p>`,
  );
}

export function provenanceSection({ evidence, judged }: Material, limits: Limits): Html {
  const attempt = evidence.attempts.at(-1);
  const image = attempt?.environment.image;
  const { commit, dirty = [], sha256, files = {} } = attempt?.code ?? {};
  const outputs = Object.entries(evidence.steps).flatMap(([step, { outputs = [] }]) =>
    outputs.map((output) => ({ ...output, path: `${step}/${output.path}` }))
  );
  return section(
    "provenance",
    "Provenance",
    factList([
      ["Run", code(evidence.run)],
      ["Commit", commit === undefined ? "none: a copy without git" : code(commit)],
      ...(dirty.length > 0 ? [["Changed files", cut(dirty.join(", "), limits.text)] as const] : []),
      ...(sha256 === undefined
        ? []
        : [[`Sources (${Object.keys(files).length} files), SHA-256`, code(sha256)] as const]),
      ...(image === undefined ? [] : [
        ["Image", code(image.name)] as const,
        [image.digest === undefined ? "Image id" : "Image digest", code(image.digest ?? image.id)] as const,
      ]),
      ...(attempt?.environment.lockSha256
        ? [["Lock, SHA-256", code(attempt.environment.lockSha256)] as const]
        : []),
      ["plan.json, SHA-256", code(evidence.planSha256)],
      ["evidence.json, SHA-256", code(judged.verdict.evidenceSha256)],
      ["experiment.yaml, SHA-256", code(judged.verdict.claimsSha256)],
    ]),
    outputs.length > 0 && details(
      `Outputs (${outputs.length}) with their hashes`,
      outputs.length > limits.rows &&
        html`<p class="note">The first ${limits.rows}; all are in evidence.json.</p>`,
      table(
        "Outputs with their hashes",
        [{ title: "File" }, { title: "Size", kind: "number" }, { title: "SHA-256", kind: "code" }],
        outputs.slice(0, limits.rows).map(({ path, bytes: size, sha256, link }) => [
          cut(path, limits.text),
          bytes(size),
          sha256 ?? `link to ${link}`,
        ]),
      ),
    ),
  );
}
