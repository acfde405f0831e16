/** What `compare` does: finds two runs, compares them, prints it, and writes it as a page if asked to. */

import { dirname, join, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Arguments, OptionTable } from "../cli/options.ts";
import type { Terminal } from "../cli/terminal.ts";
import { evidencePath } from "../record/evidence.ts";
import { openRun, READ_OPTIONS } from "../record/open_run.ts";
import type { FoundRun } from "../record/run_folder.ts";
import { exists, writeAtomic } from "../system/files.ts";
import { callerFolder } from "../system/project_root.ts";
import type { Comparison } from "./compare_runs.ts";

const { experiment, runs } = READ_OPTIONS;

export const COMPARE_OPTIONS = {
  html: {
    value: "FILE.html",
    fallback: "compare.html",
    help: "write it as a page, too, with curves, pictures and charts; compare.html here without a name",
  },
  experiment,
  runs,
} as const satisfies OptionTable;

/** The exit code is that of `diff`: 0 if the results are the same, 1 if not. */
export async function compareTask(
  { options, positionals }: Arguments<typeof COMPARE_OPTIONS>,
  terminal: Terminal,
): Promise<{ exitCode: 0 | 1; result: unknown }> {
  const [a, b] = positionals;
  if (a === undefined || b === undefined) {
    throw new Failure(
      2,
      `Cannot compare: two runs are expected, current value is "${positionals.join(" ")}"`,
      {
        remedy: "deno task compare published latest",
      },
    );
  }
  const open = async (asked: string) => await openRun(options.experiment, await asPath(asked), options.runs);
  const [runA, runB] = [await open(a), await open(b)];
  const { exitCode, comparison } = await showFound(runA, runB, terminal);
  if (options.html === undefined) return { exitCode, result: comparison };
  const path = resolve(callerFolder(), options.html);
  const [{ comparisonPage }, { gatherDrawn }] = await Promise.all([
    import("./page/page.ts"),
    import("./page/drawn.ts"),
  ]);
  await Deno.mkdir(dirname(path), { recursive: true });
  await writeAtomic(path, await comparisonPage(comparison, await gatherDrawn(comparison, runA, runB)));
  terminal.line(`Page: ${path}`);
  return { exitCode, result: { ...comparison, page: path } };
}

/** Compares two runs that are there, and prints it. */
export async function compareFound(
  a: FoundRun,
  b: FoundRun,
  terminal: Terminal,
): Promise<{ exitCode: 0 | 1; result: unknown }> {
  const { exitCode, comparison: result } = await showFound(a, b, terminal);
  return { exitCode, result };
}

async function showFound(
  a: FoundRun,
  b: FoundRun,
  terminal: Terminal,
): Promise<{ exitCode: 0 | 1; comparison: Comparison }> {
  const [{ compareRuns }, { showComparison }] = await Promise.all([
    import("./compare_runs.ts"),
    import("./show.ts"),
  ]);
  const comparison = await compareRuns(a, b);
  showComparison(comparison, terminal).forEach((line) => terminal.line(line));
  return { exitCode: comparison.equal ? 0 : 1, comparison };
}

/** A plain word is a run's id, unless a run folder of that name is here: `published`. */
async function asPath(asked: string): Promise<string> {
  const isFolder = asked !== "" && await exists(evidencePath(join(callerFolder(), asked)));
  return isFolder ? `./${asked}` : asked;
}
