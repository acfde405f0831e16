/** The numbers of a run in a file that a paper reads. */

import { dirname } from "node:path";
import { Failure } from "../../cli/failure.ts";
import { visibleLine } from "../../cli/visible.ts";
import type { FoundRun } from "../../record/run_folder.ts";
import { writeAtomic } from "../../system/files.ts";
import { readTextIfThere } from "../../system/regular_file.ts";
import type { Judged } from "../../verdict/judge.ts";
import { fixedInWords } from "../text.ts";
import { type PaperNumber, paperNumbers } from "./numbers.ts";

/** A run and its numbers. */
export interface PaperRun {
  run: string;
  experiment: string;
  /** Day on which the run began, e.g. 2026-11-28. */
  date: string;
  /** What stands beside the verdict: what was altered, when the claims were fixed, remarks; a line each. */
  beside: string[];
  numbers: PaperNumber[];
}

const WRITTEN = "Written by the task report";

/** What is written as LaTeX and Typst; the texts hold no control characters any more. */
export function paperRun({ evidence }: FoundRun, judged: Judged): PaperRun {
  return {
    run: evidence.run,
    experiment: visibleLine(judged.experiment.name),
    date: evidence.created.slice(0, 10),
    beside: besideOf(judged.verdict).map(visibleLine),
    numbers: paperNumbers(judged),
  };
}

function besideOf(verdict: Judged["verdict"]): string[] {
  const { altered, remarks = [] } = verdict;
  return [
    ...altered.map((what) => `Altered since the run ended: ${what}`),
    ...[fixedInWords(verdict)].filter((words) => words !== undefined),
    ...remarks.map(({ step, remark }) => `Remark: the step "${step}" ${remark}`),
  ];
}

/** The first comment lines of such a file. */
export function heading({ run, experiment, date, beside }: Omit<PaperRun, "numbers">): string[] {
  return [
    `${WRITTEN}: edits are lost when it is written again.`,
    `${experiment}, run ${run} of ${date}`,
    ...beside,
  ];
}

/** @throws Failure(2) if something else stands there */
export async function writeNumbers(path: string, text: string): Promise<void> {
  const before = await readTextIfThere(path);
  if (before !== undefined && !before.includes(WRITTEN)) {
    throw new Failure(2, `Cannot write ${path}: a file is there that this task did not write`, {
      remedy: "Name another file, or remove that one",
    });
  }
  await Deno.mkdir(dirname(path), { recursive: true });
  await writeAtomic(path, text);
}
