/** A finished run, found and judged. */

import { Failure } from "../cli/failure.ts";
import type { Arguments } from "../cli/options.ts";
import { openRun, READ_OPTIONS } from "../record/open_run.ts";
import type { FoundRun } from "../record/run_folder.ts";
import type { Judged } from "./judge.ts";

/**
 * The run that the arguments of a task mean, judged; the newest without any.
 *
 * @throws Failure(2) if there is none, or more than one is named; and as `judgeRun`
 */
export async function openFinishedRun(
  { options, positionals }: Arguments<typeof READ_OPTIONS>,
): Promise<{ found: FoundRun; judged: Judged }> {
  if (positionals.length > 1) {
    throw new Failure(2, `One run at a time, current value is "${positionals.join(" ")}"`);
  }
  const { judgeRun } = await import("./judge.ts");
  const found = await openRun(options.experiment, positionals[0], options.runs);
  return { found, judged: await judgeRun(found, options.current) };
}
