/** Running `tasks/inside/ownership/fix_ownership.py`, which looks at each file and repairs it. */

import { Failure } from "../cli/failure.ts";
import { lastLine, removeContainer } from "../container/client.ts";
import type { ContainerProgram } from "../container/program.ts";
import { explainStart } from "../engine/step_container.ts";
import { run } from "../system/command.ts";
import { StopSignals } from "../system/supervise.ts";
import { helperCommand, type Place, type Work } from "./place.ts";
import type { Request } from "./request.ts";

/** Files and folders that have something in common. */
export interface Tally {
  count: number;
  /** Bytes in regular files. */
  bytes: number;
  /** A few paths, relative to the project. */
  examples: string[];
}

/** What the helper found, and with `repair` did. */
export interface Report {
  /** Files, folders and links that were looked at. */
  entries: number;
  /** Files, folders and links that were changed. */
  changed: number;
  /** What does not belong to whom it should, by owner. */
  owners: (Tally & { uid: number; gid: number })[];
  /** What lacks rights of the group. */
  modes: Tally;
  /** What can't be repaired, by reason. */
  left: (Tally & { reason: string })[];
  /** What is left alone on purpose, by reason. */
  kept: (Tally & { reason: string })[];
}

/** Why the helper touched nothing. */
export type Refusal =
  | { refused: "other ids"; path: string; caller: [number, number]; here: [number, number] }
  | { refused: "no such id"; uid: number; gid: number }
  | (Report & { refused: "nearly everything" });

/**
 * Looks at the project, repairs it, or takes a repair back.
 *
 * @param undo what `onChange` was given when it was repaired
 * @param onChange called for each change before it is made
 * @throws Failure(3) if the helper can't run there, Failure(130) on a signal, when what was done stays so.
 */
export async function runHelper(
  place: Place,
  request: Request,
  work: Work,
  { progress, onChange, undo }: {
    progress: (line: string) => void;
    onChange?: (line: string) => void;
    undo?: Uint8Array<ArrayBuffer>;
  },
): Promise<Report | Refusal> {
  const name = `permissions-${crypto.randomUUID().slice(0, 8)}`;
  const argv = await helperCommand(place, request, work, name);
  using stopper = new StopSignals();
  let last = "";
  const { code, stderr } = await run(argv, {
    signal: stopper.aborted,
    input: undo,
    onLine: (line, stream) => {
      if (stream === "stderr") progress(line);
      else if (line.startsWith("[")) onChange?.(line);
      else last = line;
    },
  });
  if (stopper.signal !== undefined) {
    if (place.kind === "container") await removeLate(place.program, name);
    throw new Failure(130, "Interrupted: what was repaired stays so, and running it again does the rest");
  }
  if (code === 0) return JSON.parse(last);
  // These are the client's own exit codes for a container that did not start.
  if (place.kind === "container" && code >= 125 && code <= 127) {
    throw await explainStart(place.program, place.image, complaint(stderr));
  }
  throw new Failure(
    3,
    `Cannot look at ${request.root}: ${complaint(stderr) || `python3 ended with exit code ${code}`}`,
  );
}

/**
 * Ending the client leaves the container running; and an engine that was still making it goes on, so that it appears a
 * little later.
 */
async function removeLate(program: ContainerProgram, name: string) {
  for (let attempt = 0; attempt < 10 && !await removeContainer(program, name); attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

/** What the client says, without its hint on where help is. */
function complaint(stderr: string): string {
  return lastLine(stderr);
}
