/** What `verify` and `report` have in common: finding a run and judging it from its folder. */

import { resolve } from "node:path";
import type { Arguments, OptionTable } from "./cli.ts";
import { Failure } from "./failure.ts";
import { writeAtomic } from "./files.ts";
import type { Judged } from "./judge.ts";
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

/** Judges a run that is there already and prints it in short. */
export async function verifyRun(
  args: Arguments<typeof READ_OPTIONS>,
  terminal: Terminal,
): Promise<{ exitCode: 0 | 1; result: unknown }> {
  const { found, judged } = await openJudged(args);
  const { summary } = await import("./report/text.ts");
  summary(judged, found.evidence, found.directory, terminal).forEach((line) => terminal.line(line));
  return { exitCode: judged.verdict.holds ? 0 : 1, result: resultOf(found, judged) };
}

export const REPORT_OPTIONS = {
  ...READ_OPTIONS,
  open: { help: "open the page in the browser" },
  badge: { value: "FILE.svg", help: "write a badge, too: claims that hold, date, image" },
  markdown: { help: "print Markdown instead, for a pull request or a CI job's summary" },
} as const satisfies OptionTable;

/** Judges a run, prints it whole, and writes its page. */
export async function reportRun(
  args: Arguments<typeof REPORT_OPTIONS>,
  terminal: Terminal,
): Promise<{ exitCode: 0; result: unknown }> {
  const { open, badge: badgeFile, markdown } = args.options;
  const { found, judged } = await openJudged(args);
  if (!markdown) {
    const { report } = await import("./report/text.ts");
    report(judged, found.evidence, found.directory, terminal).forEach((line) => terminal.line(line));
  }
  const { writeReport } = await import("./report/write.ts");
  const { path, material } = await writeReport(found, judged);
  if (markdown) {
    const { markdownSummary } = await import("./report/markdown.ts");
    terminal.raw(new TextEncoder().encode(markdownSummary(material)));
  } else {
    terminal.line(`Report: ${path}`);
  }
  if (badgeFile !== undefined) {
    const { badge } = await import("./report/badge.ts");
    await writeAtomic(resolve(callerFolder(), badgeFile), badge(judged, found.evidence));
  }
  if (open) await openInBrowser(path);
  return { exitCode: 0, result: { ...resultOf(found, judged), report: path, evidence: found.evidence } };
}

async function openInBrowser(path: string) {
  const { launch } = await import("./command.ts");
  const opener = Deno.build.os === "darwin" ? "open" : "xdg-open";
  if (await launch([opener, path])) return;
  throw new Failure(3, `Cannot open a browser here: "${opener}" is not there or found none`, {
    remedy: `Open ${path} in a browser of yours`,
  });
}

async function openJudged(
  { options, positionals }: Arguments<typeof READ_OPTIONS>,
): Promise<{ found: FoundRun; judged: Judged }> {
  if (positionals.length > 1) {
    throw new Failure(2, `One run at a time, current value is "${positionals.join(" ")}"`);
  }
  const { judgeRun } = await import("./judge.ts");
  const found = await openRun(options.experiment, positionals[0], options.runs);
  return { found, judged: await judgeRun(found, options.current) };
}

function resultOf({ directory, evidence }: FoundRun, { verdict }: Judged) {
  return { directory, status: evidence.status, ...verdict };
}

/** The run of that path or id, or the newest of the experiment; as it ended, if it was killed. */
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
