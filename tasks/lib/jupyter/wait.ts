/** Waiting until a server that was started can be used. */

import { Failure } from "../cli/failure.ts";
import { duration } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { ServerPlan } from "./plan.ts";
import { type Answer, probe } from "./probe.ts";
import type { ServerEngine } from "./server_engine.ts";

/** Time that JupyterLab may take on a slow disk that reads the image for the first time. */
const LIMIT_MS = 120_000;

const POLL_MS = 100;

/** Asking the engine costs more than asking the server. */
const LOOK_EVERY_MS = 1000;

/** Lines of the log that an error shows. */
const SHOWN = 12;

/**
 * Waits until the server answers to the token, and to nobody without it.
 *
 * @returns wall time in seconds
 * @throws Failure(1) with the end of its log if it ends, does not take the token or lets everybody in, Failure(130) if
 * interrupted.
 */
export async function waitUntilReady(
  { plan, engine, token, signal, terminal, limitMs = LIMIT_MS }: {
    plan: ServerPlan;
    engine: ServerEngine;
    token: string;
    signal: AbortSignal;
    terminal: Terminal;
    limitMs?: number;
  },
): Promise<number> {
  const started = performance.now();
  let looked = started;
  let answer: Answer = "silent";
  while (performance.now() - started < limitMs) {
    if (signal.aborted) {
      throw new Failure(130, "Interrupted while JupyterLab was starting; nothing of it is left");
    }
    answer = await probe(plan.port, token);
    const now = performance.now();
    if (answer === "ready") return Math.round(now - started) / 1000;
    if (answer === "open") break;
    if (now - looked > LOOK_EVERY_MS) {
      looked = now;
      const condition = await engine.condition(plan);
      if (condition.is === "ended") throw await withLog(plan, engine, `it ended (${condition.because})`);
      if (condition.is === "gone") {
        throw new Failure(1, "Cannot start JupyterLab: somebody else removed its container");
      }
    }
    if (now - started > LOOK_EVERY_MS) {
      terminal.progress(`Waiting for JupyterLab, ${duration((now - started) / 1000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw await withLog(plan, engine, describe(answer, limitMs));
}

function describe(answer: Answer, limitMs: number): string {
  const limit = duration(limitMs / 1000);
  if (answer === "open") {
    return "it lets everybody in without the token, so the image's own settings must say so";
  }
  if (answer === "silent") return `it did not answer within ${limit}`;
  return `what answers did not take the token within ${limit}`;
}

async function withLog(plan: ServerPlan, engine: ServerEngine, what: string): Promise<Failure> {
  const lines = await engine.lastLines(plan, SHOWN);
  return new Failure(
    1,
    `Cannot start JupyterLab: ${what}${lines.length > 0 ? "; the end of its log:" : ""}`,
    {
      problems: lines.map((message) => ({ message })),
    },
  );
}
