/** The data of a run: looked at before it is planned, and fetched where they are not there. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Experiment } from "../experiment/experiment.ts";
import type { Plan, PlannedData } from "../plan/plan.ts";
import { dataCache } from "./cache_folder.ts";
import { isWhole, showHash } from "./checksum.ts";
import { type DataStatus, isSound, statusOfAll, targetOf } from "./status.ts";

/** Fetches data by their names. */
export type FetchData = (experiment: Experiment, names: string[]) => Promise<void>;

/**
 * Looks at the data of steps, by sizes and times.
 *
 * @param fetch gets those that are not there or were altered; without it, they are only marked
 * @returns by name
 * @throws Failure as `fetch` does
 */
export async function planData(
  experiment: Experiment,
  steps: string[],
  fetch?: FetchData,
): Promise<Record<string, PlannedData>> {
  const names = [...new Set(steps.flatMap((step) => experiment.steps[step]!.data))];
  const all = names.map((name) => experiment.data[name]!);
  let statuses = await statusOfAll(experiment, all);
  const missing = statuses.filter(({ state }) => state !== "here").map(({ data }) => data.name);
  if (missing.length > 0 && fetch !== undefined) {
    await fetch(experiment, missing);
    statuses = await statusOfAll(experiment, all);
  }
  const cache = await dataCache();
  const isFetched = fetch !== undefined;
  return Object.fromEntries(
    statuses.map((found) => [found.data.name, plannedData(experiment, found, cache, isFetched)]),
  );
}

function plannedData({ root }: Experiment, found: DataStatus, cache: string, fetched: boolean): PlannedData {
  const { data, hash, state, entry, integrity, folder } = found;
  if (folder !== undefined && state === "here") {
    const { sha256, bytes } = folder;
    return {
      path: join(root, data.to),
      checksumOf: showHash(hash),
      sha256,
      treeSha256: sha256,
      bytes,
      source: data.how,
    };
  }
  const known = "sha256" in hash && isWhole(hash) ? hash.sha256 : undefined;
  // Still without a link after they were fetched: the project can't be written.
  const isReadInCache = fetched && state === "unlinked";
  return {
    path: isReadInCache ? targetOf(data, entry!) : join(root, data.to),
    folder: entry?.folder ?? (known && join(cache, known)),
    checksumOf: showHash(hash),
    sha256: entry?.record.sha256 ?? known,
    treeSha256: integrity?.treeSha256,
    bytes: entry?.record.bytes ?? data.size,
    source: entry === undefined ? data.urls[0] ?? data.how ?? data.from : entry.record.source,
    ...(entry === undefined && data.how !== undefined && { byHand: true as const }),
    ...(!isSound(state) && { missing: true }),
  };
}

/** Folders of the cache with the experiment's data that are there. */
export async function hereIn(experiment: Experiment): Promise<string[]> {
  const statuses = await statusOfAll(experiment, Object.values(experiment.data));
  return statuses.flatMap(({ state, entry }) => state === "here" ? entry!.folder : []);
}

/** @throws Failure(2) if data are others than those that a run began with */
export function refuseOtherData(before: Plan["data"] = {}, now: Plan["data"] = {}) {
  for (const [name, data] of Object.entries(before)) {
    const [began, found] = [identity(data), identity(now[name])];
    if (began === found) continue;
    throw new Failure(
      2,
      `Cannot resume: the run began with the data "${name}" of ${began}, here is ${found}`,
      {
        remedy: "Leave out --resume to start a new run",
      },
    );
  }
}

function identity(data: PlannedData | undefined): string {
  if (data === undefined) return "none";
  const { sha256, treeSha256 } = data;
  return `sha256:${sha256}${treeSha256 === undefined ? "" : `, unpacked sha256:${treeSha256}`}`;
}
