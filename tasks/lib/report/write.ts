/** Writes what is derived from a run: its page, and the list of all runs beside it. */

import { basename, dirname, join } from "node:path";
import type { FoundRun } from "../record/run_folder.ts";
import { writeAtomic } from "../system/files.ts";
import type { Judged } from "../verdict/judge.ts";
import { indexPage, readRuns } from "./index_page.ts";
import { gatherReportData, type ReportData } from "./report_data.ts";
import { reportPage } from "./page.ts";

/** Where the page is, and what is in it. */
export interface WrittenReport {
  /** Path of the page. */
  path: string;
  data: ReportData;
}

/** Writes `report.html` into the run folder and `index.html` into the folder of all runs. */
export async function writeReport(run: FoundRun, judged: Judged): Promise<WrittenReport> {
  const data = await gatherReportData(run, judged);
  const path = join(run.directory, "report.html");
  await writeAtomic(path, await reportPage(data));
  const experiment = dirname(run.directory);
  // A run that was copied somewhere by itself has no folder of runs around it.
  if (basename(experiment) === run.evidence.experiment.name) await writeIndex(dirname(experiment));
  return { path, data };
}

/** Writes the list of all runs into their folder. */
export async function writeIndex(runs: string) {
  await writeAtomic(join(runs, "index.html"), await indexPage(await readRuns(runs)));
}
