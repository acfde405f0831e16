/** `deno task data fetch`: all that an experiment declares and that is not there. */

import { resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { bytes, duration } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { Data, Experiment } from "../experiment/experiment.ts";
import { callerFolder } from "../system/project_root.ts";
import { StopSignals } from "../system/supervise.ts";
import type { ObtainOptions } from "./bring.ts";
import { LocalFileMissing } from "./local_file.ts";
import { type DataStatus, isSound, statusOfAll } from "./status.ts";
import { obtain } from "./obtain.ts";
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
 * Brings all that is missing, after saying what it will cost.
 *
 * @throws Failure as `obtain` does; 130 if it was interrupted
 */
export async function fetchAll(
  experiment: Experiment,
  chosen: Data[],
  options: FetchOptions,
  terminal: Terminal,
): Promise<DataStatus[]> {
  const before = await statusOfAll(experiment, chosen);
  const missing = before.filter(({ state }) => state === "absent" || state === "corrupted");
  if (missing.length > 0) announceCost(missing.map(({ data }) => data), options, terminal);
  if (!options.plan) return await obtainAll(experiment, before, options, terminal);
  listLines(before, terminal).forEach((line) => terminal.line(line));
  return before;
}

async function obtainAll(
  experiment: Experiment,
  before: DataStatus[],
  { offline, from }: FetchOptions,
  terminal: Terminal,
): Promise<DataStatus[]> {
  using stopper = new StopSignals();
  const options: ObtainOptions = {
    offline,
    from: from && resolve(callerFolder(), from),
    line: (text) => terminal.line(text),
    progress: (text) => terminal.progress(text),
    signal: stopper.aborted,
  };
  const looks: DataStatus[] = [];
  const notGiven: LocalFileMissing[] = [];
  try {
    for (const found of before) {
      const now = await obtainOne(experiment, found, options);
      if (now instanceof LocalFileMissing) notGiven.push(now);
      looks.push(now instanceof LocalFileMissing ? found : now);
    }
  } catch (error) {
    if (stopper.signal === undefined) throw error;
    throw new Failure(130, `Interrupted by ${stopper.signal}; what was downloaded is kept for the next time`);
  }
  requireUse(notGiven, before);
  return looks;
}

/** Says how it went, but for what was not among the files that the user brought. */
async function obtainOne(
  experiment: Experiment,
  found: DataStatus,
  options: ObtainOptions,
): Promise<DataStatus | LocalFileMissing> {
  if (found.state === "here") {
    options.line(readyLine(found));
    return found;
  }
  const started = performance.now();
  try {
    const now = await obtain(experiment, found.data, options);
    options.line(readyLine(now, duration((performance.now() - started) / 1000)));
    return now;
  } catch (error) {
    if (error instanceof LocalFileMissing) return error;
    throw error;
  }
}

/** One file is brought for whatever it fits; a folder should hold all that is missing. */
function requireUse(notGiven: LocalFileMissing[], before: DataStatus[]) {
  const [first, ...others] = notGiven;
  if (first === undefined) return;
  const wanted = before.filter(({ state }) => !isSound(state)).length;
  if (!first.isFolder && notGiven.length < wanted) return;
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
