/** The run that a user means, among those that are there. */

import { basename, join, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { didYouMean } from "../cli/suggest.ts";
import { callerFolder } from "../system/project_root.ts";
import { explainUnreadable } from "./alterations.ts";
import { readEvidence } from "./evidence.ts";
import { type FoundRun, runIds } from "./run_folder.ts";

/**
 * Finds a run by path, by id or its beginning, or the newest `reproduce` (else the newest run) without either.
 *
 * @throws Failure(2) if there is no such run, or more than one.
 */
export async function findRun(runs: string, experiment: string, asked?: string): Promise<FoundRun> {
  if (asked !== undefined && isPath(asked)) return await openRun(resolve(callerFolder(), asked), asked);
  if (asked === undefined || asked === "latest") return await newestRun(runs, experiment);
  const ids = await runIds(runs, experiment);
  const found = ids.filter((id) => asked !== "" && id.startsWith(asked));
  if (found.length === 1) return await openRun(join(runs, experiment, found[0]!), asked);
  if (found.length > 1) {
    throw new Failure(2, `"${asked}" is the beginning of ${found.length} runs: ${found.join(", ")}`);
  }
  throw new Failure(2, `There is no run "${asked}" in ${join(runs, experiment)}${didYouMean(asked, ids)}`, {
    remedy: "deno task report shows the newest; a path of a run folder will do, too",
  });
}

/** Whether a run was named by its folder, not by its id. */
export function isPath(asked: string): boolean {
  return /[/\\]/.test(asked) || asked === "." || asked === "..";
}

async function openRun(directory: string, asked: string): Promise<FoundRun> {
  const real = await Deno.realPath(directory).catch(() => {
    throw new Failure(2, `There is no run folder ${asked}`);
  });
  const evidence = await readEvidence(real).catch(async (error) => {
    throw await explainUnreadable(real, error);
  });
  return { id: basename(real), directory: real, evidence };
}

async function newestRun(runs: string, experiment: string): Promise<FoundRun> {
  let newest: FoundRun | undefined;
  for (const id of await runIds(runs, experiment)) {
    const found = await openRun(join(runs, experiment, id), id).catch((error) => {
      if (!(error instanceof Failure) || error.exitCode === 1) throw error; // altered: never passed over in silence
      return undefined;
    });
    if (found?.evidence.task === "reproduce") return found;
    newest ??= found;
  }
  if (newest !== undefined) return newest;
  throw new Failure(2, `There is no run of ${experiment} in ${join(runs, experiment)}`, {
    remedy: "deno task reproduce makes one",
  });
}
