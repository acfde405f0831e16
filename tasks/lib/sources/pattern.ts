/** What the kinds that search by a regular expression have in common. */

import { ContentProblem } from "../values/content_problem.ts";
import { NothingFound, SELECTORS } from "./selector.ts";
import type { Form, FoundValue } from "./source.ts";

/** A pattern is JavaScript's with the flags m and u: ^ and $ are a line's ends, an escape that means nothing is an error. */
export function patternProblem(pattern: string): string | undefined {
  let groups: number;
  try {
    groups = new RegExp(`${pattern}|`, "mu").exec("")!.length - 1;
  } catch (error) {
    const reason = (error as Error).message.replace(/^Invalid regular expression: \/.*\/\w*: /s, "");
    const hint = /Invalid group/.test(reason) && pattern.includes("(?P<") ? `, "(?P<" is "(?<" here` : "";
    return `must hold a valid regular expression: ${reason}${hint}`;
  }
  if (groups === 1) return undefined;
  const found = groups === 0 ? "none" : String(groups);
  return `must have one group in its regular expression, the value, it has ${found} ("(?:" begins one that is not counted)`;
}

/**
 * @param firstLine number of the text's first line in its file, for messages
 * @throws {ContentProblem} where the pattern matches never, or more than once where one value is expected
 */
export async function findMatches(
  text: string,
  pattern: string,
  form: Form,
  firstLine = 1,
): Promise<FoundValue[]> {
  const { search } = await import("../values/text.ts");
  const found = await search(text, pattern, firstLine);
  const lines = found.slice(0, 5).map(({ line }) => line).join(", ");
  if (found.length === 0) throw new NothingFound(`has no match for /${pattern}/`);
  if (form === "value" && found.length > 1) {
    const shown = found.length > 5 ? `${lines}, …` : lines;
    throw new ContentProblem(
      `matches /${pattern}/ ${found.length} times (lines ${shown}), where one value was looked for: ${SELECTORS}`,
    );
  }
  return found.map(({ text }) => ({ value: text, text }));
}
