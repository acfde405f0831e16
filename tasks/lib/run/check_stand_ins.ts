/** Files of the clone that are only stood in for, by a pointer of Git LFS or a link of git-annex. */

import { isAbsolute, join, relative, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { describeStandIns, standInAt } from "../data/stand_in.ts";
import type { Plan, PlannedStep } from "../plan/plan.ts";
import { notCode } from "../record/project_tree.ts";

/**
 * Looks at each file that a step's command, its script or its `inputs` name, before anything runs.
 *
 * @throws Failure(3) for one that is not the file itself, with the way to get it
 */
export function checkStandIns(plan: Plan): void {
  const { root } = plan.experiment;
  const made = notCode(plan);
  for (const step of plan.steps) {
    const found = namedFiles(step, root).flatMap((path) => {
      const isMade = made.some((place) => path === place || path.startsWith(`${place}/`));
      return isMade ? [] : standInAt(join(root, path), path) ?? [];
    });
    if (found.length === 0) continue;
    const { problem, remedy } = describeStandIns(found);
    throw new Failure(3, `Cannot run "${step.name}": ${problem}`, { remedy });
  }
}

/** Relative to the root: whatever reads as a path of the project, also behind `--weights=`. */
function namedFiles({ argv, cwd, inputs = [] }: PlannedStep, root: string): string[] {
  const words = argv.flatMap((part) => [part, ...part.split(/[\s"'=;|&<>()]+/)]);
  const paths = words.filter((word) => word !== "" && !word.startsWith("-")).map((word) =>
    resolve(cwd, word)
  );
  const inside = paths.map((path) => relative(root, path)).filter((path) => path !== "" && !leadsOut(path));
  return [...new Set([...inputs, ...inside])];
}

function leadsOut(path: string): boolean {
  return path.startsWith("..") || isAbsolute(path);
}

/**
 * What may be behind a step's failure: files of the project that are not the files themselves.
 *
 * @param paths relative to the root
 * @returns nothing, or a phrase that names them and what helps
 */
export function standInsAmong(root: string, paths: string[]): string | undefined {
  const found = paths.flatMap((path) => standInAt(join(root, path), path) ?? []);
  if (found.length === 0) return undefined;
  const { problem, remedy } = describeStandIns(found);
  return `${problem}: ${remedy}`;
}
