/** A process that is started before its time. */

import { spawn } from "./command.ts";
import { endProcesses } from "./processes.ts";

/** Variable that tells a process to wait: it does nothing but load what it needs until it can read a line. */
export const AHEAD = "EXPERIMENT_AHEAD";

/**
 * A process that loads what it needs, and then waits on its standard input until it is let go. One that nobody has let
 * go is ended with all that it has started.
 */
export class WaitingProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #mark: string;
  #isOver = false;

  /**
   * @param mark environment entry that marks every process of the run
   * @throws Failure(3) if the program can't be started.
   */
  constructor(
    argv: string[],
    { cwd, env, mark }: { cwd: string; env: Record<string, string>; mark: string },
  ) {
    this.#child = spawn(argv, { cwd, env: { ...env, [AHEAD]: "1" }, input: new Uint8Array() });
    this.#mark = mark;
  }

  /** Its turn has come, or it was ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Lets it begin. Where it has ended by then, its exit code and what it has printed say why. */
  async letGo(): Promise<Deno.ChildProcess> {
    this.#isOver = true;
    const input = this.#child.stdin.getWriter();
    await input.write(new TextEncoder().encode("\n")).catch(() => {});
    await input.close().catch(() => {});
    return this.#child;
  }

  async [Symbol.asyncDispose]() {
    if (this.#isOver) return;
    this.#isOver = true;
    const { pid: group, stdin, stdout, stderr, status } = this.#child;
    await stdin.close().catch(() => {});
    await endProcesses({ group, mark: this.#mark });
    await Promise.all([status, stdout.cancel(), stderr.cancel()]);
  }
}
