/** Running a step: its signals, its streams, and whatever it leaves behind. */

import { signalGroup, spawn } from "./command.ts";
import { endProcesses } from "./processes.ts";
import type { WaitingProcess } from "./waiting_process.ts";

export interface SuperviseOptions {
  cwd: string;
  env: Record<string, string>;
  /** Receives the output as it comes, undecoded; awaited, so that a slow reader slows the writer and nothing piles up. */
  onOutput: (chunk: Uint8Array, stream: "stdout" | "stderr") => Promise<void> | void;
  /** Environment entry that marks every process of the run, also those that left its process group. */
  mark: string;
  stopper: StopSignals;
  /** After so long it is asked to end, and made to if it does not. */
  timeoutMs?: number;
  /** Called when a stop is passed on to the step, with the signal's name. */
  onStop?: (signal: string) => void;
  /** How the step is reached, where it is no child of this process; its process group without it. */
  reach?: (pid: number) => ProcessHandle;
  /** The step's process, if it was started before: it is let go. */
  ahead?: WaitingProcess;
  /** An engine keeps its processes and has ended them all where the command ends well: none is looked for. */
  endsAll?: boolean;
}

/** How a running step is asked to end, and made to. Failing is no error: the step may have ended by itself. */
export interface ProcessHandle {
  interrupt(): Promise<void> | void;
  kill(): Promise<void> | void;
}

function reachGroup(pid: number): ProcessHandle {
  return { interrupt: () => signalGroup(pid, "SIGINT"), kill: () => signalGroup(pid, "SIGKILL") };
}

export interface Supervised {
  code: number;
  /** The signal that ended the process itself. */
  signal?: string;
  /** The signal that asked the runner to stop while the step ran, if one did. */
  stoppedBy?: string;
  /** Its time was over. */
  timedOut?: true;
}

/**
 * Runs a step in a session of its own until it ends. The runner alone passes signals on: the first reaches the step as
 * SIGINT, so that it can save; a later one, or eight seconds, ends it. Whatever the step left running is ended too.
 *
 * @throws Failure(3) if the program can't be started.
 */
export async function supervise(argv: string[], options: SuperviseOptions): Promise<Supervised> {
  const child = await options.ahead?.letGo() ?? spawn(argv, options);
  const { stopper } = options;
  const reach = (options.reach ?? reachGroup)(child.pid);
  stopper.attach(reach, options.onStop);
  const limit = new TimeLimit(reach, options.timeoutMs);
  try {
    const [status] = await Promise.all([
      child.status.then((status) => (limit.clear(), stopper.detach(), status)),
      pump(child.stdout, (chunk) => options.onOutput(chunk, "stdout")),
      pump(child.stderr, (chunk) => options.onOutput(chunk, "stderr")),
      // A grandchild that outlives the step holds its output open: end it, or the pumps would wait for ever.
      child.status.then(async ({ success }) => {
        if (!options.endsAll || !success) {
          await endProcesses({ group: child.pid, mark: options.mark });
        }
      }),
    ]);
    const { passedOn: stoppedBy } = stopper;
    const ended = { code: status.code, signal: status.signal ?? undefined, stoppedBy };
    return limit.over ? { ...ended, timedOut: true } : ended;
  } catch (error) {
    await endProcesses({ group: child.pid, mark: options.mark });
    throw error;
  } finally {
    limit.clear();
    stopper.detach();
  }
}

/** How long a step may take, if that is limited. */
class TimeLimit {
  over?: true;
  #timer?: ReturnType<typeof setTimeout>;

  constructor(reach: ProcessHandle, afterMs?: number) {
    if (afterMs !== undefined) this.#wait(afterMs, reach);
  }

  /** Timers take at most 24.8 days. */
  #wait(ms: number, reach: ProcessHandle) {
    const most = 2 ** 31 - 1;
    this.#timer = setTimeout(
      () => ms > most ? this.#wait(ms - most, reach) : this.#end(reach),
      Math.min(ms, most),
    );
  }

  #end(reach: ProcessHandle) {
    this.over = true;
    reach.interrupt();
    this.#timer = setTimeout(() => reach.kill(), GRACE_MS);
  }

  clear() {
    clearTimeout(this.#timer);
  }
}

/** A second signal within this time is the same key press: the terminal sends it to every process in the foreground. */
const SAME_KEY_PRESS_MS = 500;

/** How long a step may take to save and leave after the first signal before it is ended: all is over within 10 s. */
const GRACE_MS = 8000;

/** Hears the signals that ask to stop, from a run's beginning to its end, and passes them on to the step that runs. */
export class StopSignals implements Disposable {
  /** The first signal that came. */
  signal?: Deno.Signal;
  /** The signal that was passed on to the step that runs, or that ran last. */
  passedOn?: Deno.Signal;
  #abort = new AbortController();
  #step?: { reach: ProcessHandle; onStop?: (signal: string) => void };
  #last = 0;
  #timer?: ReturnType<typeof setTimeout>;
  #listeners = new Map<Deno.Signal, () => void>();

  constructor() {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      const listener = () => this.#stop(name);
      this.#listeners.set(name, listener);
      Deno.addSignalListener(name, listener);
    }
  }

  /** Aborted by the first signal, for work that is not a step. */
  get aborted(): AbortSignal {
    return this.#abort.signal;
  }

  attach(reach: ProcessHandle, onStop?: (signal: string) => void) {
    this.#step = { reach, onStop };
    this.passedOn = undefined;
    if (this.signal !== undefined) this.#passOn(this.signal);
  }

  detach() {
    clearTimeout(this.#timer);
    this.#step = undefined;
  }

  #stop(name: Deno.Signal) {
    const now = performance.now();
    if (this.signal !== undefined && now - this.#last < SAME_KEY_PRESS_MS) return;
    this.#last = now;
    const again = this.signal !== undefined;
    this.signal ??= name;
    this.#abort.abort();
    if (this.#step !== undefined) this.#passOn(name);
    // Asked again with no step to pass it on to, e.g. while outputs are hashed: end at once.
    else if (again) this.#endMyself(name);
  }

  #passOn(name: Deno.Signal) {
    const { reach, onStop } = this.#step!;
    if (this.passedOn !== undefined) return void reach.kill();
    this.passedOn = name;
    onStop?.(name);
    this.#timer = setTimeout(() => reach.kill(), GRACE_MS);
    reach.interrupt();
  }

  #endMyself(name: Deno.Signal) {
    this[Symbol.dispose]();
    Deno.kill(Deno.pid, name);
  }

  [Symbol.dispose]() {
    this.detach();
    for (const [name, listener] of this.#listeners) Deno.removeSignalListener(name, listener);
    this.#listeners.clear();
  }
}

/** How long an unfinished line waits for its end: a progress bar or a question never ends its line. */
const LINE_MS = 50;

/** Bytes of an unfinished line that are held at most. */
const LINE_BYTES = 1 << 16;

/**
 * Passes a stream on by whole lines, so that two streams don't tear each other's lines apart: a program that doesn't
 * buffer writes one line in several pieces.
 */
async function pump(stream: ReadableStream<Uint8Array>, write: (chunk: Uint8Array) => Promise<void> | void) {
  const reader = stream.getReader();
  let unfinished = new Uint8Array();
  let since = 0;
  let next = reader.read();
  for (;;) {
    const chunk = unfinished.length === 0
      ? await next
      : await within(next, since + LINE_MS - performance.now());
    if (chunk === undefined || chunk.done) {
      if (unfinished.length > 0) await write(unfinished);
      if (chunk?.done) return;
      unfinished = new Uint8Array();
      continue;
    }
    if (unfinished.length === 0) since = performance.now();
    const bytes = unfinished.length === 0 ? chunk.value : joined(unfinished, chunk.value);
    const end = bytes.length > LINE_BYTES ? bytes.length : bytes.lastIndexOf(10) + 1;
    if (end > 0) {
      await write(bytes.subarray(0, end));
      since = performance.now();
    }
    unfinished = bytes.slice(end);
    next = reader.read();
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** What a promise gives, or undefined if it takes longer. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) =>
    timer = setTimeout(() => resolve(undefined), Math.max(0, ms))
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
