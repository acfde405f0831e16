/** Command lines: options in, help, errors and exit codes out. Nothing else in the project ends the process. */

import { type ExitCode, Failure, type Problem } from "./failure.ts";
import { COMMON, help } from "./help.ts";
import { type Arguments, type OptionTable, parse, type Task } from "./options.ts";
import { asCalled } from "./program.ts";
import { Terminal } from "./terminal.ts";

/** Runs a task as this process's main job and ends the process with its exit code. */
export async function main<O extends OptionTable>(task: Task<O>, argv: string[] = Deno.args): Promise<never> {
  const terminal = new Terminal(argv.includes("--json") && !isAfterDashes(argv, "--json"));
  try {
    const args = parse({ ...task, options: { ...task.options, ...COMMON } }, argv);
    if (args.options.help) {
      console.log(asCalled(help(task)));
      Deno.exit(0);
    }
    if (task.interactive && terminal.json) {
      throw new Failure(2, `"deno task ${task.name}" has no --json: what it shows is another program's`);
    }
    const outcome = await task.run(args as unknown as Arguments<O>, terminal);
    if ("programExited" in outcome) Deno.exit(outcome.programExited);
    terminal.result(outcome.result);
    Deno.exit(outcome.exitCode);
  } catch (error) {
    Deno.exit(fail(error, terminal));
  }
}

function isAfterDashes(argv: string[], option: string): boolean {
  return argv.includes("--") && argv.indexOf("--") < argv.indexOf(option);
}

/** Prints an error for the person (or, with `--json`, the program) who asked, and says which exit code it means. */
function fail(error: unknown, terminal: Terminal): number {
  const failure = asFailure(error);
  if (failure === undefined) {
    terminal.note(`This is a defect of the task runner, not of your input:`);
    terminal.note(error instanceof Error ? error.stack ?? error.message : String(error));
    terminal.result({ error: { message: String(error), exitCode: 1 } });
    return 1;
  }
  const { problems = [], remedy, log } = failure.details;
  terminal.note(`${terminal.paint("error", "red", "bold")}: ${failure.message}`);
  for (const problem of problems) terminal.note(`  ${describe(problem)}`);
  if (remedy) terminal.note(`  ${terminal.paint("what to do", "bold")}: ${remedy}`);
  if (log) terminal.note(`  ${terminal.paint("log", "bold")}: ${log}`);
  terminal.result({
    error: { message: failure.message, exitCode: failure.exitCode, ...inWords(failure.details) },
  });
  return failure.exitCode;
}

/** For a program that reads `--json`: a remedy is a command, too. */
function inWords({ remedy, ...details }: Failure["details"]): Failure["details"] {
  return { ...(remedy !== undefined && { remedy: asCalled(remedy) }), ...details };
}

function describe({ file, line, column, message }: Problem): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(":");
  return place === "" ? message : `${place}  ${message}`;
}

/** Errors of the operating system that a user can do something about. */
const SYSTEM_PROBLEMS: [pattern: RegExp, exitCode: ExitCode, remedy: string][] = [
  [/ENOSPC|No space left|os error 28/, 3, "Free some space, or put the runs elsewhere with --runs DIR"],
  [
    /EDQUOT|quota exceeded|os error 122/i,
    3,
    "Free some of your quota, or put the runs elsewhere with --runs DIR",
  ],
  [
    /EROFS|Read-only file system|os error 30/,
    3,
    "Put the runs on a disk that can be written to, with --runs DIR",
  ],
  [
    /EACCES|EPERM|Permission denied|os error 13/,
    3,
    "Give this user the right to it, or keep the runs elsewhere with --runs DIR",
  ],
];

function asFailure(error: unknown): Failure | undefined {
  if (error instanceof Failure) return error;
  if (!(error instanceof Error)) return undefined;
  const match = SYSTEM_PROBLEMS.find(([pattern]) => pattern.test(error.message));
  return match && new Failure(match[1], error.message, { remedy: match[2] });
}
