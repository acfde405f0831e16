/** JupyterLab in the foreground: its log is shown until it ends, or until the user has had enough. */

import type { Outcome } from "../cli/options.ts";
import type { Terminal } from "../cli/terminal.ts";
import { signalGroup, spawn } from "../system/command.ts";
import type { StopSignals } from "../system/supervise.ts";
import { serverEngineOf } from "./engines.ts";
import type { ServerPlan } from "./plan.ts";
import { describeEnd } from "./running.ts";
import type { Condition, ServerEngine } from "./server_engine.ts";
import { readRecord } from "./server_record.ts";
import { acquireState, clearState, stateFolder } from "./state.ts";

/** How often the engine is asked, beside the end of the log. */
const LOOK_EVERY_MS = 2000;

/**
 * Shows the log and stops the server at the first signal; whatever ends it, nothing of it is left.
 *
 * @param started when it was started, which tells it from another that took its place
 */
export async function followLog(
  plan: ServerPlan,
  started: string,
  stopper: StopSignals,
  terminal: Terminal,
): Promise<Outcome> {
  const engine = await serverEngineOf(plan);
  const { argv, ...options } = engine.logsCommand(plan, { follow: true, tail: "all" });
  const reader = spawn(argv, options);
  const shown = Promise.all([show(reader.stdout, terminal), show(reader.stderr, terminal)]);
  const condition = await untilEnded(plan, engine, shown, stopper.aborted);
  if (condition === undefined) terminal.note("Stopping JupyterLab");
  const wasOurs = await removeOwn(plan, started, engine);
  signalGroup(reader.pid, "SIGTERM"); // the reader of a file does not know that its writer is gone
  await shown;
  if (condition === undefined) return { exitCode: 130, result: { stoppedBy: stopper.signal } };
  terminal.line(wasOurs ? describeEnd(plan, condition) : "Another command has stopped it");
  const failed = wasOurs && !(condition.is === "ended" && !condition.failed);
  return { exitCode: failed ? 1 : 0, result: condition };
}

/** Removes the server unless another command has done so, and may have started the next one. */
async function removeOwn(plan: ServerPlan, started: string, engine: ServerEngine): Promise<boolean> {
  const folder = stateFolder(plan.root);
  using _ = await acquireState(folder, true);
  if ((await readRecord(folder))?.started !== started) return false;
  await engine.stop(plan);
  await clearState(folder);
  return true;
}

type Ended = Exclude<Condition, { is: "running" }>;

/** Undefined if the user was first. */
async function untilEnded(
  plan: ServerPlan,
  engine: ServerEngine,
  shown: Promise<unknown>,
  aborted: AbortSignal,
): Promise<Ended | undefined> {
  const abort = new Promise<void>((resolve) => aborted.addEventListener("abort", () => resolve()));
  let logIsRead = false;
  const read = shown.then(() => logIsRead = true);
  while (!aborted.aborted) {
    const pause = Promise.withResolvers<void>();
    const timer = setTimeout(pause.resolve, LOOK_EVERY_MS);
    // A log may end before its server, and must not wake this more than once.
    await Promise.race([abort, pause.promise, ...(logIsRead ? [] : [read])]);
    clearTimeout(timer);
    if (aborted.aborted) break;
    const condition = await engine.condition(plan);
    if (condition.is !== "running") return condition;
  }
}

async function show(stream: ReadableStream<Uint8Array>, terminal: Terminal) {
  for await (const chunk of stream) terminal.raw(chunk);
}
