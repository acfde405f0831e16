/** What an engine does for JupyterLab. */

import type { TerminalCommand } from "../engine/engine.ts";
import type { ServerPlan } from "./plan.ts";

/** What became of a server: it runs, has ended (its log is still there), or somebody else removed it. */
export type Condition = { is: "running" } | { is: "ended"; because: string; failed: boolean } | {
  is: "gone";
};

export interface ServerEngine {
  /** The command line that `start` runs. */
  startCommand(plan: ServerPlan): TerminalCommand;
  /**
   * Starts the server, which then goes on by itself; it need not answer yet.
   *
   * @throws Failure(3) if it can't be started.
   */
  start(plan: ServerPlan): Promise<void>;
  condition(plan: ServerPlan): Promise<Condition>;
  /** The end of the server's log. */
  lastLines(plan: ServerPlan, count: number): Promise<string[]>;
  /** Ends the server within ten seconds and removes what is left of it; one that is gone already is no error. */
  stop(plan: ServerPlan): Promise<void>;
  logsCommand(plan: ServerPlan, options: { follow: boolean; tail: string }): TerminalCommand;
  /** The user's shell, or a command, beside the server: as the same user, in the project's folder. */
  shellCommand(plan: ServerPlan, command: string[], onTerminal: boolean): TerminalCommand;
}
