/** What is kept of a project's JupyterLab between two commands: a folder of the user's own, outside the project. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { acquire, describeHolder, readHolder, tryAcquire } from "../system/file_lock.ts";
import { sha256 } from "../system/files.ts";

export interface StateFolder {
  path: string;
  record: string;
  token: string;
  /** Output of a server that is a process of this machine; engines keep that of containers. */
  log: string;
  /** A page that leads a browser to the server, so that the token is in no command line. */
  page: string;
}

/**
 * The folder of a project's server. Nothing is written.
 *
 * @throws Failure(3) for a user without a home.
 */
export function stateFolder(root: string): StateFolder {
  const home = Deno.env.get("HOME");
  const states = Deno.env.get("XDG_STATE_HOME") || (home && join(home, ".local/state"));
  if (!states) {
    throw new Failure(3, "Cannot keep a token for JupyterLab: there is no HOME", {
      remedy: "Set HOME, or XDG_STATE_HOME to a folder of your own",
    });
  }
  const path = join(states, "experiment-jupyter", sha256(root).slice(0, 16));
  const file = (name: string) => join(path, name);
  return {
    path,
    record: file("jupyter.json"),
    token: file("token"),
    log: file("jupyter.log"),
    page: file("open.html"),
  };
}

/** Makes the folder, for its owner alone. */
export async function makeStateFolder({ path }: StateFolder): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    await Deno.chmod(path, 0o700);
  } catch (error) {
    throw new Failure(
      3,
      `Cannot make the folder ${path} for JupyterLab's token: ${(error as Error).message}`,
      {
        remedy: "Set XDG_STATE_HOME to a folder of your own",
      },
    );
  }
}

/** Forgets a server, its token and its log. */
export async function clearState({ path }: StateFolder): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

/**
 * Keeps others from starting or stopping a server of the same project at the same time; the operating system lets go of
 * it when this process ends, however it ends.
 *
 * @param patient wait for the other instead of failing
 * @throws Failure(3) if another process is starting or stopping one.
 */
export async function acquireState({ path }: StateFolder, patient = false): Promise<Disposable> {
  const [file, doing] = [`${path}.lock`, "starting or stopping this project's JupyterLab"];
  if (patient) return await acquire(file, { doing });
  const lock = await tryAcquire(file, doing);
  if (lock !== undefined) return lock;
  throw new Failure(3, `Cannot touch JupyterLab: it is locked by ${describeHolder(await readHolder(file))}`, {
    remedy: "Wait for it, then see: deno task status",
  });
}

/** Writes a file that only its owner can read, also while it is being written. */
export async function writePrivate(path: string, text: string): Promise<void> {
  await Deno.remove(path).catch(() => {}); // whatever its mode was
  const file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  try {
    await file.write(new TextEncoder().encode(text));
  } finally {
    file.close();
  }
}
