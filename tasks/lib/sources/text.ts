/** A match of a regular expression in a notebook's outputs or in any other file: `train/log.txt~/accuracy: (\S+)/`. */

import { findMatches, patternProblem } from "./pattern.ts";
import type { ClaimSource, SourceKind } from "./source.ts";

interface TextSource extends ClaimSource {
  kind: "text";
  /** A regular expression with one group, to be used with the flags m and u. */
  pattern: string;
}

export const TEXT: SourceKind<TextSource> = {
  name: "text",
  examples: [String.raw`notebook/train.ipynb~/accuracy: ([\d.]+)/`],
  isText: true,

  parse({ step, file, pattern }) {
    if (file === undefined || pattern === undefined) return undefined;
    const problem = patternProblem(pattern);
    return problem ? { problem } : { kind: "text", step, path: `${step}/${file}`, pattern };
  },

  format({ path, pattern }) {
    return `${path}~/${pattern}/`;
  },

  async read({ path, pattern }, files, form) {
    const [text, { notebookOutputs }] = await Promise.all([files.text(path), import("../values/text.ts")]);
    return await findMatches(/\.ipynb$/i.test(path) ? notebookOutputs(text) : text, pattern, form);
  },
};
