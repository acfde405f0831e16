/** What `deno task report` does for the RO-Crate: the metadata made again, and a zip of it if one is asked for. */

import type { Arguments, OptionTable } from "../cli/options.ts";
import type { Terminal } from "../cli/terminal.ts";
import { openRun, READ_OPTIONS } from "../record/open_run.ts";
import { readPlan } from "../record/run_folder.ts";
import { writeRoCrate } from "./run_crate.ts";

export const CRATE_OPTIONS = {
  crate: { value: "FILE.zip", help: "write the run with its RO-Crate metadata into one file, too" },
} as const satisfies OptionTable;

/** @returns what `--json` says of it. */
export async function crateTask(
  { options, positionals }: Arguments<typeof READ_OPTIONS & typeof CRATE_OPTIONS>,
  terminal: Terminal,
): Promise<{ crate?: string }> {
  const run = await openRun(options.experiment, positionals[0], options.runs);
  if (options.crate === undefined) {
    await writeRoCrate(run, await readPlan(run.directory));
    return {};
  }
  const { zipCrate } = await import("./crate_zip.ts");
  const { file, files } = await zipCrate(run, options.crate);
  terminal.line(`Crate: ${file}, ${files} files`);
  return { crate: file };
}
