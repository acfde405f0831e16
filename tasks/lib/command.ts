/** The only place that starts a process. A command is an argument list from end to end; no shell reads it. */

import { Failure } from "./failure.ts";
import { endProcesses } from "./processes.ts";

export interface RunOptions {
  cwd?: string;
  /** Added to this process's environment. */
  env?: Record<string, string>;
  /** Start from an empty environment instead. */
  clearEnv?: boolean;
  /** Called for each line as it comes; a carriage return ends a line too, so that progress bars arrive. */
  onLine?: (line: string, stream: "stdout" | "stderr") => void;
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface Finished {
  code: number;
  signal?: string;
  /** The last `KEPT` characters of each stream. */
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
  const child = spawn(argv, options, true);
  const stop = () => endGroup(child.pid, "SIGKILL");
  const timer = options.timeoutMs === undefined ? undefined : setTimeout(stop, options.timeoutMs);
  options.signal?.addEventListener("abort", stop);
  if (options.signal?.aborted) stop();
  try {
    const [stdout, stderr, status] = await Promise.all([
      readLines(child.stdout, (line) => options.onLine?.(line, "stdout")),
      readLines(child.stderr, (line) => options.onLine?.(line, "stderr")),
      child.status,
    ]);
    return { code: status.code, signal: status.signal ?? undefined, stdout, stderr };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", stop);
  }
}

/** Collects a stream, handing out its lines on the way; returns its tail. */
async function readLines(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<string> {
  let kept = "";
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    kept = (kept + text).slice(-KEPT);
    const lines = (rest + text).split(/\r\n|\r|\n/);
    rest = lines.pop() ?? "";
    lines.filter((line) => line !== "").forEach(onLine);
  }
  if (rest !== "") onLine(rest);
  return kept;
}

export interface SuperviseOptions {
  cwd: string;
  env: Record<string, string>;
  /** Receives the output as it comes, undecoded; awaited, so that a slow reader slows the writer and nothing piles up. */
  onOutput: (chunk: Uint8Array, stream: "stdout" | "stderr") => Promise<void> | void;
  /** Called once the process runs. */
  onStart?: (pid: number) => Promise<void> | void;
  /** Environment entry that marks every process of the run, also those that left its process group. */
  mark: string;
  /** Called when a stop was asked for, with the signal's name. */
  onStop?: (signal: string) => void;
}

export interface Supervised {
  code: number;
  /** The signal that ended the process itself. */
  signal?: string;
  /** The signal that asked the runner to stop, if one did. */
  stoppedBy?: string;
}

/** A second signal within this time is the same key press: the terminal sends it to every process in the foreground. */
const SAME_KEY_PRESS_MS = 500;
/** How long a step may take to save and leave after the first signal before it is ended. */
export const GRACE_MS = 10_000;

/**
 * Runs a step in a session of its own until it ends. The runner alone passes signals on: the first SIGINT, SIGTERM or
 * SIGHUP reaches the step as SIGINT, so that it can save; a later one, or ten seconds, ends it. Whatever the step left
 * running is ended too.
 *
 * @throws Failure(3) if the program can't be started.
 */
export async function supervise(argv: string[], options: SuperviseOptions): Promise<Supervised> {
  const child = spawn(argv, options, true);
  const stopper = new Stopper(child.pid, options.onStop);
  try {
    await options.onStart?.(child.pid);
    const [status] = await Promise.all([
      child.status.then((status) => (stopper.ended(), status)),
      pump(child.stdout, (chunk) => options.onOutput(chunk, "stdout")),
      pump(child.stderr, (chunk) => options.onOutput(chunk, "stderr")),
      // A grandchild that outlives the step holds its output open: end it, or the pumps would wait for ever.
      child.status.then(() => endProcesses({ group: child.pid, mark: options.mark })),
    ]);
    return { code: status.code, signal: status.signal ?? undefined, stoppedBy: stopper.signal };
  } catch (error) {
    await endProcesses({ group: child.pid, mark: options.mark });
    throw error;
  } finally {
    stopper.dispose();
  }
}

/** Turns the runner's signals into the step's, once per key press. */
class Stopper {
  signal?: string;
  #last = 0;
  #timer?: ReturnType<typeof setTimeout>;
  #listeners = new Map<Deno.Signal, () => void>();

  constructor(readonly pid: number, readonly onStop?: (signal: string) => void) {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      const listener = () => this.#stop(name);
      this.#listeners.set(name, listener);
      Deno.addSignalListener(name, listener);
    }
  }

  #stop(name: Deno.Signal) {
    const now = performance.now();
    if (this.signal !== undefined && now - this.#last < SAME_KEY_PRESS_MS) return;
    this.#last = now;
    if (this.signal === undefined) {
      this.signal = name;
      this.onStop?.(name);
      endGroup(this.pid, "SIGINT");
      this.#timer = setTimeout(() => endGroup(this.pid, "SIGKILL"), GRACE_MS);
    } else {
      endGroup(this.pid, "SIGKILL");
    }
  }

  ended() {
    clearTimeout(this.#timer);
  }

  dispose() {
    clearTimeout(this.#timer);
    for (const [name, listener] of this.#listeners) Deno.removeSignalListener(name, listener);
  }
}

async function pump(stream: ReadableStream<Uint8Array>, write: (chunk: Uint8Array) => Promise<void> | void) {
  for await (const chunk of stream) await write(chunk);
}

/** Sends a signal to a process group; one that is gone already is no error. */
function endGroup(group: number, signal: Deno.Signal) {
  try {
    Deno.kill(-group, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) {
      throw error;
    }
  }
}

function spawn(argv: string[], options: RunOptions, detached: boolean) {
  const [program, ...args] = argv;
  if (program === undefined) throw new Failure(2, "Cannot start a command: its argument list is empty");
  try {
    return new Deno.Command(program, {
      args,
      cwd: options.cwd,
      env: options.env,
      clearEnv: options.clearEnv,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached,
    }).spawn();
  } catch (error) {
    throw new Failure(3, `Cannot start "${program}": ${startProblem(error, options.cwd)}`, {
      remedy: `Install "${program}", or put its folder on PATH`,
    });
  }
}

function startProblem(error: unknown, cwd?: string): string {
  if (error instanceof Deno.errors.NotFound) {
    return cwd !== undefined && !exists(cwd) ? `the folder ${cwd} is not there` : "the program is not there";
  }
  if (error instanceof Deno.errors.PermissionDenied) return "this user may not execute it";
  return error instanceof Error ? error.message : String(error);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch {
    return false;
  }
}

/** A command line that can be pasted into a POSIX shell and means exactly these arguments. */
export function shellQuote(argv: string[]): string {
  return argv.map((arg) => /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`).join(
    " ",
  );
}
