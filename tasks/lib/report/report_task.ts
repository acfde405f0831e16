/** `deno task report`: a run as text, as a page and as Markdown. */

import { resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Arguments, OptionTable } from "../cli/options.ts";
import type { Terminal } from "../cli/terminal.ts";
import { READ_OPTIONS } from "../record/open_run.ts";
import type { FoundRun } from "../record/run_folder.ts";
import { writeAtomic } from "../system/files.ts";
import { callerFolder } from "../system/project_root.ts";
import type { Judged } from "../verdict/judge.ts";
import { openFinishedRun } from "../verdict/finished_run.ts";

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
  const { found, judged } = await openFinishedRun(args);
  if (!markdown) {
    const { report } = await import("./text.ts");
    report(judged, found.evidence, found.directory, terminal).forEach((line) => terminal.line(line));
  }
  const { writeReport } = await import("./write.ts");
  const { path, data } = await writeReport(found, judged);
  if (markdown) {
    const { markdownSummary } = await import("./markdown.ts");
    terminal.raw(new TextEncoder().encode(markdownSummary(data)));
  } else {
    terminal.line(`Report: ${path}`);
  }
  if (badgeFile !== undefined) {
    const { badge } = await import("./badge.ts");
    await writeAtomic(resolve(callerFolder(), badgeFile), badge(judged, found.evidence));
  }
  if (open) await openInBrowser(path);
  return { exitCode: 0, result: { ...resultOf(found, judged), report: path, evidence: found.evidence } };
}

async function openInBrowser(path: string) {
  const { launch } = await import("../system/command.ts");
  const opener = Deno.build.os === "darwin" ? "open" : "xdg-open";
  if (await launch([opener, path])) return;
  throw new Failure(3, `Cannot open a browser here: "${opener}" is not there or found none`, {
    remedy: `Open ${path} in a browser of yours`,
  });
}

/** What `--json` prints of a judged run. */
export function resultOf({ directory, evidence }: FoundRun, { verdict }: Judged) {
  return { directory, status: evidence.status, ...verdict };
}
