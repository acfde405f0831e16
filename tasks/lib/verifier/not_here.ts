/** In the place of modules that a page can't use, or has no use for: nothing of theirs is in it but their names. */

import { ContentProblem } from "../values/content_problem.ts";

/** Of `values/tracker_database.ts`: no browser has SQLite. */
export function metricInDatabase(): never {
  throw new ContentProblem("is a tracker's database, which no browser reads: deno task verify does");
}

function notHere(): never {
  throw new Error("a page has neither files nor processes");
}

/** Of `system/command.ts`. */
export const [run, runInTerminal] = [notHere, notHere];

/** Of `experiment/published_values.ts`: a run has the values that it was planned with. */
export const withPublishedValues = notHere;
