/** Archives of data, unpacked whole or not at all. */

import { Failure } from "../../cli/failure.ts";
import { isDiskFull } from "../../system/files.ts";
import { makeManifest, type TreeManifest } from "../tree/tree_manifest.ts";
import { ArchiveError } from "./archive_error.ts";
import { ANOTHER_DISK, Job } from "./job.ts";
import { type Amount, LIMITS, type Limits } from "./limits.ts";
import { unpackTar } from "./unpack_tar.ts";
import { unpackZip } from "./unpack_zip.ts";
import { UnpackingPlace } from "./unpacking_place.ts";

export interface UnpackOptions {
  /** Others than `LIMITS`. */
  limits?: Partial<Limits>;
  /** `total` is known for a zip only. */
  onProgress?: (done: Amount, total?: Amount) => void;
  signal?: AbortSignal;
}

export interface Unpacked extends Amount {
  /** It stands in the file `manifestPath(target)`, too. */
  manifest: TreeManifest;
}

/**
 * Unpacks an archive into a new folder, which is there whole or not at all; its manifest lies beside it.
 *
 * Only plain files and folders are unpacked: an archive with links, devices or names that are not safe is refused. The
 * files can't be written to, can be started where the archive says so, and are as old as the unpacking.
 *
 * Nothing is synchronized with the disk, which would take minutes. What a power cut has emptied is found: a file has
 * another size than the manifest says, and a manifest that is not whole can't be read.
 *
 * @throws Failure(2) if the archive is damaged, unsafe or over the limits, or the target exists; Failure(3) if the disk
 * is full, a program to decompress it is missing, or another process unpacks to the same target; Failure(130) if the
 * signal was given.
 */
export async function unpack(
  archive: string,
  kind: "zip" | "tar",
  target: string,
  { limits, onProgress, signal }: UnpackOptions = {},
): Promise<Unpacked> {
  try {
    await requireFile(archive);
    await using place = await UnpackingPlace.take(target);
    const job = new Job(archive, place.tree, { ...LIMITS, ...limits }, signal, onProgress);
    await (kind === "zip" ? unpackZip(job) : unpackTar(job));
    const manifest = makeManifest(job.files);
    signal?.throwIfAborted();
    await place.moveIn(manifest);
    return { ...job.amount, manifest };
  } catch (error) {
    throw asFailure(error, archive, signal);
  }
}

async function requireFile(archive: string) {
  const found = await Deno.stat(archive).catch(() => undefined);
  if (!found?.isFile) throw new Failure(2, `Cannot unpack ${archive}: there is no such file`);
}

function asFailure(error: unknown, archive: string, signal?: AbortSignal) {
  if (error instanceof Failure) return error;
  if (signal?.aborted) {
    return new Failure(130, `Interrupted while unpacking ${archive}; nothing of it is left`);
  }
  const { message } = error as Error;
  if (error instanceof ArchiveError) {
    return new Failure(2, `Cannot unpack ${archive}: ${message}`, { remedy: error.at.remedy });
  }
  if (isDiskFull(error)) {
    return new Failure(3, `Cannot unpack ${archive}: the disk is full; nothing of it is left`, {
      remedy: `Free some space, or ${ANOTHER_DISK}`,
    });
  }
  return new Failure(3, `Cannot unpack ${archive}: ${message}`);
}
