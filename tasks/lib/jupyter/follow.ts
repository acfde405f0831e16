/** JupyterLab in the foreground: its log is shown until it ends, or until the user has had enough. */

import type { Outcome } from "../cli.ts";
import { signalGroup, spawn } from "../command.ts";
import type { Stopper } from "../supervise.ts";
import type { Terminal } from "../terminal.ts";
import { type Condition, engineOf, type ServerEngine } from "./engines.ts";
import type { ServerPlan } from "./plan.ts";
import { describeEnd } from "./running.ts";
import { clearState, stateFolder } from "./state.ts";

/** How often the engine is asked, beside the end of the log. */
const LOOK_EVERY_MS = 2000;

/** Shows the log and stops the server at the first signal; whatever ends it, nothing of it is left. */
export async function followLog(plan: ServerPlan, stopper: Stopper, terminal: Terminal): Promise<Outcome> {
  const engine = await engineOf(plan);
  const { argv, ...options } = engine.logsCommand(plan, { follow: true, tail: "all" });
  const reader = spawn(argv, options);
  const shown = Promise.all([show(reader.stdout, terminal), show(reader.stderr, terminal)]);
  const condition = await untilEnded(plan, engine, shown, stopper.aborted);
  if (condition === undefined) terminal.note("Stopping JupyterLab");
  await engine.stop(plan);
  signalGroup(reader.pid, "SIGTERM"); // the reader of a file does not know that its writer is gone
  await shown;
  await clearState(stateFolder(plan.root));
  if (condition === undefined) return { exitCode: 130, result: { stoppedBy: stopper.signal } };
  terminal.line(describeEnd(plan, condition));
  return { exitCode: condition.is === "ended" && condition.failed ? 1 : 0, result: condition };
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
