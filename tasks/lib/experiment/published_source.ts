/** Where in a file of the authors' a claimed value stands. */

import { formatSource, parseSource } from "../sources/sources.ts";
import type { ClaimSource } from "../sources/source.ts";

/** Stands for the project in a source, which begins with a step. */
const PROJECT = "project";

/**
 * Reads `published: src/Train.ipynb`: the same place as in the run's file. It may name a place of its own, as in
 * `README.md?Model=LeNet#Acc.`.
 *
 * @returns the source, its path relative to the root; or in `problem` what it must be instead
 */
export function publishedSource(
  from: ClaimSource | { problem: string },
  published: string,
): ClaimSource | { problem: string } {
  if ("problem" in from) return from;
  const isWhole = /[#]|~\//.test(published);
  const source = parseSource(`${PROJECT}/${published}${isWhole ? "" : placeOf(from)}`, from.format);
  if ("problem" in source) {
    return {
      problem: source.problem.replace("a step, a file", "a file").replaceAll(
        `"${PROJECT}"`,
        "of the project",
      ),
    };
  }
  return { ...source, path: source.path.slice(PROJECT.length + 1) };
}

/** What follows the file in a source as it is written. */
function placeOf(from: ClaimSource): string {
  const written = formatSource(from);
  return written.slice(written.startsWith(from.path) ? from.path.length : from.step.length);
}
