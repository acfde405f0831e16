/** How the program was called, so that the commands in its messages are those that the user can type. */

/** As the messages of this program are written. */
const WRITTEN = "deno task";

/** A launcher sets EXPERIMENT_PROGRAM to what the user types before a task's name; `deno task` without it. */
function calledBy(): string {
  const given = Deno.env.get("EXPERIMENT_PROGRAM") ?? "";
  return /^[\w.@/-]+(?: [\w.@/-]+)*$/.test(given) ? given : WRITTEN;
}

/** A text with its commands as the user calls this program: `deno task verify` may be `npx experiment verify`. */
export function asCalled(text: string): string {
  const program = calledBy();
  return program === WRITTEN ? text : text.replace(/\bdeno task(?= [a-z])/g, () => program);
}

/** How the descriptions of tasks begin that only who works on this program needs. */
export const FOR_MAINTAINERS = "For maintainers: ";
