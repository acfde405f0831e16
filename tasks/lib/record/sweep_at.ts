/** Whether a task that is about a run was given the folder of a sweep instead. */

import type { FoundSweep } from "./sweep_record.ts";

/**
 * The sweep whose folder a path names; undefined for anything else.
 *
 * @throws Failure(2) for the record of a sweep that this version cannot read
 */
export async function sweepAt(path: string | undefined): Promise<FoundSweep | undefined> {
  if (path === undefined) return undefined; // nothing is loaded for the newest run
  const [{ resolve }, { callerFolder }, { isPath }, { isSweep, readSweep }] = await Promise.all([
    import("node:path"),
    import("../system/project_root.ts"),
    import("./find_run.ts"),
    import("./sweep_record.ts"),
  ]);
  const directory = resolve(callerFolder(), path);
  if (!isPath(path) || !await isSweep(directory)) return undefined;
  return { directory, record: await readSweep(directory) };
}
