/** The end of a sweep: its record, verdict, receipt and page; the same shown again. */

import type { Terminal } from "../cli/terminal.ts";
import type { FoundSweep, Member } from "../record/sweep_record.ts";
import type { JudgedSweep } from "./judge_sweep.ts";
import type { SweepOutcome } from "./sweep_options.ts";

/**
 * Records how a sweep ended and what its members gave, and judges it.
 *
 * @param known members whose evidence this process has just read
 */
export async function endSweep(
  sweep: FoundSweep,
  runs: string,
  stopped: boolean,
  terminal: Terminal,
  known: ReadonlySet<Member> = new Set(),
) {
  const { directory, record } = sweep;
  const { writeSweep } = await import("../record/sweep_record.ts");
  const { experimentOf } = await import("./judge_sweep.ts");
  const { keepNumbers } = await import("./read_members.ts");
  const read = known.union(await keepNumbers(sweep, await experimentOf(sweep)));
  const ended = new Date().toISOString();
  const failed = record.members.filter(({ status }) => status === "failed").length;
  const left = record.members.some(({ status }) => status !== "done" && status !== "failed");
  Object.assign(record, { ended, status: stopped || left ? "interrupted" : failed > 0 ? "failed" : "done" });
  import("./sweep_page.ts").catch(() => {}); // is needed next
  return await conclude(sweep, runs, stopped, terminal, read, writeSweep(directory, record));
}

/** The page is derived: where it can't be written, the sweep is none the worse. */
async function writePage(
  sweep: FoundSweep,
  judged: JudgedSweep,
  runs: string,
  stated: Promise<void>,
  terminal: Terminal,
) {
  const { writeSweepReport } = await import("./sweep_page.ts");
  try {
    const path = await writeSweepReport(sweep, judged, runs, stated);
    terminal.line(`Report: ${path}`);
    return path;
  } catch (error) {
    terminal.note(`The report was not written: ${(error as Error).message}`);
    return undefined;
  }
}

/** One is written after the other; while the disk stores it, what comes next is worked out. */
async function conclude(
  sweep: FoundSweep,
  runs: string,
  stopped: boolean,
  terminal: Terminal,
  known: ReadonlySet<Member>,
  recorded: Promise<void>,
): Promise<SweepOutcome> {
  const { directory, record } = sweep;
  const { judgeSweep } = await import("./judge_sweep.ts");
  const { tellSweep } = await import("./tell_sweep.ts");
  const [judged] = await Promise.all([judgeSweep(sweep, known, recorded), recorded]);
  tellSweep(sweep, judged, terminal);
  const stated = state(sweep, judged);
  const [report] = await Promise.all([writePage(sweep, judged, runs, stated, terminal), stated]);
  const exitCode = stopped ? 130 : judged.verdict.holds ? 0 : 1;
  return {
    exitCode,
    result: { directory, report, ...record, experiment: record.experiment.name, verdict: judged.verdict },
  };
}

async function state({ directory, record }: FoundSweep, { verdict }: JudgedSweep): Promise<void> {
  const { writeSweepReceipt } = await import("../record/sweep_receipt.ts");
  const { verdictPath } = await import("../record/verdict.ts");
  const { writeJson } = await import("../system/files.ts");
  await writeJson(verdictPath(directory), verdict);
  await writeSweepReceipt(directory, record, verdict);
}

export async function showSweep(sweep: FoundSweep, terminal: Terminal): Promise<SweepOutcome> {
  const { judgeSweep } = await import("./judge_sweep.ts");
  const { findSweepAlterations } = await import("../record/sweep_receipt.ts");
  const { tellSweep } = await import("./tell_sweep.ts");
  const judged = await judgeSweep(sweep);
  const altered = [...await findSweepAlterations(sweep.directory, sweep.record), ...judged.verdict.altered];
  const verdict = { ...judged.verdict, altered, holds: judged.verdict.holds && altered.length === 0 };
  tellSweep(sweep, { ...judged, verdict }, terminal);
  return {
    exitCode: verdict.holds ? 0 : 1,
    result: {
      directory: sweep.directory,
      ...sweep.record,
      experiment: sweep.record.experiment.name,
      verdict,
    },
  };
}
