/** Finding and ending the processes of a run, also when the runner that started them is gone. */

export interface ProcessQuery {
  /** Process group of the step; its leader started a session of its own. */
  group?: number;
  /**
   * An environment entry, `NAME=value`, that only processes of this run have. It also finds those that left the group,
   * such as Jupyter kernels, and tells them from strangers that were given a recycled number.
   */
  mark: string;
}

const POLL_MS = 20;

/** Ids of the living processes of a run, this one not among them. */
export async function findProcesses(query: ProcessQuery): Promise<number[]> {
  return Deno.build.os === "linux" ? await inProc(query) : groupMembers(query);
}

/** Asks the processes of a run to end, and makes them after `graceMs`; returns how many there were. */
export async function endProcesses(query: ProcessQuery, graceMs = 2000): Promise<number> {
  const found = await findProcesses(query);
  let left = found;
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    left.forEach((pid) => kill(pid, signal));
    const deadline = performance.now() + graceMs;
    while (left.length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      left = await findProcesses(query);
    }
    if (left.length === 0) break;
  }
  return found.length;
}

async function inProc(query: ProcessQuery): Promise<number[]> {
  const entries = [...Deno.readDirSync("/proc")].filter((entry) => /^\d+$/.test(entry.name));
  const found = await Promise.all(entries.map(async ({ name }) => {
    const pid = Number(name);
    return pid !== Deno.pid && await isMarked(pid, query.mark) && !isZombie(pid) ? [pid] : [];
  }));
  return found.flat();
}

async function isMarked(pid: number, mark: string): Promise<boolean> {
  try {
    return (await Deno.readTextFile(`/proc/${pid}/environ`)).split("\0").includes(mark);
  } catch {
    return false; // another user's, or gone
  }
}

function isZombie(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) === "Z";
  } catch {
    return true;
  }
}

/** Without /proc the group is all there is to go by: it is asked whether it is there, not who belongs to it. */
function groupMembers({ group }: ProcessQuery): number[] {
  if (group === undefined) return [];
  try {
    Deno.kill(-group, "SIGCONT");
    return [-group];
  } catch {
    return [];
  }
}

function kill(pid: number, signal: Deno.Signal) {
  try {
    Deno.kill(pid, signal);
  } catch {
    // gone between the look and the signal
  }
}
