/** The lines in which two texts differ, as `diff -u` shows them. */

import { diff } from "node:util";

/** Unchanged lines shown around a change. */
const CONTEXT = 3;

/** Lines that begin with `-`, `+` or a space, and `@@` where something is left out; nothing for equal texts. */
export function diffLines(before: string, after: string): string[] {
  if (before === after) return [];
  const all = diff(linesOf(before), linesOf(after)); // 1: only the first has the line, -1: only the second
  const changed = all.flatMap(([operation], index) => operation === 0 ? [] : [index]);
  const lines: string[] = [];
  let shown = -1;
  let line = 1;
  for (const [index, [operation, text]] of all.entries()) {
    const isNear = changed.some((one) => Math.abs(one - index) <= CONTEXT);
    if (isNear) {
      if (shown !== index - 1) lines.push(`@@ line ${line} @@`);
      lines.push(`${operation === 1 ? "-" : operation === -1 ? "+" : " "}${text}`);
      shown = index;
    }
    if (operation !== 1) line++;
  }
  return lines;
}

function linesOf(text: string): string[] {
  return text.replace(/\n$/, "").split("\n");
}
