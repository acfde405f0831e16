/** A problem in a file that a user wrote, with the place where it stands. */
export interface Problem {
  /** What is wrong and what would be right, e.g. `gpus must be "all", a count or device ids, current value is "two"`. */
  message: string;
  /** File as the user would name it. */
  file?: string;
  /** 1-based. */
  line?: number;
  /** 1-based. */
  column?: number;
}

/** What the exit codes mean, for the reference. */
export const EXIT_CODES = {
  0: "done, or every claim holds",
  1: "a step failed, a claim does not hold or can't be decided, a record was altered, or the audit found something",
  2: "the request or a file is wrong",
  3: "this machine cannot do it now; the message says what to do",
  130: "interrupted",
} as const;

/** The exit codes of failures. */
export type ExitCode = Exclude<keyof typeof EXIT_CODES, 0>;

/** An error whose message is meant for the user. `cli.ts` prints it without a stack trace and ends the process with its code. */
export class Failure extends Error {
  override name = "Failure";
  constructor(
    readonly exitCode: ExitCode,
    message: string,
    readonly details: {
      /** What to do about it, as one sentence or command. */
      remedy?: string;
      /** Every problem that was found, not only the first. */
      problems?: Problem[];
      /** Path of a log that holds more. */
      log?: string;
    } = {},
  ) {
    super(message);
  }
}
