/** published/: what of a run is kept beside the experiment as the authors' own evidence. */

import { dirname, extname, join } from "node:path";
import { publishedFolder } from "./conditions.ts";
import { type Evidence, readEvidence } from "./evidence.ts";
import type { Experiment } from "./experiment.ts";
import { Failure } from "./failure.ts";
import { exists, writeAtomic } from "./files.ts";
import type { FoundRun } from "./run_folder.ts";

/** Records of the run itself. */
const RECORDS = ["plan.json", "evidence.json", "verdict.json"];
/** Results that people and `deno task compare` read; the hashes of all others stand in the evidence. */
const KEPT = [".json", ".csv", ".tsv", ".txt"];
const LARGEST_BYTES = 1_000_000;

export interface PublishedFile {
  /** Relative to published/. */
  path: string;
  change: "new" | "changed" | "same" | "removed";
}

/**
 * What publishing a run would do to published/: its records, and the small text results of every step that a claim is
 * about, come in; results of the run that was published before and that this one lacks go.
 */
export async function planPublishing(experiment: Experiment, run: FoundRun): Promise<PublishedFile[]> {
  const folder = publishedFolder(experiment);
  await refuseLinks(folder);
  const files = [...RECORDS, ...resultsOf(experiment, run.evidence)];
  const found = await Promise.all(files.map(async (path): Promise<PublishedFile[]> => {
    const now = await read(join(run.directory, path));
    if (now === undefined) return [];
    const before = await read(join(folder, path));
    const isSame = before !== undefined && before.length === now.length &&
      before.every((byte, i) => byte === now[i]);
    return [{ path, change: before === undefined ? "new" : isSame ? "same" : "changed" }];
  }));
  const old = await readEvidence(folder).catch(() => undefined);
  const stale = old === undefined ? [] : outputsOf(old).filter((path) => !files.includes(path));
  const there = await Promise.all(stale.map((path) => exists(join(folder, path))));
  const removed = stale.filter((_, index) => there[index]).map((path) => ({
    path,
    change: "removed" as const,
  }));
  return [...found.flat(), ...removed];
}

function resultsOf({ claims }: Experiment, { steps }: Evidence): string[] {
  const names = new Set(claims.map(({ from }) => from.step));
  return [...names].flatMap((name) =>
    (steps[name]?.outputs ?? [])
      .filter(({ path, bytes, link }) =>
        link === undefined && bytes <= LARGEST_BYTES && KEPT.includes(extname(path))
      )
      .map(({ path }) => `${name}/${path}`)
  );
}

function outputsOf({ steps }: Evidence): string[] {
  return Object.entries(steps).flatMap(([name, { outputs = [] }]) =>
    outputs.map(({ path }) => `${name}/${path}`)
  );
}

async function read(path: string): Promise<Uint8Array | undefined> {
  return await Deno.readFile(path).catch(() => undefined);
}

/** What is written must end up beside the experiment. */
async function refuseLinks(folder: string) {
  const info = await Deno.lstat(folder).catch(() => undefined);
  if (info === undefined || info.isDirectory) return;
  throw new Failure(2, `${folder} must be a folder, it is ${info.isSymlink ? "a link" : "a file"}`);
}

/** Carries out a plan; each file is replaced in one move, the evidence last. */
export async function publish(experiment: Experiment, run: FoundRun, plan: PublishedFile[]) {
  const folder = publishedFolder(experiment);
  const isLast = ({ path }: PublishedFile) => path === "evidence.json" ? 1 : 0;
  for (const { path, change } of [...plan].sort((a, b) => isLast(a) - isLast(b))) {
    if (change === "removed") await Deno.remove(join(folder, path));
    if (change !== "new" && change !== "changed") continue;
    await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
    await writeAtomic(join(folder, path), await Deno.readFile(join(run.directory, path)));
  }
}
