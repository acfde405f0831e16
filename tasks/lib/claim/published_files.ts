/** published/: what of a run is kept beside the experiment as the authors' own evidence. */

import { dirname, extname, join, relative } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { insideProblem } from "../values/relative_path.ts";
import { type Evidence, readEvidence } from "../record/evidence.ts";
import type { FoundRun } from "../record/run_folder.ts";
import type { RunVerdict } from "../record/verdict.ts";
import { exists, writeAtomic } from "../system/files.ts";
import { Folder, readRegular } from "../system/regular_file.ts";
import { publishedFolder } from "../verdict/conditions.ts";

/** Results that people and `deno task compare` read; the hashes of all others stand in the evidence. */
const KEPT = [".json", ".csv", ".tsv", ".txt"];

const LARGEST_BYTES = 1_000_000;

export interface PublishedFile {
  /** Relative to published/. */
  path: string;
  change: "new" | "changed" | "same" | "removed";
}

/** What is to be written, by path in published/. */
type Contents = Map<string, Uint8Array>;

/**
 * What published/ is to hold: the records of the run, with the verdict on it by the claims that go with it, and the
 * small text results of every step that a claim is about.
 */
export async function contentsOf(
  { claims }: Experiment,
  { directory, evidence }: FoundRun,
  verdict: RunVerdict,
): Promise<Contents> {
  const steps = [...new Set(claims.map(({ from }) => from.step))];
  const results = steps.flatMap((step) =>
    outputsOf(evidence, step).filter(({ path, bytes }) =>
      bytes <= LARGEST_BYTES && KEPT.includes(extname(path))
    ).map(({ path }) => `${step}/${path}`)
  );
  const paths = ["plan.json", "evidence.json", ...results];
  const within = new Folder(directory);
  const read = paths.map(async (path): Promise<[string, Uint8Array]> => [
    path,
    await readRegular(join(directory, path), { within }),
  ]);
  const judged = new TextEncoder().encode(`${JSON.stringify(verdict, null, 2)}\n`);
  return new Map([...await Promise.all(read), ["verdict.json", judged]]);
}

/** The recorded files of a step; evidence from elsewhere may name what is no path in the step's folder. */
function outputsOf({ steps }: Evidence, step: string) {
  return (steps[step]?.outputs ?? []).filter(({ path, link }) =>
    link === undefined && insideProblem(`${step}/${path}`) === undefined
  );
}

/** What changes in published/; results of the run that was published before and that this one lacks go. */
export async function planPublishing(experiment: Experiment, contents: Contents): Promise<PublishedFile[]> {
  const folder = publishedFolder(experiment);
  const files = [...contents].map(async ([path, now]): Promise<PublishedFile> => {
    const before = await readRegular(join(folder, path)).catch(() => undefined);
    if (before === undefined) return { path, change: "new" };
    return { path, change: isSame(path, before, now) ? "same" : "changed" };
  });
  const old = await readEvidence(folder).catch(() => undefined);
  const before = Object.keys(old?.steps ?? {}).flatMap((step) =>
    outputsOf(old!, step).map(({ path }) => `${step}/${path}`)
  );
  const stale = before.filter((path) => !contents.has(path));
  const there = await Promise.all(stale.map((path) => exists(join(folder, path))));
  const removed = stale.filter((_, index) => there[index]);
  return [...await Promise.all(files), ...removed.map((path) => ({ path, change: "removed" as const }))];
}

/** A verdict that only was reached again is the same. */
function isSame(path: string, before: Uint8Array, now: Uint8Array): boolean {
  const [a, b] = [before, now].map((bytes) => new TextDecoder().decode(bytes));
  const timeless = (text: string) => path === "verdict.json" ? text.replace(/"judged": "[^"]*"/, "") : text;
  return timeless(a!) === timeless(b!);
}

/**
 * Carries out a plan; each file is replaced in one move, the evidence last.
 *
 * @throws Failure(2) if a folder of published/ is a link that leaves it
 */
export async function publish(experiment: Experiment, plan: PublishedFile[], contents: Contents) {
  const folder = publishedFolder(experiment);
  const isLast = ({ path }: PublishedFile) => path === "evidence.json" ? 1 : 0;
  for (const { path, change } of [...plan].sort((a, b) => isLast(a) - isLast(b))) {
    if (change === "same") continue;
    const target = join(folder, path);
    await Deno.mkdir(dirname(target), { recursive: true });
    await refuseLinks(dirname(experiment.file), dirname(target));
    if (change === "removed") await Deno.remove(target);
    else await writeAtomic(target, contents.get(path)!);
  }
}

/** What is written must end up beside the experiment. */
async function refuseLinks(beside: string, folder: string) {
  const expected = join(await Deno.realPath(beside), relative(beside, folder));
  if (await Deno.realPath(folder) === expected) return;
  throw new Failure(2, `Cannot write to ${folder}: it must be a folder beside the experiment, it is a link`);
}
