/** What many members left, read on all processors. */

import type { Experiment } from "../experiment/experiment.ts";
import { isRecordStated } from "../record/sweep_receipt.ts";
import type { FoundSweep, Member } from "../record/sweep_record.ts";
import { ask, WIDTH } from "../system/workers.ts";
import { type Entries, numbersOf, readHere, type ToRead } from "./member_record.ts";

/** So many take longer to read than it takes to start a worker. */
const MANY = 2000;

/** Few enough that no processor waits long for another at the end. */
const AT_ONCE = 250;

/** Entries of runs, in their order; many are read in workers, too, beside this thread. */
export async function readMembers({ directory, runs, claims }: ToRead): Promise<Entries> {
  if (runs.length < MANY) return await readHere({ directory, runs, claims });
  const parts = Array.from(
    { length: Math.ceil(runs.length / AT_ONCE) },
    (_, part) => ({ directory, runs: runs.slice(part * AT_ONCE, (part + 1) * AT_ONCE), claims }),
  );
  const entries: Entries[] = [];
  const waiting = parts.entries();
  const take = async (read: (part: ToRead) => Promise<Entries>) => {
    for (const [index, part] of waiting) {
      entries[index] = await read(part);
      await new Promise((resolve) => setTimeout(resolve)); // what the workers sent is taken in
    }
  };
  const url = new URL("./member_worker.ts", import.meta.url);
  const workers = Array.from({ length: WIDTH - 1 }, () => new Worker(url, { type: "module" }));
  try {
    await Promise.all([take(readHere), ...workers.map((worker) => take((part) => ask(worker, part)))]);
  } finally {
    workers.forEach((worker) => worker.terminate());
  }
  return entries.flat();
}

/**
 * Reads what members that are done gave, where the record does not say it yet; the record is changed, not written.
 *
 * @returns the members whose evidence was read just now
 */
export async function keepNumbers(
  { directory, record }: FoundSweep,
  experiment: Experiment,
): Promise<Set<Member>> {
  const claims = numbersOf(experiment.claims, record.steps);
  const lacking = record.members.filter(({ status, run, found }) =>
    status === "done" && run !== undefined && found === undefined
  );
  const entries = await readMembers({ directory, runs: lacking.map(({ run }) => run!), claims });
  const read = new Set<Member>();
  for (const [index, member] of lacking.entries()) {
    const entry = entries[index];
    if (entry?.status !== "done" || entry.found === undefined) continue;
    Object.assign(member, entry);
    read.add(member);
  }
  return read;
}

/** Forgets the numbers of a record that is not the one that the sweep's receipt states: they are read again. */
export async function forgetUnstated({ directory, record }: FoundSweep): Promise<void> {
  if (record.members.every(({ found }) => found === undefined) || await isRecordStated(directory)) return;
  for (const member of record.members) Object.assign(member, { found: undefined, evidence: undefined });
}
