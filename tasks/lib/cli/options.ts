/** Options of a command line: what a task takes, and reading it strictly. */

import { parseArgs } from "node:util";
import { type ExitCode, Failure } from "./failure.ts";
import type { PermissionSet } from "./permissions.ts";
import { didYouMean } from "./suggest.ts";
import { Terminal } from "./terminal.ts";

/** An option as its task declares it. */
export interface Option {
  help: string;
  /** Name of the option's value, e.g. `DIR`; without one it is a switch. */
  value?: string;
  /** What the value is where the option stands alone. */
  fallback?: string;
  short?: string;
  /** May be given more than once. */
  many?: true;
  /** What the value may be. */
  choices?: readonly string[];
}

/** Options by their names, without `--`. */
export type OptionTable = Record<string, Option>;

/** Option values by name: a switch is a boolean, `many` a list, anything else a text or absent. */
export type OptionValues<O extends OptionTable> = {
  [Name in keyof O]: O[Name] extends { many: true } ? string[]
    : O[Name] extends { value: string } ? string | undefined
    : boolean;
};

/** A command line, parsed. */
export interface Arguments<O extends OptionTable> {
  options: OptionValues<O>;
  positionals: string[];
  /** Options that the task does not know itself; they may be declared parameters of the experiment. */
  parameters: Record<string, string>;
  /** Everything after `--`, for the step's own command. */
  rest: string[];
  /** Names of the options that the task does know. */
  known: string[];
}

/** Arguments without a name: how the help calls them, and how many there may be. */
export interface Positionals {
  usage: string;
  help: string;
  most: number;
}

/** What a task takes and how its help explains it. */
export interface CommandLine<O extends OptionTable> {
  name: string;
  summary: string;
  /** Command lines with what they do; the first is shown first of all. */
  examples: [command: string, effect: string][];
  options: O;
  /** What the positional arguments are, e.g. `[EXPERIMENT]`, and how many at most; without it none are taken. */
  positionals?: Positionals;
  /** The experiment's declared parameters are options too. */
  parameters?: true;
  /** What `--` passes on, if it does. */
  rest?: string;
  /** It hands the terminal to another program, so there is no result for `--json`, which is refused. */
  interactive?: true;
}

/**
 * For tasks that read 10,000 members: what V8 has room for before it looks for garbage, in MiB; it would take four times as
 * much. The processor's time is the same (bench/README.md).
 */
export const SMALL_MEMORY = "--v8-flags=--max-semi-space-size=4";

/**
 * For every other task: V8 would look for garbage whenever there is 1 MiB more, at first, and a task has done most of its
 * work by then. A plan takes 5 to 9 % less time so, and no more memory.
 */
export const FEW_COLLECTIONS = "--v8-flags=--min-semi-space-size=16";

/** A `deno task`: all there is to say about it, of which `deno task generate` writes its part of deno.json. */
export interface Task<O extends OptionTable> extends CommandLine<O> {
  /** The line by which `deno task` lists it. */
  description: string;
  /** The set of permissions, what else the task may do, which no other task needs, and what Deno's engine is told. */
  permissions: [set: PermissionSet, ...flags: (`--allow-${string}` | typeof SMALL_MEMORY)[]];
  /** Another name for it. */
  alias?: string;
  /** Only who works on this repository needs it: it is listed last, and says so. */
  maintainers?: true;
  /** Does the work. */
  run(args: Arguments<O>, terminal: Terminal): Promise<Outcome>;
}

/** A task whose options have their types; `main()` runs it. */
export function defineTask<O extends OptionTable>(task: Task<O>): Task<O> {
  return task;
}

/** The result is what `--json` prints; a program that was given the terminal has its own exit code. */
export type Outcome = { exitCode: 0 | ExitCode; result: unknown } | { programExited: number };

/** What `parse` fills in, before its types are those of the task's options. */
interface Parsed {
  options: Record<string, string | boolean | string[]>;
  positionals: string[];
  parameters: Record<string, string>;
  rest: string[];
  known: string[];
}

type Grammar = Pick<CommandLine<OptionTable>, "name" | "options" | "positionals" | "parameters" | "rest">;

type Token = ReturnType<typeof tokenize>[number];

type OptionToken = Extract<Token, { kind: "option" }>;

/**
 * Parses a command line strictly.
 *
 * @throws Failure(2) for an option that is unknown (with the nearest match), lacks its value, or has a wrong one, and
 * for more arguments than the task takes.
 */
export function parse<O extends OptionTable>(task: CommandLine<O>, argv: string[]): Arguments<O> {
  const tokens = tokenize(task.options, argv);
  const known = Object.keys(task.options);
  const args: Parsed = {
    options: emptyValues(task.options),
    positionals: [],
    parameters: {},
    rest: [],
    known,
  };
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token.kind === "option-terminator") {
      args.rest = argv.slice(token.index + 1);
      break;
    } else if (token.kind === "positional") {
      args.positionals.push(token.value);
    } else {
      const next = tokens[i + 1];
      const taken = takeOption(task, args, token, next && isValue(next, argv) ? argv[next.index] : undefined);
      // A negative number arrives as one token for each of its characters.
      while (taken && tokens[i + 1]?.index === next?.index) i++;
    }
  }
  checkCounts(task, args);
  return args as unknown as Arguments<O>;
}

function tokenize(options: OptionTable, argv: string[]) {
  return parseArgs({
    args: argv,
    options: parseArgsTable(options),
    strict: false,
    allowPositionals: true,
    tokens: true,
  }).tokens;
}

function emptyValues(options: OptionTable): Parsed["options"] {
  const values: Parsed["options"] = {};
  for (const [name, option] of Object.entries(options)) {
    if (option.many) values[name] = [];
    else if (option.value === undefined) values[name] = false;
  }
  return values;
}

/** Takes an option or a parameter over; returns whether the word that follows was its value. */
function takeOption(task: Grammar, args: Parsed, token: OptionToken, next: string | undefined): boolean {
  const option = Object.hasOwn(task.options, token.name) ? task.options[token.name] : undefined;
  const isSwitch = option !== undefined && option.value === undefined;
  const value = token.value ?? (isSwitch ? undefined : next);
  if (option === undefined) setParameter(task, args.parameters, token.name, token.rawName, value);
  else setOption(args.options, token.name, option, token.rawName, value);
  return !isSwitch && token.value === undefined && next !== undefined;
}

function checkCounts(task: Grammar, { positionals, rest }: Parsed) {
  if (rest.length > 0 && task.rest === undefined) {
    throw new Failure(2, `"deno task ${task.name}" passes nothing on: remove "--" and what follows it`);
  }
  const { most, usage } = task.positionals ?? { most: 0, usage: "" };
  if (positionals.length <= most) return;
  const takes = most === 0 ? "no argument" : most === 1 ? `one ${usage.replace(/[[\]]/g, "")}` : usage;
  throw new Failure(
    2,
    `"deno task ${task.name}" takes ${takes}, current value is "${positionals.join(" ")}"`,
  );
}

function parseArgsTable(options: OptionTable) {
  return Object.fromEntries(
    Object.entries(options).map(([name, option]) => [name, {
      // What may stand alone must not take the next option for its value.
      type: option.value === undefined || option.fallback !== undefined
        ? "boolean" as const
        : "string" as const,
      ...(option.short && { short: option.short }),
      ...(option.many && { multiple: true }),
    }]),
  );
}

/** Whether the next token can be an option's value: a plain word, or a negative number. */
function isValue(token: { kind: string; index: number }, argv: string[]): boolean {
  return token.kind === "positional" || (token.kind === "option" && /^-[\d.]/.test(argv[token.index] ?? ""));
}

function setOption(
  values: Record<string, string | boolean | string[]>,
  name: string,
  option: Option,
  shown: string,
  value: string | undefined,
) {
  if (option.value === undefined) {
    if (value !== undefined) throw new Failure(2, `${shown} takes no value, current value is "${value}"`);
    values[name] = true;
    return;
  }
  value ??= option.fallback;
  if (value === undefined) throw new Failure(2, `${shown} needs a value: ${shown} ${option.value}`);
  if (option.choices && !option.choices.includes(value)) {
    const wanted = option.choices.map((choice) => `"${choice}"`).join(" or ");
    throw new Failure(
      2,
      `${shown} must be ${wanted}, current value is "${value}"${didYouMean(value, option.choices)}`,
    );
  }
  if (option.many) (values[name] as string[]).push(value);
  else values[name] = value;
}

function setParameter(
  task: { name: string; options: OptionTable; parameters?: true },
  parameters: Record<string, string>,
  name: string,
  shown: string,
  value: string | undefined,
) {
  const hint = didYouMean(shown, Object.keys(task.options).map((option) => `--${option}`));
  const isOwn = !task.parameters || !shown.startsWith("--");
  if (isOwn) throw unknownOption(task.name, shown, hint);
  if (value === undefined) {
    if (hint !== "") throw unknownOption(task.name, shown, hint);
    throw new Failure(
      2,
      `${shown} needs a value: ${shown} VALUE, or ${shown}=VALUE where the value starts with a dash`,
    );
  }
  parameters[name] = value;
}

function unknownOption(task: string, shown: string, hint: string): Failure {
  return new Failure(2, `"deno task ${task}" has no option ${shown}${hint}`, {
    remedy: `deno task ${task} --help lists the options`,
  });
}
