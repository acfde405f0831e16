/** What a reader takes away from a report: text for the paper, commands, hashes. */

import { identityInWords } from "../experiment/image_identity.ts";
import { bytes } from "../cli/format.ts";
import type { Evidence } from "../record/evidence.ts";
import { shellQuote } from "../system/command.ts";
import type { Limits } from "./claims_section.ts";
import { cut, type Html, html } from "./html.ts";
import type { ReportData } from "./report_data.ts";
import { code, copyable, details, factList, section, table } from "./components.ts";
import { commandsToRepeat, methodsParagraph, openScienceStatement } from "./statements.ts";

export function wordsSection({ judged, evidence }: ReportData): Html {
  return section(
    "words",
    "For the paper",
    html`<h3>Methods</h3>`,
    copyable("methods", "the methods paragraph", methodsParagraph(judged, evidence), "prose"),
    html`<h3>Open Science statement</h3>`,
    copyable("statement", "the Open Science statement", openScienceStatement(judged, evidence), "prose"),
  );
}

/** The commands that repeat the run, and those that its steps were started with. */
export function repeatSection({ evidence, judged }: ReportData, { rows }: Limits): Html {
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

/** Hashes of the data that the steps read, by name. */
function readData({ steps }: Evidence): [name: string, sha256: string][] {
  const all = Object.values(steps).flatMap(({ data = {} }) => Object.entries(data));
  return [...new Map(all.map(([name, { sha256 }]) => [name, sha256]))];
}

/** Commit and image of the last attempt; hashes of sources, data, records and outputs. */
export function provenanceSection({ evidence, judged }: ReportData, limits: Limits): Html {
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
        ["Identity of the image", code(identityInWords(image))] as const,
      ]),
      ...(attempt?.environment.lockSha256
        ? [["Lock, SHA-256", code(attempt.environment.lockSha256)] as const]
        : []),
      ...readData(evidence).map(([name, sha256]) => [`Data ${name}, SHA-256`, code(sha256)] as const),
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
