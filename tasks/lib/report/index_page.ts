/** runs/index.html: every run there is, with the verdict that was recorded. */

import { asCalled } from "../cli/program.ts";
import { join } from "node:path";
import type { Evidence } from "../record/evidence.ts";
import { withInterruptedStatus } from "../record/recover.ts";
import { listRuns } from "../record/run_folder.ts";
import { readVerdict, type RunVerdict } from "../record/verdict.ts";
import { exists, inParallel } from "../system/files.ts";
import { type Content, html } from "./html.ts";
import { outcomeFrom, placeOf, SIGNS } from "./outcome.ts";
import { document, section, table } from "./components.ts";
import { pluralize } from "../cli/format.ts";

export interface ListedRun {
  id: string;
  evidence: Evidence;
  verdict?: RunVerdict;
  hasReport: boolean;
}

/** All runs below the folder, by experiment, newest first. */
export async function readRuns(runs: string): Promise<Map<string, ListedRun[]>> {
  const found = new Map<string, ListedRun[]>();
  for await (const { name, isDirectory } of Deno.readDir(runs)) {
    if (!isDirectory) continue;
    const all = await Array.fromAsync(listRuns(runs, name));
    const listed = await inParallel(all, async (run): Promise<ListedRun> => ({
      id: run.id,
      evidence: (await withInterruptedStatus(run)).evidence,
      verdict: await readVerdict(run.directory),
      hasReport: await exists(join(run.directory, "report.html")),
    }));
    if (listed.length > 0) found.set(name, listed);
  }
  return new Map([...found].sort(([a], [b]) => a < b ? -1 : 1));
}

export async function indexPage(experiments: ReadonlyMap<string, ListedRun[]>): Promise<string> {
  const count = [...experiments.values()].reduce((sum, runs) => sum + runs.length, 0);
  const body = html`
    <header>
      <p class="kicker">Reproductions</p>
      <h1>${pluralize(count, "run")}</h1>
      <p>With the verdicts as they were recorded; <code>${asCalled(
        "deno task verify RUN",
      )}</code> checks one again.</p>
    </header>
    <main>${[...experiments].map(([name, runs], index) =>
      section(
        `experiment-${index}`,
        runs[0]!.evidence.experiment.title ?? name,
        table(
          `Runs of ${name}`,
          [{ title: "Run" }, { title: "Verdict" }, { title: "Task" }, { title: "Ran in" }, {
            title: "Begun",
          }],
          runs.map((run) => row(name, run)),
        ),
      )
    )}</main>
  `;
  return await document("Runs", body);
}

function row(experiment: string, { id, evidence, verdict, hasReport }: ListedRun): Content[] {
  const { tone, title, detail } = outcomeFrom({
    status: evidence.status,
    checks: verdict?.checks ?? [],
    altered: verdict?.altered ?? [],
    claims: verdict?.checks.length ?? 0,
  });
  const link = `${[experiment, id].map(encodeURIComponent).join("/")}/report.html`;
  return [
    hasReport ? html`<a href="${link}">${id}</a>` : id,
    html`
      <span
        class="pill ${tone}"><span aria-hidden="true">${SIGNS[
          tone
        ]}</span> ${title}</span><small>${detail}</small>
    `,
    evidence.task,
    placeOf(evidence),
    evidence.created.replace("T", " ").replace(/\.\d+Z$/, " UTC"),
  ];
}
