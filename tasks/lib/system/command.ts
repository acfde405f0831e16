/** The only place that starts a process. A command is an argument list from end to end; no shell reads it. */

import { Failure } from "../cli/failure.ts";

export interface RunOptions {
  cwd?: string;
  /** Added to this process's environment. */
  env?: Record<string, string>;
  /** Start from an empty environment instead. */
  clearEnv?: boolean;
  /** What the command reads; nothing without it. */
  input?: Uint8Array<ArrayBuffer>;
  /** Called for each line as it comes; a carriage return ends a line too, so that progress bars arrive. */
  onLine?: (line: string, stream: "stdout" | "stderr") => void;
  timeoutMs?: number;
  /** What to keep of long output: its end (the default), its beginning, or all of it. */
  keep?: "tail" | "head" | "all";
  signal?: AbortSignal;
}

export interface Finished {
  code: number;
  signal?: string;
  /** At most `KEPT` characters of each stream, unless all was to be kept. */
  stdout: string;
  stderr: string;
}

/** Characters of each stream that `run` keeps. */
const KEPT = 1_000_000;

/**
 * Runs a short command to its end and returns what it printed. A non-zero exit code is a result, not an error.
 *
 * @throws Failure(3) if the program can't be started.
 */
export async function run(argv: string[], options: RunOptions = {}): Promise<Finished> {
  const child = spawn(argv, options);
  const stop = () => signalGroup(child.pid, "SIGKILL");
  const timer = options.timeoutMs === undefined ? undefined : setTimeout(stop, options.timeoutMs);
  options.signal?.addEventListener("abort", stop);
  if (options.signal?.aborted) stop();
  try {
    const [stdout, stderr, status] = await Promise.all([
      readLines(child.stdout, options.keep ?? "tail", (line) => options.onLine?.(line, "stdout")),
      readLines(child.stderr, "tail", (line) => options.onLine?.(line, "stderr")),
      child.status,
      options.input && write(child.stdin, options.input),
    ]);
    return { code: status.code, signal: status.signal ?? undefined, stdout, stderr };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", stop);
  }
}

/** A command that ends without having read everything is no error here: its exit code tells. */
async function write(stream: WritableStream<Uint8Array<ArrayBuffer>>, input: Uint8Array<ArrayBuffer>) {
  const writer = stream.getWriter();
  await writer.write(input).catch(() => {});
  await writer.close().catch(() => {});
}

/** Collects a stream, handing out its lines on the way. */
async function readLines(
  stream: ReadableStream<Uint8Array>,
  keep: "tail" | "head" | "all",
  onLine: (line: string) => void,
): Promise<string> {
  let kept = "";
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    if (keep === "all") kept += text;
    else kept = keep === "tail" ? (kept + text).slice(-KEPT) : (kept + text).slice(0, KEPT);
    const lines = (rest + text).split(/\r\n|\r|\n/);
    rest = lines.pop() ?? "";
    lines.filter((line) => line !== "").forEach(onLine);
  }
  if (rest !== "") onLine(rest);
  return kept;
}

/** Sends a signal to a process group; one that is gone already is no error. */
export function signalGroup(group: number, signal: Deno.Signal) {
  try {
    Deno.kill(-group, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) {
      throw error;
    }
  }
}

/**
 * Starts a process in a session and process group of its own, so that it can be ended with all it started.
 *
 * @throws Failure(3) if the program can't be started.
 */
export function spawn(argv: string[], options: Pick<RunOptions, "cwd" | "env" | "clearEnv" | "input"> = {}) {
  const { cwd, env, clearEnv, input } = options;
  const stdin = input === undefined ? "null" : "piped";
  const own = { stdin, stdout: "piped", stderr: "piped", detached: true } as const;
  return startProcess(argv, { cwd, env, clearEnv, ...own });
}

/**
 * Runs a command on the user's own terminal, or whatever standard input and output are, and returns its exit code.
 *
 * @throws Failure(3) if the program can't be started.
 */
export async function runInTerminal(
  argv: string[],
  options: Pick<RunOptions, "cwd" | "env"> = {},
): Promise<number> {
  const { cwd, env } = options;
  const child = startProcess(argv, { cwd, env, stdin: "inherit", stdout: "inherit", stderr: "inherit" });
  const stopListening = passSignals(child);
  const { code } = await child.status;
  stopListening();
  return code;
}

/**
 * Runs a command that says how it goes on this process's own standard error, and returns what it prints as its result.
 *
 * @throws Failure(3) if the program can't be started.
 */
export async function runBeside(argv: string[]): Promise<Omit<Finished, "stderr">> {
  const child = startProcess(argv, { stdin: "null", stdout: "piped", stderr: "inherit" });
  const stopListening = passSignals(child);
  const { code, signal, stdout } = await child.output();
  stopListening();
  return { code, signal: signal ?? undefined, stdout: new TextDecoder().decode(stdout) };
}

/** Passes signals on to a child in this process's own group until the returned function is called. */
function passSignals(child: Deno.ChildProcess): () => void {
  const stopListening = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((name) => {
    // A key press reaches the command as well: it alone decides what it means.
    const pass = () => name === "SIGINT" && Deno.stdin.isTerminal() ? undefined : child.kill(name);
    Deno.addSignalListener(name, pass);
    return () => Deno.removeSignalListener(name, pass);
  });
  return () => stopListening.forEach((stop) => stop());
}

function startProcess(argv: string[], options: Deno.CommandOptions): Deno.ChildProcess {
  const [program, ...args] = argv;
  if (program === undefined) throw new Failure(2, "Cannot start a command: its argument list is empty");
  try {
    return new Deno.Command(program, { ...options, args }).spawn();
  } catch (error) {
    throw new Failure(3, `Cannot start "${program}": ${startProblem(error, options.cwd)}`, {
      remedy: `Install "${program}", or put its folder on PATH`,
    });
  }
}

/** How long a program that opens something in another one takes to say that it can't. */
const LAUNCH_MS = 2000;

/**
 * Starts a program that goes on by itself, such as a browser.
 *
 * @returns false if it can't be started, or fails at once
 */
export async function launch(argv: [program: string, ...args: string[]]): Promise<boolean> {
  const [program, ...args] = argv;
  // With a list of programs that may be started, Deno starts none while the dynamic linker is told what to load.
  const env = Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => !/^(LD|DYLD)_/.test(name)),
  );
  try {
    const child = new Deno.Command(program, {
      args,
      env,
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      detached: true,
    }).spawn();
    child.unref();
    const goesOn = new Promise<true>((resolve) => setTimeout(() => resolve(true), LAUNCH_MS));
    return await Promise.race([child.status.then(({ success }) => success), goesOn]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

/** Removes a folder by a process that goes on by itself: thousands of files take seconds, and nobody waits for them. */
export function removeLater(path: string) {
  const streams = { stdin: "null", stdout: "null", stderr: "null" } as const;
  new Deno.Command("rm", { args: ["-rf", "--", path], ...streams, detached: true }).spawn().unref();
}

function startProblem(error: unknown, cwd?: string | URL): string {
  if (error instanceof Deno.errors.NotFound) {
    return cwd !== undefined && isMissing(cwd)
      ? `the folder ${cwd} is not there`
      : "the program is not there";
  }
  if (error instanceof Deno.errors.PermissionDenied) return "this user may not execute it";
  return error instanceof Error ? error.message : String(error);
}

/** Without node:fs, which every task would load for it. */
function isMissing(path: string | URL): boolean {
  try {
    Deno.statSync(path);
    return false;
  } catch {
    return true;
  }
}

/** A command line that can be pasted into a POSIX shell and means exactly these arguments. */
export function shellQuote(argv: string[]): string {
  return argv.map((arg) => /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`).join(
    " ",
  );
}
