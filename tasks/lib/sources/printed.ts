/** A match of a regular expression in what a step printed: `train~/accuracy: (\S+)/`. */

import { findMatches, patternProblem } from "./pattern.ts";
import type { ClaimSource, SourceKind } from "./source.ts";

interface PrintedSource extends ClaimSource {
  kind: "printed";
  /** A regular expression with one group, to be used with the flags m and u. */
  pattern: string;
}

export const PRINTED: SourceKind<PrintedSource> = {
  name: "printed",
  examples: [String.raw`train~/accuracy: ([\d.]+)/`],
  isText: true,

  parse({ step, file, pattern }) {
    if (file !== undefined || pattern === undefined) return undefined;
    const problem = patternProblem(pattern);
    return problem ? { problem } : { kind: "printed", step, path: "log.txt", pattern };
  },

  format({ step, pattern }) {
    return `${step}~/${pattern}/`;
  },

  async read({ step, path, pattern }, files, form) {
    const [log, { printedBy }] = await Promise.all([files.text(path), import("../values/text.ts")]);
    // What is too long for the log stands in a file beside it.
    const printed = printedBy(step, log);
    if ("text" in printed) return await findMatches(printed.text, pattern, form, printed.firstLine);
    return await findMatches(await files.text(printed.file), pattern, form);
  },
};
