/** Finding and ending the processes of a run, also when the runner that started them is gone. */

import { run } from "./command.ts";
import { nodeProcess } from "./node.ts";

export interface ProcessQuery {
  /**
   * An environment entry, `NAME=value`, that only processes of this run have. It also finds those that left the step's
   * process group, as Jupyter kernels do, and tells them from strangers that were given a recycled number.
   */
  mark: string;
  /** Process group of the step; only while its leader is a child of this process, since numbers are recycled. */
  group?: number;
}

const POLL_MS = 20;

/** Ids of the living processes of a run; a process group counts as one, with a negative id. */
export async function findProcesses(query: ProcessQuery): Promise<number[]> {
  const marked = Deno.build.os === "linux" ? await markedInProc(query.mark) : await markedByPs(query.mark);
  const group = query.group !== undefined && lives(-query.group) ? [-query.group] : [];
  return [...group, ...marked.filter((pid) => pid !== Deno.pid)];
}

/** Asks the processes of a run to end, and makes them after `graceMs`; returns how many there were. */
export async function endProcesses(query: ProcessQuery, graceMs = 2000): Promise<number> {
  const found = await findProcesses(query);
  let left = found;
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    left.forEach((pid) => send(pid, signal));
    const deadline = performance.now() + graceMs;
    while (left.length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      left = await findProcesses(query);
    }
  }
  return found.length;
}

/** Deno reads /proc only with every permission, so grep does; the mark is an argument, never part of the script. */
async function markedInProc(mark: string): Promise<number[]> {
  const script = 'exec grep -lzsxF -e "$0" /proc/[0-9]*/environ';
  const text = await output(["sh", "-c", script, mark]);
  return [...text.matchAll(/^\/proc\/(\d+)\//gm)].map((match) => Number(match[1]));
}

async function markedByPs(mark: string): Promise<number[]> {
  const text = await output(["ps", "-A", "-E", "-ww", "-o", "pid=,command="]);
  return text.split("\n").filter((line) => line.split(" ").includes(mark)).map((line) => parseInt(line));
}

async function output(argv: string[]): Promise<string> {
  try {
    // The mark must not be found in the searcher's own environment.
    return (await run(argv, { env: { PATH: Deno.env.get("PATH") ?? "" }, clearEnv: true })).stdout;
  } catch {
    return ""; // the program is not there: nothing can be found this way
  }
}

function lives(id: number): boolean {
  try {
    return nodeProcess().kill(id, 0);
  } catch {
    return false;
  }
}

/** Ids of the living processes of a process group; none where there is no `ps`. */
export async function groupMembers(group: number): Promise<number[]> {
  const rows = (await output(["ps", "-A", "-o", "pid=,pgid="])).trim().split("\n");
  return rows.map((row) => row.trim().split(/\s+/).map(Number)).filter(([, id]) => id === group).map((
    [pid],
  ) => pid!);
}

/** Sends a signal to a process, or with a negative id to a group; one that is gone already is no error. */
export function send(id: number, signal: Deno.Signal) {
  try {
    Deno.kill(id, signal);
  } catch {
    // gone between the look and the signal
  }
}
