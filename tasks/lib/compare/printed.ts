/** What steps printed, compared in the place of files where two runs left none. */

import type { FoundRun } from "../record/run_folder.ts";
import { Folder, readRegularText } from "../system/regular_file.ts";
import { ContentProblem } from "../values/content_problem.ts";
import { printedBy } from "../values/text.ts";
import { type Difference, textDifference } from "./formats.ts";
import type { Masks } from "./incidental.ts";

export interface Printed {
  equal: { path: string }[];
  differing: ({ path: string } & Difference)[];
  onlyA: string[];
  onlyB: string[];
}

/** By step; a step is called as in a claim on what it printed, `train~`. */
export async function comparePrinted(
  a: FoundRun,
  b: FoundRun,
  masks: Masks,
): Promise<Printed> {
  const [printedA, printedB] = await Promise.all([printedIn(a), printedIn(b)]);
  const both = [...printedA.keys()].filter((step) => printedB.has(step));
  const isEqual = (step: string) => printedA.get(step) === printedB.get(step);
  const named = (steps: string[]) => steps.map((step) => `${step}~`);
  return {
    equal: both.filter(isEqual).map((step) => ({ path: `${step}~` })),
    differing: both.filter((step) => !isEqual(step)).map((step) => ({
      path: `${step}~`,
      ...textDifference(printedA.get(step)!, printedB.get(step)!, masks),
    })),
    onlyA: named([...printedA.keys()].filter((step) => !printedB.has(step))),
    onlyB: named([...printedB.keys()].filter((step) => !printedA.has(step))),
  };
}

/** Of each step that printed something, what it printed. */
async function printedIn({ directory, evidence }: FoundRun): Promise<Map<string, string>> {
  const within = new Folder(directory);
  const read = (name: string) => readRegularText(`${directory}/${name}`, { within }).catch(() => undefined);
  const log = await read("log.txt");
  const found = new Map<string, string>();
  for (const step of log === undefined ? [] : Object.keys(evidence.steps)) {
    const text = await textOf(step, log!, read);
    if (text?.trim()) found.set(step, text);
  }
  return found;
}

async function textOf(
  step: string,
  log: string,
  read: (name: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  try {
    const printed = printedBy(step, log);
    return "text" in printed ? printed.text : await read(printed.file);
  } catch (error) {
    if (error instanceof ContentProblem) return undefined;
    throw error;
  }
}
