/** runs/index.html: every run there is, with the verdict that was recorded. */

import { asCalled } from "../cli/program.ts";
import { join } from "node:path";
import type { Evidence } from "../record/evidence.ts";
import { withInterruptedStatus } from "../record/recover.ts";
import { listRuns, runIds, SWEEPS } from "../record/run_folder.ts";
import { readSweepSummary, type SweepSummary } from "../record/sweep_record.ts";
import { readVerdict, type RunVerdict } from "../record/verdict.ts";
import { exists, inParallel } from "../system/files.ts";
import { type Content, html } from "./html.ts";
import { outcomeFrom, placeOf, SIGNS } from "./outcome.ts";
import { document, section, table } from "./components.ts";
import { pluralize } from "../cli/format.ts";

/** A run as its row needs it; `verdict` is absent where none was recorded. */
export interface ListedRun {
  id: string;
  evidence: Evidence;
  verdict?: RunVerdict;
  hasReport: boolean;
}

/** A sweep is one row, whatever the number of its members. */
export interface ListedSweep {
  id: string;
  record: SweepSummary;
  verdict?: RunVerdict;
  hasReport: boolean;
}

type Listed = ListedRun | ListedSweep;

/** All runs and sweeps below the folder, by experiment, newest first. */
export async function readRuns(runs: string): Promise<Map<string, Listed[]>> {
  const found = new Map<string, Listed[]>();
  for await (const { name, isDirectory } of Deno.readDir(runs)) {
    if (!isDirectory) continue;
    const all = await Array.fromAsync(listRuns(runs, name));
    const listed = await inParallel(all, async (run): Promise<ListedRun> => ({
      id: run.id,
      evidence: (await withInterruptedStatus(run)).evidence,
      verdict: await readVerdict(run.directory),
      hasReport: await exists(join(run.directory, "report.html")),
    }));
    const sweeps = await readSweeps(join(runs, name));
    const both = sweeps.length === 0 ? listed : [...listed, ...sweeps].sort((a, b) => a.id < b.id ? 1 : -1);
    if (both.length > 0) found.set(name, both);
  }
  return new Map([...found].sort(([a], [b]) => a < b ? -1 : 1));
}

async function readSweeps(folder: string): Promise<ListedSweep[]> {
  const ids = await runIds(folder, SWEEPS);
  const read = await inParallel(ids, async (id): Promise<ListedSweep | undefined> => {
    const directory = join(folder, SWEEPS, id);
    const record = await readSweepSummary(directory).catch(() => undefined);
    return record && {
      id,
      record,
      verdict: await readVerdict(directory),
      hasReport: await exists(join(directory, "report.html")),
    };
  });
  return read.filter((one) => one !== undefined);
}

/** The whole page, with experiments in the order of the map. */
export async function indexPage(experiments: ReadonlyMap<string, Listed[]>): Promise<string> {
  const all = [...experiments.values()].flat();
  const sweeps = all.filter((one) => "record" in one).length;
  const count = pluralize(all.length - sweeps, "run") +
    (sweeps === 0 ? "" : `, ${pluralize(sweeps, "sweep")}`);
  const body = html`
    <header>
      <p class="kicker">Reproductions</p>
      <h1>${count}</h1>
      <p>With the verdicts as they were recorded; <code>${asCalled(
        "deno task verify RUN",
      )}</code> checks one again.</p>
    </header>
    <main>${[...experiments].map(([name, runs], index) =>
      section(
        `experiment-${index}`,
        ("record" in runs[0]! ? runs[0].record : runs[0]!.evidence).experiment.title ?? name,
        table(
          `Runs of ${name}`,
          [{ title: "Run" }, { title: "Verdict" }, { title: "Task" }, { title: "Ran in" }, {
            title: "Begun",
          }],
          runs.map((run) => "record" in run ? sweepRow(name, run) : row(name, run)),
        ),
      )
    )}</main>
  `;
  return await document("Runs", body, "index.js");
}

function row(experiment: string, { id, evidence, verdict, hasReport }: ListedRun): Content[] {
  return [
    linkTo([experiment, id], hasReport),
    outcomeCell(evidence.status, verdict),
    evidence.task,
    placeOf(evidence),
    dateOf(evidence.created),
  ];
}

function sweepRow(experiment: string, { id, record, verdict, hasReport }: ListedSweep): Content[] {
  const done = record.members.filter(({ status }) => status === "done").length;
  return [
    linkTo([experiment, SWEEPS, id], hasReport),
    record.status === "failed" ? failedCell(record) : outcomeCell(record.status, verdict),
    "sweep",
    `${done} of ${pluralize(record.members.length, "member")} done`,
    dateOf(record.created),
  ];
}

/** What is claimed may hold on the others, which the sweep's page tells. */
function failedCell({ members }: SweepSummary): Content {
  const failed = members.filter(({ status }) => status === "failed").length;
  return html`
    <span
      class="pill bad"><span aria-hidden="true">${SIGNS.bad}</span> ${pluralize(
        failed,
        "member",
      )} failed</span>
  `;
}

function linkTo(path: string[], hasReport: boolean): Content {
  const id = path.at(-1)!;
  return hasReport ? html`<a href="${path.map(encodeURIComponent).join("/")}/report.html">${id}</a>` : id;
}

function outcomeCell(status: Evidence["status"], verdict: RunVerdict | undefined): Content {
  const { tone, title, detail } = outcomeFrom({
    status,
    checks: verdict?.checks ?? [],
    altered: verdict?.altered ?? [],
    claims: verdict?.checks.length ?? 0,
  });
  return html`
    <span
      class="pill ${tone}"><span aria-hidden="true">${SIGNS[
        tone
      ]}</span> ${title}</span><small>${detail}</small>
  `;
}

function dateOf(created: string): string {
  return created.replace("T", " ").replace(/\.\d+Z$/, " UTC");
}
