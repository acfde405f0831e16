/** The sweep that follows `deno task reproduce`, where claims over seeds are to be judged, too. */

import type { Terminal } from "../cli/terminal.ts";
import { parseExperiment } from "../experiment/parse.ts";
import { readPlan } from "../record/run_folder.ts";
import type { RunArguments, RunOutcome } from "../run/run_task.ts";
import { sweepTask } from "./sweep_task.ts";

/**
 * Makes the sweep after a run, if it was asked for or the experiment says that it belongs to a reproduction
 * (`sweep.reproduce`). What it will take is said first, by what the run itself took.
 *
 * @throws Failure(2) if it was asked for and the experiment says nothing to sweep over.
 */
export async function sweepAfter(
  outcome: RunOutcome,
  isAsked: boolean,
  args: RunArguments,
  terminal: Terminal,
): Promise<RunOutcome> {
  const { run } = outcome;
  // With changed parameters the claims are about something else.
  if (run?.evidence.status !== "done" || run.evidence.changed.length > 0) return outcome;
  if (!isAsked && !await isPart(run.directory)) return outcome;
  terminal.line();
  terminal.line("Now the sweep, for what is claimed over seeds:");
  const sweep = await sweepTask({
    ...args,
    options: {
      ...args.options,
      ...{ resume: false, retry: undefined, "add-seeds": undefined, id: undefined, show: false },
      ...{ seeds: undefined, set: [], jobs: undefined, "per-gpu": undefined, member: undefined },
      ...{ export: undefined, out: undefined, volume: undefined, accelerator: undefined },
      ...{ on: undefined, status: false, watch: false, collect: false, cancel: false },
    },
  }, terminal);
  return {
    ...outcome,
    exitCode: outcome.exitCode === 0 ? sweep.exitCode : outcome.exitCode,
    result: { ...outcome.result as object, sweep: sweep.result },
  };
}

async function isPart(directory: string): Promise<boolean> {
  const { experiment: { text, file, root } } = await readPlan(directory);
  const { sweep, claims } = parseExperiment(text, file, root);
  return sweep?.reproduce === true && claims.some(({ over }) => over !== undefined);
}
