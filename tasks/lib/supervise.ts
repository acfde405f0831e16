/** Running a step: its signals, its streams, and whatever it leaves behind. */

import { signalGroup, spawn } from "./command.ts";
import { endProcesses } from "./processes.ts";

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
  const child = spawn(argv, options);
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
      signalGroup(this.pid, "SIGINT");
      this.#timer = setTimeout(() => signalGroup(this.pid, "SIGKILL"), GRACE_MS);
    } else {
      signalGroup(this.pid, "SIGKILL");
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
