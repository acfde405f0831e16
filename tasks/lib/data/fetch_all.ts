/** `deno task data fetch`: all that an experiment declares and that is not there. */

import { resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { bytes, duration } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { Data, Experiment } from "../experiment/experiment.ts";
import { callerFolder } from "../system/project_root.ts";
import { StopSignals } from "../system/supervise.ts";
import type { FetchFileOptions } from "./fetch_file.ts";
import { LocalFileMissing } from "./local_file.ts";
import { type DataStatus, isSound, statusOfAll } from "./status.ts";
import { fetchOne } from "./fetch_one.ts";
import { resolveData } from "./resolve.ts";
import { listLines, readyLine } from "./show.ts";

export interface FetchOptions {
  offline: boolean;
  /** A file, or a folder with files, to take instead of downloading. */
  from?: string;
  /** Only show what would be fetched. */
  plan: boolean;
  /** Fetch more than 1 GB, too. */
  yes: boolean;
}

/** Bytes that are fetched without being asked for twice. */
const UNASKED = 1e9;

/**
 * Fetches all that is missing, after saying what it will cost.
 *
 * @throws Failure as `fetchOne` does; 130 if it was interrupted
 */
export async function fetchAll(
  experiment: Experiment,
  chosen: Data[],
  options: FetchOptions,
  terminal: Terminal,
): Promise<DataStatus[]> {
  if (!options.plan) await resolveData(experiment, chosen, options, terminal);
  const before = await statusOfAll(experiment, chosen);
  const missing = before.filter(({ state }) => state === "absent" || state === "corrupted");
  const downloads = missing.map(({ data }) => data).filter(({ urls }) => urls.length > 0);
  if (downloads.length > 0) announceCost(downloads, options, terminal);
  if (!options.plan) return await fetchEach(experiment, before, options, terminal);
  listLines(before, terminal).forEach((line) => terminal.line(line));
  return before;
}

async function fetchEach(
  experiment: Experiment,
  before: DataStatus[],
  { offline, from }: FetchOptions,
  terminal: Terminal,
): Promise<DataStatus[]> {
  using stopper = new StopSignals();
  const options: FetchFileOptions = {
    offline,
    from: from && resolve(callerFolder(), from),
    line: (text) => terminal.line(text),
    progress: (text) => terminal.progress(text),
    signal: stopper.aborted,
  };
  const statuses: DataStatus[] = [];
  const missingFiles: LocalFileMissing[] = [];
  try {
    for (const found of before) {
      const now = await fetchAndTell(experiment, found, options);
      if (now instanceof LocalFileMissing) missingFiles.push(now);
      statuses.push(now instanceof LocalFileMissing ? found : now);
    }
  } catch (error) {
    if (stopper.signal === undefined) throw error;
    throw new Failure(130, `Interrupted by ${stopper.signal}; what was downloaded is kept for the next time`);
  }
  requireUse(missingFiles, before);
  return statuses;
}

/** Says how it went, but for what is not among the local files. */
async function fetchAndTell(
  experiment: Experiment,
  found: DataStatus,
  options: FetchFileOptions,
): Promise<DataStatus | LocalFileMissing> {
  if (found.state === "here") {
    options.line(readyLine(found));
    return found;
  }
  const started = performance.now();
  try {
    const now = await fetchOne(experiment, found.data, options);
    options.line(readyLine(now, duration((performance.now() - started) / 1000)));
    return now;
  } catch (error) {
    if (error instanceof LocalFileMissing) return error;
    throw error;
  }
}

/** One local file is for whatever it fits; a folder should hold all that is missing. */
function requireUse(missingFiles: LocalFileMissing[], before: DataStatus[]) {
  const [first, ...others] = missingFiles;
  if (first === undefined) return;
  const expected = before.filter(({ state }) => !isSound(state)).length;
  if (!first.isFolder && missingFiles.length < expected) return;
  throw new Failure(2, first.message, {
    ...first.details,
    problems: others.map(({ message }) => ({ message })),
  });
}

/** @throws Failure(2) for more than 1 GB that nobody has said yes to */
function announceCost(missing: Data[], { yes, plan, from, offline }: FetchOptions, terminal: Terminal) {
  if (from !== undefined || offline) return;
  const known = missing.reduce((sum, { size = 0 }) => sum + size, 0);
  const each = missing.map(({ name, size }) => `${name} (${size ? bytes(size) : "of unknown size"})`);
  const isUnpacked = missing.some(({ unpack }) => unpack !== undefined);
  const kept = isUnpacked ? "; archives are kept beside what is unpacked from them" : "";
  terminal.line(`To download: ${each.join(", ")}${kept}`);
  if (known <= UNASKED || yes || plan) return;
  throw new Failure(2, `Cannot download ${bytes(known)} without being told to: that is more than 1 GB`, {
    remedy: "Add --yes",
  });
}
