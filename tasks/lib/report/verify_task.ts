/** `deno task verify`: a run's files, its claims, and who signed for it. */

import { resolve } from "node:path";
import type { Arguments, OptionTable } from "../cli/options.ts";
import type { Terminal } from "../cli/terminal.ts";
import { READ_OPTIONS } from "../record/open_run.ts";
import { callerFolder } from "../system/project_root.ts";
import { openFinishedRun } from "../verdict/finished_run.ts";
import { resultOf } from "./report_task.ts";

export const VERIFY_OPTIONS = {
  ...READ_OPTIONS,
  "allowed-signers": {
    value: "FILE",
    help: "the receipt must be signed by one of these, in ssh-keygen's format: NAME KEYTYPE KEY",
  },
} as const satisfies OptionTable;

/** Judges a run again, prints it in short, and checks its receipt's signature. */
export async function verifyTask(
  args: Arguments<typeof VERIFY_OPTIONS>,
  terminal: Terminal,
): Promise<{ exitCode: 0 | 1; result: unknown }> {
  const { "allowed-signers": signers } = args.options;
  const { found, judged } = await openFinishedRun(args);
  const { checkSignature } = await import("../record/signature.ts");
  const { summary } = await import("./text.ts");
  summary(judged, found.evidence, found.directory, terminal).forEach((line) => terminal.line(line));
  const signature = await checkSignature(found.directory, signers && resolve(callerFolder(), signers));
  const line = `Receipt: ${signature.detail}`;
  terminal.line(signature.good ? line : terminal.paint(line, "red", "bold"));
  return {
    exitCode: judged.verdict.holds && signature.good ? 0 : 1,
    result: { ...resultOf(found, judged), signature },
  };
}
