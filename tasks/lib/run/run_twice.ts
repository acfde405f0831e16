/** `reproduce --twice`: the same experiment two times on this machine, and whether it repeats itself to the bit. */

import { Failure } from "../cli/failure.ts";
import type { OptionTable } from "../cli/options.ts";
import type { Terminal } from "../cli/terminal.ts";
import { RUN_OPTIONS, type RunArguments, type RunOutcome, type RunSelection, runTask } from "./run_task.ts";

/** Options of `deno task reproduce` that say how often and where it runs. */
export const REPRODUCE_OPTIONS = {
  ...RUN_OPTIONS,
  twice: { help: "run everything two times and say what repeats to the bit; 1 if a result does not" },
  "from-scratch": {
    help: "run in a copy of what git tracks: no caches, ignored files, earlier runs or published/",
  },
} as const satisfies OptionTable;

/**
 * Runs and judges twice, then compares. The exit code is 0 only if the claims hold in both runs and every output is the
 * same but for times and the runs' own folders.
 *
 * @throws Failure(2) for options that would copy results or go on with a run instead of running twice.
 */
export async function runTwice(
  selection: RunSelection,
  args: RunArguments,
  terminal: Terminal,
): Promise<RunOutcome> {
  const { reuse, resume } = args.options;
  if (reuse || resume) {
    throw new Failure(
      2,
      `--twice runs every step two times, so it can't be given with ${reuse ? "--reuse" : "--resume"}`,
    );
  }
  const first = await runTask(selection, args, terminal);
  if (first.run?.evidence.status !== "done") return first; // only planned, failed or interrupted
  terminal.line();
  const second = await runTask(selection, args, terminal);
  if (second.run?.evidence.status !== "done") {
    return { ...second, result: { runs: [first.result, second.result] } };
  }
  const { compareFound } = await import("../compare/compare_task.ts");
  terminal.line();
  const { exitCode, result } = await compareFound(first.run, second.run, terminal);
  return {
    exitCode: first.exitCode === 0 && second.exitCode === 0 ? exitCode : 1,
    result: { runs: [first.result, second.result], comparison: result },
  };
}
