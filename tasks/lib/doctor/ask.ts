/** Asking a program about itself: it may be missing, fail, or never answer. */

import { Failure } from "../cli/failure.ts";
import { run } from "../system/command.ts";

/** How a program answered; a silent one was ended after so many seconds. */
export type Answer =
  | { kind: "missing" }
  | { kind: "silent"; seconds: number }
  | { kind: "ended"; code: number; stdout: string; stderr: string };

const LIMIT_MS = 5_000;

/** A process in an uninterruptible wait (a GPU driver that hangs) outlives SIGKILL; it is left behind after so long. */
const GRACE_MS = 500;

/** What the program answered within the limit. */
export async function ask(argv: string[], limitMs = LIMIT_MS): Promise<Answer> {
  const silent: Answer = { kind: "silent", seconds: limitMs / 1000 };
  const answer = run(argv, { timeoutMs: limitMs, keep: "all", env: { LC_ALL: "C" } }).then(
    ({ code, signal, stdout, stderr }): Answer =>
      signal === "SIGKILL" ? silent : { kind: "ended", code, stdout, stderr },
    (error): Answer => {
      if (error instanceof Failure) return { kind: "missing" };
      throw error;
    },
  );
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Answer>((resolve) =>
    timer = setTimeout(() => resolve(silent), limitMs + GRACE_MS)
  );
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a program printed, if it ended well. */
export function output(answer: Answer): string | undefined {
  return answer.kind === "ended" && answer.code === 0 ? answer.stdout : undefined;
}

/** The object that a program printed as JSON, also where it failed afterwards; undefined if it is none. */
// deno-lint-ignore no-explicit-any
export function jsonOf(answer: Answer): any {
  if (answer.kind !== "ended") return undefined;
  try {
    return JSON.parse(answer.stdout) ?? undefined;
  } catch {
    return undefined;
  }
}
