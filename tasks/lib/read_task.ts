/** What `verify` and `report` have in common: finding a run and judging it from its folder. */

import type { Arguments, OptionTable } from "./cli.ts";
import { Failure } from "./failure.ts";
import { asItEnded, callerFolder, findRun, type FoundRun, isPath, runsRoot } from "./run_folder.ts";
import type { Terminal } from "./terminal.ts";

export const READ_OPTIONS = {
  experiment: {
    value: "NAME",
    help: "the experiment whose runs are meant: a name in experiments/, or a path",
  },
  current: { help: "judge by the claims that experiment.yaml makes now, not by those of the run" },
  runs: { value: "DIR", help: "look for run folders in DIR instead of runs/ (or set RUNS_DIR)" },
} as const satisfies OptionTable;

/** Judges a run that is there already and prints it, short or whole. */
export async function readRun(
  form: "summary" | "report",
  { options, positionals }: Arguments<typeof READ_OPTIONS>,
  terminal: Terminal,
): Promise<{ exitCode: 0 | 1; result: unknown }> {
  if (positionals.length > 1) {
    throw new Failure(2, `One run at a time, current value is "${positionals.join(" ")}"`);
  }
  const { judgeRun } = await import("./judge.ts");
  const texts = await import("./report.ts");
  const found = await openRun(options.experiment, positionals[0], options.runs);
  const judged = await judgeRun(found, options.current);
  texts[form](judged, found.evidence, found.directory, terminal).forEach((line) => terminal.line(line));
  const result = {
    directory: found.directory,
    status: found.evidence.status,
    ...judged.verdict,
  };
  return {
    exitCode: judged.verdict.holds ? 0 : 1,
    result: form === "report" ? { ...result, evidence: found.evidence } : result,
  };
}

/** The run of that path or id, or the newest of the experiment. */
export async function openRun(
  experiment: string | undefined,
  run: string | undefined,
  runsOption?: string,
): Promise<FoundRun> {
  if (run !== undefined && isPath(run)) return await asItEnded(await findRun("", "", run));
  const { readExperiment } = await import("./experiment.ts");
  const { name, root } = await readExperiment(experiment, callerFolder());
  const runs = runsRoot(root, runsOption);
  return await asItEnded(await findRun(runs, name, run));
}
