/** Who holds a run folder. */

import { hostname } from "node:os";
import { basename, join } from "node:path";
import { Failure } from "../cli/failure.ts";

interface Holder {
  host: string;
  pid: number;
  since: string;
}

/** The right to write to a run folder. The operating system drops it when this process ends, however it ends. */
export class RunLock {
  #file: Deno.FsFile;
  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * Takes a run folder.
   *
   * @param force Take it although another host seems to hold it; locks of this host are never broken.
   * @throws Failure(3) that says who holds it.
   */
  static async take(directory: string, force = false): Promise<RunLock> {
    const path = join(directory, ".lock");
    const file = await Deno.open(path, { read: true, write: true, create: true });
    const holder = await readHolder(path);
    if (!await file.tryLock(true)) {
      file.close();
      throw new Failure(3, `The run ${basename(directory)} is held by ${describeHolder(holder)}`, {
        remedy: "Wait until it ends, or stop that process",
      });
    }
    // Locks of a network file system do not always reach other hosts, so what the holder wrote counts too.
    if (holder !== undefined && holder.host !== hostname() && !force) {
      file.close();
      throw new Failure(
        3,
        `The run ${basename(directory)} is held by ${describeHolder(holder)}, another host`,
        {
          remedy: "Make sure that nothing runs there any more, then add --force",
        },
      );
    }
    const mine: Holder = { host: hostname(), pid: Deno.pid, since: new Date().toISOString() };
    await file.truncate();
    await file.seek(0, Deno.SeekMode.Start);
    await file.write(new TextEncoder().encode(JSON.stringify(mine)));
    return new RunLock(file);
  }

  async release() {
    await this.#file.truncate().catch(() => {});
    this.#file.close();
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch {
    return undefined; // nobody has held it, or it was let go
  }
}

function describeHolder(holder: Holder | undefined): string {
  return holder ? `process ${holder.pid} on ${holder.host} since ${holder.since}` : "another process";
}

/** A holder that lets go empties the file; one that was killed leaves its name in it. */
export async function wasLeftLocked(directory: string): Promise<boolean> {
  return await Deno.stat(join(directory, ".lock")).then(({ size }) => size > 0, () => false);
}

/** Whether a living process works in the run folder. */
export async function isHeld(directory: string): Promise<boolean> {
  const file = await Deno.open(join(directory, ".lock"), { read: true }).catch(() => undefined);
  if (file === undefined) return false;
  try {
    return !await file.tryLock(false);
  } finally {
    file.close();
  }
}
