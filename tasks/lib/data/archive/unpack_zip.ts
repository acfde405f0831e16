/** Unpacking a zip: its directory is read and checked as a whole, then all processors unpack. */

import { ask, shares, WIDTH } from "../../system/workers.ts";
import { ArchiveError } from "./archive_error.ts";
import type { Job } from "./job.ts";
import { batchesOf, unpackBatch } from "./zip_batch.ts";
import { readZipPlan, type ZipFile } from "./zip_directory.ts";
import type { Answer, Share } from "./zip_worker.ts";

/** With archives of so few bytes, workers would take longer to start than to work. */
const SMALL = 2e6;

/** @throws ArchiveError if the zip is damaged, unsafe or over the limits. */
export async function unpackZip(job: Job) {
  using archive = await Deno.open(job.archive);
  const isSmall = archive.statSync().size < SMALL;
  const workers = isSmall ? [] : startWorkers(); // they are up by the time that the directory is read
  try {
    const { files, folders, bytes } = readZipPlan(archive, job.limits);
    await job.expect({ files: files.length, bytes });
    for (const folder of folders) Deno.mkdirSync(`${job.tree}/${folder}`);
    const batches = batchesOf(files);
    await (isSmall ? unpackHere(job, archive, batches) : unpackIn(workers, job, batches));
  } finally {
    workers.forEach((worker) => worker.terminate());
  }
}

function startWorkers(): Worker[] {
  const url = new URL("./zip_worker.ts", import.meta.url);
  return Array.from({ length: WIDTH }, () => new Worker(url, { type: "module" }));
}

async function unpackHere(job: Job, archive: Deno.FsFile, batches: ZipFile[][]) {
  const stop = () => job.signal?.aborted === true;
  for (const batch of batches) job.advance(await unpackBatch(archive, job.tree, batch, stop));
}

async function unpackIn(workers: Worker[], job: Job, batches: ZipFile[][]) {
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const stop = () => Atomics.store(flag, 0, 1);
  job.signal?.addEventListener("abort", stop);
  // Neighbours mostly lie in one folder, where making files is one worker's turn at a time.
  const all = shares(batches).map((share, index) =>
    feed(workers[index]!, share, job, flag).catch((error) => {
      stop();
      throw error;
    })
  );
  // None may write any more when what was written is removed.
  const failed = (await Promise.allSettled(all)).find(({ status }) => status === "rejected");
  job.signal?.removeEventListener("abort", stop);
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
}

/** Gives a worker one batch after the other. */
async function feed(worker: Worker, batches: ZipFile[][], job: Job, stop: Int32Array) {
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
