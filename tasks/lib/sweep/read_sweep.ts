/** What `verify`, `receipt` and `report` do with the folder of a sweep. */

import { basename, dirname, join, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { columns } from "../cli/table.ts";
import type { Terminal } from "../cli/terminal.ts";
import { RECEIPT } from "../record/receipt.ts";
import { SWEEPS } from "../record/run_folder.ts";
import { checkSignature, signReceipt } from "../record/signature.ts";
import { openInBrowser } from "../report/report_task.ts";
import { findSweepAlterations, parseSweepReceipt } from "../record/sweep_receipt.ts";
import type { FoundSweep } from "../record/sweep_record.ts";
import { callerFolder } from "../system/project_root.ts";
import { showSweep } from "./end_sweep.ts";
import { judgeSweep } from "./judge_sweep.ts";
import type { SweepOutcome } from "./sweep_options.ts";

/** Judges a sweep again, all its members' files included, and checks its receipt's signature. */
export async function verifySweep(
  sweep: FoundSweep,
  options: { "allowed-signers"?: string; current: boolean },
  terminal: Terminal,
): Promise<SweepOutcome> {
  refuseOthers(options);
  const signers = options["allowed-signers"];
  const shown = await showSweep(sweep, terminal);
  const file = signers && resolve(callerFolder(), signers);
  const signature = await checkSignature(sweep.directory, file, parseSweepReceipt);
  const line = `Receipt: ${signature.detail}`;
  terminal.line(signature.good ? line : terminal.paint(line, "red", "bold"));
  return {
    exitCode: signature.good ? shown.exitCode : 1,
    result: { ...shown.result as object, signature },
  };
}

/**
 * Shows what is stated of a sweep, and signs it if asked to.
 *
 * @throws Failure(1) for a sweep that was altered, Failure(2) for one that has not ended
 */
export async function receiptOfSweep(
  sweep: FoundSweep,
  { sign: key }: { sign?: string },
  terminal: Terminal,
): Promise<{ exitCode: 0; result: unknown }> {
  const { directory, record } = sweep;
  if (record.status === "running") {
    throw new Failure(2, `There is no receipt of ${record.sweep}: it has not ended`);
  }
  const { verdict: { altered, checks } } = await judgeSweep(sweep);
  const all = [...await findSweepAlterations(directory, record), ...altered];
  if (all.length > 0) {
    throw new Failure(1, `There is nothing to state of ${record.sweep}: it was altered since it ended`, {
      problems: all.slice(0, 20).map((message) => ({ message })),
    });
  }
  if (key !== undefined) await signReceipt(directory, resolve(callerFolder(), key), parseSweepReceipt);
  const { detail } = await checkSignature(directory, undefined, parseSweepReceipt);
  const done = record.members.filter(({ status }) => status === "done").length;
  const receipts = record.members.filter(({ receipt }) => receipt !== undefined).length;
  columns([
    ["sweep", `${record.sweep} of ${record.experiment.name}, ${record.status}, ${record.ended ?? ""}`],
    ...checks.map(({ claim, verdict }) => ["claim", `${claim}: ${verdict}`]),
    ["members", `${done} of ${record.members.length} done; ${receipts} receipts, each with its SHA-256`],
    ["signature", detail],
    ["receipt", join(directory, RECEIPT)],
  ]).forEach((line) => terminal.line(line));
  return { exitCode: 0, result: { directory, sweep: record.sweep, members: receipts, signature: detail } };
}

/** Judges a sweep by the numbers that its record keeps, and writes its page again. */
export async function reportSweep(
  sweep: FoundSweep,
  options: { open: boolean },
  terminal: Terminal,
): Promise<{ exitCode: 0; result: { directory: string; report: string; verdict: unknown } }> {
  refuseOthers(options);
  const { directory, record } = sweep;
  const { tellSweep } = await import("./tell_sweep.ts");
  const { writeSweepReport } = await import("./sweep_page.ts");
  const found = await findSweepAlterations(directory, record);
  // What a record keeps that is not the stated one is not believed.
  const judged = await judgeSweep(sweep, found.length > 0 ? undefined : new Set());
  const altered = [...found, ...judged.verdict.altered];
  const verdict = { ...judged.verdict, altered, holds: judged.verdict.holds && altered.length === 0 };
  tellSweep(sweep, { ...judged, verdict }, terminal);
  const report = await writeSweepReport(sweep, { ...judged, verdict }, runsAround(sweep));
  terminal.line(`Report: ${report}`);
  if (options.open) await openInBrowser(report);
  return { exitCode: 0, result: { directory, report, verdict } };
}

/** What these tasks do with a sweep, too; the rest is about one run. */
const KNOWN = ["allowed-signers", "sign", "open", "experiment", "runs", "json", "help"];

function refuseOthers(options: object) {
  const other = Object.entries(options).find(([name, value]) =>
    !KNOWN.includes(name) && value !== undefined && value !== false
  );
  if (other !== undefined) throw new Failure(2, `--${other[0]} is for a run, and this is a sweep`);
}

/** The folder of all runs; a sweep that was copied somewhere by itself has none around it. */
function runsAround({ directory, record }: FoundSweep): string | undefined {
  const sweeps = dirname(directory);
  const experiment = dirname(sweeps);
  const isThere = basename(sweeps) === SWEEPS && basename(experiment) === record.experiment.name;
  return isThere ? dirname(experiment) : undefined;
}
