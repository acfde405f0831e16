/**
 * Overview: shows a run: its verdict, steps, environment, machine and code; writes its page, report.html.
 * Arguments: [RUN], --open, --crate FILE.zip, --badge FILE.svg, --markdown, --latex FILE.tex, --check PAPER, --experiment NAME, --current, --runs DIR.
 * Example: deno task report
 */

import { main } from "./lib/cli/main.ts";
import { defineTask, SMALL_MEMORY } from "./lib/cli/options.ts";
import { CRATE_OPTIONS, crateTask } from "./lib/crate/crate_task.ts";
import { sweepAt } from "./lib/record/sweep_at.ts";
import { REPORT_OPTIONS, reportRun } from "./lib/report/report_task.ts";

export const task = defineTask({
  name: "report",
  description: "Show a run and write its page: verdict, figures, environment, text for the paper",
  permissions: ["write", "--allow-run=xdg-open,open", SMALL_MEMORY],
  summary:
    "Shows what a run did, on what machine, and whether the claims hold. The same as a page of one file that loads " +
    "nothing is written to report.html in the run folder, and a list of all runs to runs/index.html.",
  examples: [
    ["deno task report", "the newest reproduction"],
    ["deno task report --open", "the page, in the browser"],
    ["deno task report --crate run.zip", "the run as one file to publish, an RO-Crate"],
    ["deno task report 20261123T1605", "a run by the beginning of its id"],
    ["deno task report --badge docs/badge.svg", "a badge for the README, too"],
    ["deno task report --latex paper/results.tex", "the numbers as commands, e.g. \\obtainedAccuracy"],
    ["deno task report --check paper/paper.tex", "numbers written by hand that contradict the run"],
    ["deno task report --markdown >> summary.md", "the verdict for a pull request or a CI job's summary"],
  ],
  positionals: {
    usage: "[RUN]",
    help: "path of a run folder or of a sweep's, or the beginning of a run's id; the newest without it",
    most: 1,
  },
  options: { ...REPORT_OPTIONS, ...CRATE_OPTIONS },
  async run(args, terminal) {
    const sweep = await sweepAt(args.positionals[0]);
    if (sweep !== undefined) {
      const { reportSweep } = await import("./lib/sweep/read_sweep.ts");
      return await reportSweep(sweep, args.options, terminal);
    }
    const { exitCode, result } = await reportRun(args, terminal);
    return { exitCode, result: { ...result as object, ...await crateTask(args, terminal) } };
  },
});

if (import.meta.main) await main(task);
