/** What data are known by: a SHA-256, the beginning of one, or an MD5; and the pin that makes it whole. */

import { relative } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Data, DataHash, Experiment } from "../experiment/experiment.ts";
import { type ExperimentLock, lockPath, readLock, writePin } from "../experiment/pins.ts";
import { type Expected, type Found, readChecksums } from "./download/checksums.ts";
import { openRegular } from "../system/regular_file.ts";

/** `md5:c8fa…`, as messages and experiment.lock name it. */
export function showHash(hash: DataHash): string {
  if ("from" in hash) return hash.from;
  return "md5" in hash ? `md5:${hash.md5}` : `sha256:${hash.sha256}`;
}

/** False for an MD5 and for the beginning of a SHA-256, which a pin makes whole. */
export function isWhole(hash: DataHash): boolean {
  return "sha256" in hash && hash.sha256.length === 64;
}

/** The SHA-256 or MD5 of a file, whichever was wanted. */
export function showFound(wanted: DataHash, { sha256, md5 }: Found): string {
  return "md5" in wanted ? `md5:${md5}` : `sha256:${sha256}`;
}

/** What bytes must have. Data that were only named are looked up before any bytes are: nothing would be checked then. */
export function expectedOf(hash: DataHash): Expected {
  if ("from" in hash) throw new Error(`${hash.from} was not looked up`);
  return hash;
}

/** Both hashes in one reading; MD5 only where it is asked for. */
export async function hashFile(path: string, hash: DataHash): Promise<Found> {
  using file = await openRegular(path);
  return (await readChecksums(file, expectedOf(hash))).digest();
}

/** What experiment.lock keeps of one data set. */
export type DataPin = NonNullable<ExperimentLock["data"]>[string];

/** What the YAML says of data, as experiment.lock repeats it: where it says something else, it means other data. */
export function declaredOf({ from, hash }: Data): string {
  return from ?? showHash(hash);
}

/** What experiment.lock has for these data, if it was pinned for what the YAML says now. */
export async function readDataPin(experiment: Experiment, data: Data): Promise<DataPin | undefined> {
  if (data.from === undefined && isWhole(data.hash)) return undefined;
  const pin = (await readLock(experiment)).data?.[data.name];
  return pin?.declared === declaredOf(data) ? pin : undefined;
}

/** Data with what the lock knows of them: the address of what is only named, and the best hash. */
export async function pinned(experiment: Experiment, data: Data): Promise<{ data: Data; hash: DataHash }> {
  const pin = await readDataPin(experiment, data);
  if (pin === undefined) return { data, hash: data.hash };
  const { url, sha256, md5, size } = pin;
  const hash = sha256 !== undefined ? { sha256 } : md5 !== undefined ? { md5 } : data.hash;
  return { data: url === undefined ? data : { ...data, urls: [url], size: data.size ?? size }, hash };
}

/**
 * Pins the whole SHA-256 of data that the YAML does not give whole. Where the lock can't be written, the data can be used
 * all the same.
 *
 * @returns what to tell the user; nothing if there was nothing to pin
 */
export async function pinData(
  experiment: Experiment,
  data: Data,
  sha256: string,
): Promise<string | undefined> {
  const before = await readDataPin(experiment, data);
  if ((data.from === undefined && isWhole(data.hash)) || before?.sha256 === sha256) return undefined;
  const lock = relative(experiment.root, lockPath(experiment));
  try {
    await writePin(experiment, "data", data.name, {
      ...before,
      declared: declaredOf(data),
      sha256,
    });
    return `its SHA-256 is pinned in ${lock} from now on; commit that file`;
  } catch (error) {
    if (error instanceof Failure) throw error;
    return `its SHA-256, ${sha256}, is not pinned, since ${lock} can't be written: ${
      (error as Error).message
    }`;
  }
}
