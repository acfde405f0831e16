/** What ends a run: the verdict of record, the receipt and the crate's metadata. */

import { writeRoCrate } from "../crate/run_crate.ts";
import { type Statement, writeReceipt } from "../record/receipt.ts";
import type { FoundRun } from "../record/run_folder.ts";
import { verdictPath } from "../record/verdict.ts";
import { writeJson } from "../system/files.ts";
import { type Judged, judgeRun } from "../verdict/judge.ts";

/** Judges a run that has just ended and writes the verdict of record, the receipt and the RO-Crate's metadata. */
export async function concludeRun(run: FoundRun): Promise<Judged> {
  const judged = await judgeRun(run);
  await writeRoCrate(run, judged.plan, await writeRecord(run, judged));
  return judged;
}

/** The same of a sweep's member, without the crate, which `report` makes: 10,000 members are 10,000 files fewer. */
export async function concludeMember(run: FoundRun): Promise<Judged> {
  const judged = await judgeRun(run);
  await writeRecord(run, judged);
  return judged;
}

async function writeRecord({ directory, evidence }: FoundRun, { verdict }: Judged): Promise<Statement> {
  await writeJson(verdictPath(directory), verdict);
  return await writeReceipt(directory, evidence, verdict);
}
