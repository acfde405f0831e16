/** The run that a task is about, and the options that choose it. */

import type { OptionTable } from "../cli/options.ts";
import type { FoundRun } from "./run_folder.ts";

/** Options of the tasks that read a finished run. */
export const READ_OPTIONS = {
  experiment: {
    value: "NAME",
    help: "the experiment whose runs are meant: a name in experiments/, or a path",
  },
  current: { help: "judge by the claims that experiment.yaml makes now, not by those of the run" },
  runs: { value: "DIR", help: "look for run folders in DIR instead of runs/ (or set RUNS_DIR)" },
} as const satisfies OptionTable;

/** The run of that path or id, or the newest of the experiment; as it ended, if it was killed. */
export async function openRun(
  experiment: string | undefined,
  run: string | undefined,
  runsOption?: string,
): Promise<FoundRun> {
  // A task's help shows the options, and needs nothing of what finds a run.
  const [{ findRun, isPath }, { withInterruptedStatus }, { runsRoot }, { callerFolder }] = await Promise.all([
    import("./find_run.ts"),
    import("./recover.ts"),
    import("./run_folder.ts"),
    import("../system/project_root.ts"),
  ]);
  if (run !== undefined && isPath(run)) return await withInterruptedStatus(await findRun("", "", run));
  const { readExperiment } = await import("../experiment/read.ts");
  const { name, root } = await readExperiment(experiment, callerFolder());
  const runs = runsRoot(root, runsOption);
  return await withInterruptedStatus(await findRun(runs, name, run));
}
