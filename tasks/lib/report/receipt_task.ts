/** `deno task receipt`: what is stated of a run, and the user's signature under it. */

import { identityInWords } from "../experiment/image_identity.ts";
import { join, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { bytes } from "../cli/format.ts";
import { columns } from "../cli/table.ts";
import type { Arguments, OptionTable } from "../cli/options.ts";
import type { Terminal } from "../cli/terminal.ts";
import { openRun, READ_OPTIONS } from "../record/open_run.ts";
import { readReceipt, RECEIPT, type Statement, writeReceipt } from "../record/receipt.ts";
import type { FoundRun } from "../record/run_folder.ts";
import { checkSignature, signReceipt } from "../record/signature.ts";
import { callerFolder } from "../system/project_root.ts";
import { judgeRun } from "../verdict/judge.ts";

export const RECEIPT_OPTIONS = {
  experiment: READ_OPTIONS.experiment,
  runs: READ_OPTIONS.runs,
  sign: {
    value: "KEY",
    help: "sign with this SSH key: a private key, or the .pub file of one that your agent holds",
  },
} as const satisfies OptionTable;

/** Shows a run's receipt, and signs it if asked to; a run that has none, but a verdict, gets one. */
export async function receiptTask(
  { options, positionals }: Arguments<typeof RECEIPT_OPTIONS>,
  terminal: Terminal,
): Promise<{ exitCode: 0; result: unknown }> {
  const run = await openRun(options.experiment, positionals[0], options.runs);
  const statement = await soundReceipt(run);
  if (options.sign !== undefined) await signReceipt(run.directory, resolve(callerFolder(), options.sign));
  const { detail } = await checkSignature(run.directory);
  columns(describe(statement, detail, run.directory)).forEach((line) => terminal.line(line));
  return { exitCode: 0, result: { directory: run.directory, ...statement, signature: detail } };
}

/** @throws Failure(1) for a run that was altered, Failure(2) for one that has not ended. */
async function soundReceipt(run: FoundRun): Promise<Statement> {
  const { verdict } = await judgeRun(run);
  if (verdict.altered.length > 0) {
    throw new Failure(1, `There is nothing to state of ${run.id}: it was altered since it ended`, {
      problems: verdict.altered.map((message) => ({ message })),
    });
  }
  const stated = await readReceipt(run.directory);
  if (stated !== undefined) return stated;
  if (run.evidence.ended === undefined) {
    throw new Failure(2, `There is no receipt of ${run.id}: it has not ended`);
  }
  return await writeReceipt(run.directory, run.evidence, verdict);
}

function describe(statement: Statement, signature: string, directory: string): string[][] {
  const files = Object.values(statement.files);
  const size = files.reduce((sum, file) => sum + ("bytes" in file ? file.bytes : 0), 0);
  const { image, code } = statement;
  return [
    ["run", `${statement.run} of ${statement.experiment}, ${statement.status}, ${statement.ended ?? ""}`],
    ...statement.verdicts.map(({ claim, verdict }) => ["claim", `${claim}: ${verdict}`]),
    ["files", `${files.length}, ${bytes(size)}, each with its SHA-256`],
    ["inputs", String(Object.keys(statement.inputs).length)],
    ["code", code.commit ?? `SHA-256 of the sources ${code.sha256}`],
    ...image === undefined ? [] : [["image", `${image.name} (${identityInWords(image)})`]],
    ["signature", signature],
    ["receipt", join(directory, RECEIPT)],
  ];
}
