/** Values in texts: what a notebook's cells or a step printed, found by a regular expression in bounded time. */

import { ContentProblem } from "./content_problem.ts";

/** Longest time that a search may take (ms); a pattern that takes longer backtracks without end. */
export const SEARCH_LIMIT_MS = 2000;

interface Match {
  text: string;
  /** Line of the match, 1-based in the file. */
  line: number;
}

/**
 * What the pattern's group holds in each of its matches, in order.
 *
 * The search runs in a context of its own, because only that can be stopped when it takes too long.
 *
 * @param firstLine number of the text's first line in its file
 * @throws {ContentProblem} if it takes longer than {@link SEARCH_LIMIT_MS}, or the group is left out of a match
 */
export async function search(text: string, pattern: string, firstLine = 1): Promise<Match[]> {
  const { runInNewContext } = await import("node:vm");
  let found: string;
  try {
    found = runInNewContext(
      `JSON.stringify(Array.from(text.matchAll(new RegExp(pattern, "gmu")), (match) => [match[1], match.index]))`,
      { text, pattern },
      { timeout: SEARCH_LIMIT_MS },
    );
  } catch (error) {
    if ((error as { code?: string }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    throw new ContentProblem(
      `was searched for ${SEARCH_LIMIT_MS / 1000} s in vain: /${pattern}/ tries too many ways to match, ` +
        "as one with a repetition inside a repetition does",
    );
  }
  return withLines(text, JSON.parse(found), pattern, firstLine);
}

function withLines(
  text: string,
  found: [string | null, number][],
  pattern: string,
  firstLine: number,
): Match[] {
  let line = firstLine;
  let counted = 0;
  return found.map(([group, index]) => {
    line += text.slice(counted, index).split("\n").length - 1;
    counted = index;
    if (group === null) throw new ContentProblem(`matches /${pattern}/ in line ${line} without its group`);
    return { text: group, line };
  });
}

// deno-lint-ignore no-control-regex -- terminal colours, which progress bars and loggers write
const COLOURS = /\x1b\[[\d;]*[A-Za-z]/g;

/**
 * The cells of a notebook as they stand there, not checked further.
 *
 * @throws {ContentProblem} if it is none
 */
// deno-lint-ignore no-explicit-any -- anything may stand there
export function notebookCells(json: string): any[] {
  let cells: unknown;
  try {
    cells = JSON.parse(json)?.cells;
  } catch (error) {
    throw new ContentProblem(`is not a notebook: ${(error as Error).message}`);
  }
  if (!Array.isArray(cells)) throw new ContentProblem("is not a notebook: it has no cells");
  return cells;
}

/** Everything that the code cells of a notebook printed or returned as text, in order; never their source. */
export function notebookOutputs(json: string): string {
  const texts = notebookCells(json).flatMap((cell) =>
    Array.isArray(cell?.outputs) ? cell.outputs.map(outputText) : []
  );
  return texts.map((text) => text.endsWith("\n") || text === "" ? text : `${text}\n`).join("").replace(
    COLOURS,
    "",
  );
}

/** In nbformat a text is one string or a list of lines. */
function outputText(
  output: { text?: string | string[]; data?: Record<string, string | string[]> } | null,
): string {
  const text = output?.text ?? output?.data?.["text/plain"] ?? "";
  return Array.isArray(text) ? text.join("") : String(text);
}

/**
 * What a step printed, out of the run's log: the last time that it ran.
 *
 * @returns the text and the number of its first line in the log, or the name of the file beside it that holds all of it
 * @throws {ContentProblem} if the log has no part of that step
 */
export function printedBy(
  step: string,
  log: string,
): { text: string; firstLine: number } | { file: string } {
  const heads = [...log.matchAll(/^==== \d{4}-\d\d-\d\dT[\d:.]+Z (.*)$/gm)];
  const index = heads.findLastIndex(([, title]) => title!.startsWith(`step ${step}: `));
  if (index < 0) throw new ContentProblem(`has no part of step "${step}"`);
  const next = heads[index + 1];
  const whole = next === undefined
    ? undefined
    : /printed more than this log holds: all of it is in (log-[\w.-]+)$/.exec(next[1]!);
  if (whole) return { file: whole[1]! };
  const start = heads[index]!.index + heads[index]![0].length + 1;
  const firstLine = log.slice(0, start).split("\n").length;
  return { text: log.slice(start, next?.index).replace(COLOURS, ""), firstLine };
}
