/** A lock on a path, which goes with the process that holds it: one that was killed blocks nobody. */

import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 200;

/**
 * Waits until nobody else holds the path, and holds it until it is disposed of. The file is there only meanwhile.
 *
 * @throws the signal's AbortError, and what the system says if the file can't be made
 */
export async function holdPath(
  path: string,
  { onWait, signal }: { onWait?: () => void; signal?: AbortSignal } = {},
): Promise<Disposable> {
  for (let tell = onWait;;) {
    const held = await tryHoldPath(path);
    if (held !== undefined) return held;
    tell?.();
    tell = undefined;
    await delay(POLL_MS, undefined, { signal });
  }
}

/** As `holdPath`, but without waiting: nothing where somebody else holds the path. */
export async function tryHoldPath(path: string): Promise<Disposable | undefined> {
  while (true) {
    const file = await Deno.open(path, { read: true, write: true, create: true });
    if (!await file.tryLock(true)) return void file.close();
    if (await isAt(file, path)) return { [Symbol.dispose]: () => release(file, path) };
    file.close(); // the one before removed it after this process had opened it
  }
}

async function isAt(file: Deno.FsFile, path: string): Promise<boolean> {
  const [held, there] = await Promise.all([file.stat(), Deno.stat(path).catch(() => undefined)]);
  return held.ino === there?.ino && held.dev === there?.dev;
}

/** Removed while it is still held: who opens it now makes a new one. */
function release(file: Deno.FsFile, path: string) {
  try {
    Deno.removeSync(path);
  } catch {
    // a folder that can't be written to any more; the lock itself goes with the file
  }
  file.close();
}
