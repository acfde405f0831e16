/** What many members left, read on all processors. */

import type { Experiment } from "../experiment/experiment.ts";
import { isRecordStated } from "../record/sweep_receipt.ts";
import type { FoundSweep, Member } from "../record/sweep_record.ts";
import { ask, WIDTH } from "../system/workers.ts";
import { type Entries, numbersOf, type Part, readShare, type ToRead, type ToShare } from "./member_record.ts";

/** So many take longer to read than it takes to start a worker. */
const MANY = 2000;

/** Workers that read members beside this thread; they load their code while it finds out what is to be read. */
export class Readers implements Disposable {
  readonly #workers: Worker[];

  /** @param most runs that may have to be read */
  constructor(most: number) {
    const url = new URL("./member_worker.ts", import.meta.url);
    const length = most < MANY ? 0 : WIDTH - 1;
    this.#workers = Array.from({ length }, () => new Worker(url, { type: "module" }));
  }

  /** Entries of runs, in their order. */
  async read({ directory, runs, claims }: ToRead): Promise<Entries> {
    // Each takes the next ones by itself: to ask for them would be to wait until this thread has time.
    const taken = new Int32Array(new SharedArrayBuffer(4));
    const shared: ToShare = { directory, runs, claims, taken };
    const theirs = this.#workers.map((worker) => ask<Part[]>(worker, shared));
    const parts = await Promise.all([readShare(shared), ...theirs]);
    return parts.flat().sort((a, b) => a.first - b.first).flatMap(({ entries }) => entries);
  }

  [Symbol.dispose]() {
    this.#workers.forEach((worker) => worker.terminate());
  }
}

/** Entries of runs, in their order; many are read in workers, too. */
export async function readMembers(wanted: ToRead): Promise<Entries> {
  using readers = new Readers(wanted.runs.length);
  return await readers.read(wanted);
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
