/** Unpacking a zip: its directory is read and checked as a whole, then all processors unpack. */

import { ask, WIDTH } from "../workers.ts";
import { ArchiveError } from "./archive_error.ts";
import type { Job } from "./job.ts";
import type { Amount } from "./limits.ts";
import { batchesOf, unpackBatch } from "./zip_batch.ts";
import { readZipPlan } from "./zip_directory.ts";
import type { ZipFile } from "./zip_file.ts";
import type { Answer, Share } from "./zip_worker.ts";

/** With so little, workers would take longer to start than to work. */
const FEW: Amount = { files: 3000, bytes: 64e6 };

/** @throws ArchiveError if the zip is damaged, unsafe or over the limits. */
export async function unpackZip(job: Job) {
  using archive = await Deno.open(job.archive);
  const { files, folders, bytes } = await readZipPlan(archive, job.limits);
  await job.expect({ files: files.length, bytes });
  for (const folder of folders) Deno.mkdirSync(`${job.tree}/${folder}`);
  const batches = batchesOf(files);
  if (files.length > FEW.files || bytes > FEW.bytes) return await unpackInWorkers(job, batches);
  const stop = () => job.signal?.aborted === true;
  for (const batch of batches) job.advance(await unpackBatch(archive, job.tree, batch, stop));
}

async function unpackInWorkers(job: Job, batches: ZipFile[][]) {
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const stop = () => Atomics.store(flag, 0, 1);
  const pending = batches.values();
  job.signal?.addEventListener("abort", stop);
  const workers = Array.from({ length: Math.min(WIDTH, batches.length) }, () => {
    return new Worker(new URL("./zip_worker.ts", import.meta.url), { type: "module" });
  });
  try {
    const all = workers.map((worker) => {
      return unpackIn(worker, pending, job, flag).catch((error) => {
        stop();
        throw error;
      });
    });
    // None may write any more when what was written is removed.
    const failed = (await Promise.allSettled(all)).find(({ status }) => status === "rejected");
    if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
  } finally {
    job.signal?.removeEventListener("abort", stop);
    workers.forEach((worker) => worker.terminate());
  }
}

/** Gives a worker one batch after the other, as long as there are any. */
async function unpackIn(worker: Worker, batches: Iterable<ZipFile[]>, job: Job, stop: Int32Array) {
  for (const files of batches) {
    const share: Share = { archive: job.archive, tree: job.tree, files, stop };
    const answer = await ask<Answer>(worker, share);
    if ("problem" in answer) {
      job.signal?.throwIfAborted();
      throw answer.isArchives ? new ArchiveError(answer.problem) : new Error(answer.problem);
    }
    job.advance(answer.done);
  }
}
