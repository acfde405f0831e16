/** `deno task report`: a run as text, as a page and as Markdown. */

import { dirname, join, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Arguments, OptionTable } from "../cli/options.ts";
import type { Terminal } from "../cli/terminal.ts";
import { READ_OPTIONS } from "../record/open_run.ts";
import type { FoundRun } from "../record/run_folder.ts";
import { writeAtomic } from "../system/files.ts";
import { ROOT } from "../system/product.ts";
import { callerFolder } from "../system/project_root.ts";
import type { Judged } from "../verdict/judge.ts";
import { openFinishedRun } from "../verdict/finished_run.ts";
import type { PaperCheck } from "./paper/check.ts";

export const REPORT_OPTIONS = {
  ...READ_OPTIONS,
  open: { help: "open the page in the browser" },
  badge: { value: "FILE.svg", help: "write a badge, too: claims that hold, date, image" },
  markdown: { help: "print Markdown instead, for a pull request or a CI job's summary" },
  latex: {
    value: "FILE.tex",
    help: "write LaTeX commands, too: each claimed and obtained value, and a table",
  },
  siunitx: { help: "with --latex: numbers and units are set by the package siunitx" },
  typst: { value: "FILE.typ", help: "the same as variables of Typst" },
  verifier: {
    value: "FILE.html",
    help: "write the page that checks a run in a browser, without an installation",
  },
  check: {
    value: "PAPER",
    help: "find numbers written by hand in a .tex, .md or .typ that contradict the run",
  },
} as const satisfies OptionTable;

/** Judges a run, prints it whole, and writes its page. */
export async function reportRun(
  args: Arguments<typeof REPORT_OPTIONS>,
  terminal: Terminal,
): Promise<{ exitCode: 0 | 1; result: unknown }> {
  const { open, badge: badgeFile, markdown, latex, siunitx, typst, check, verifier } = args.options;
  if (siunitx && latex === undefined) throw new Failure(2, "--siunitx needs --latex FILE.tex");
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
    const file = resolve(callerFolder(), badgeFile);
    await Deno.mkdir(dirname(file), { recursive: true });
    await writeAtomic(file, badge(judged, found.evidence));
  }
  if (verifier !== undefined) await copyVerifier(resolve(callerFolder(), verifier));
  const paper = latex ?? typst ?? check;
  const checked = paper === undefined ? undefined : await toPaper(found, judged, args.options, terminal);
  if (open) await openInBrowser(path);
  const result = { ...resultOf(found, judged), report: path, paper: checked, evidence: found.evidence };
  return { exitCode: checked?.findings.some(({ kind }) => kind === "contradicts") ? 1 : 0, result };
}

/** @throws Failure(3) in a clone, where nobody has made the page yet */
async function copyVerifier(target: string) {
  const page = await Deno.readFile(join(ROOT, "verify.html")).catch(() => {
    throw new Failure(
      3,
      "Cannot write the page that verifies runs: it comes with the package, and this is a clone",
      {
        remedy: "Make it: deno task generate --verifier verify.html",
      },
    );
  });
  await writeAtomic(target, page);
}

/** Writes the run's numbers for a paper, and holds a paper against them. */
async function toPaper(
  found: FoundRun,
  judged: Judged,
  { latex, siunitx, typst, check }: Arguments<typeof REPORT_OPTIONS>["options"],
  terminal: Terminal,
): Promise<PaperCheck | undefined> {
  const { paperRun, writeNumbers } = await import("./paper/paper.ts");
  const run = paperRun(found, judged);
  const place = (path: string) => resolve(callerFolder(), path);
  if (latex !== undefined) {
    const { latexOf } = await import("./paper/latex.ts");
    await writeNumbers(place(latex), latexOf(run, { siunitx }));
    terminal.line(`LaTeX: ${place(latex)}`);
  }
  if (typst !== undefined) {
    const { typstOf } = await import("./paper/typst.ts");
    await writeNumbers(place(typst), typstOf(run));
    terminal.line(`Typst: ${place(typst)}`);
  }
  if (check === undefined) return undefined;
  const { checkPaper, describeCheck } = await import("./paper/check.ts");
  const checked = await checkPaper(place(check), run.numbers);
  describeCheck(check, checked).forEach((line) => terminal.line(line));
  return checked;
}

/** @throws Failure(3) where there is no browser */
export async function openInBrowser(path: string) {
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
