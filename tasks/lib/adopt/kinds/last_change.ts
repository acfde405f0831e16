/** When the code was changed last: the packages of then are what it was written for. */

import { run } from "../../system/command.ts";
import { findOnPath } from "../../system/on_path.ts";
import type { Found } from "../draft.ts";
import type { Kind } from "../kind.ts";

/** Code that is younger fits the packages of today, as far as anybody can know. */
const YOUNG_DAYS = 180;

/** The whole history of a large repository is not read for it. */
const MOST_MS = 2000;

export const LAST_CHANGE: Kind = {
  name: "git",
  async look(repository, draft) {
    draft.asOf = await lastChange(
      repository.root,
      [["*.py", "*.ipynb", "*requirements*.txt"], ["."]],
      "its code",
    );
  },
};

/**
 * The newest commit of some files, if it is not of late.
 *
 * @param paths of what is looked for first, then of what is, where that has none
 * @param what they are called, e.g. `its code`
 */
async function lastChange(root: string, paths: string[][], what: string): Promise<Found<string> | undefined> {
  for (const some of paths) {
    const { day, commit } = (await log(root, ["-1"], some))[0] ?? {};
    if (day === undefined) continue;
    const where = some[0] === "." ? "the newest commit" : `the newest commit of ${what}`;
    return isYoung(day) ? undefined : { value: day, found: `${where}, ${commit}`, certainty: "guessed" };
  }
}

/**
 * The day by which most of some notebooks were last changed, which is that of all: one environment serves them, and code
 * finds less of what it calls in packages of years after than of a while before. What is pinned has to have been there.
 *
 * @returns undefined if there is no history of them; null if it is of late
 */
export async function dayOfMost(
  root: string,
  notebooks: string[],
  requirements: string[],
): Promise<Found<string> | null | undefined> {
  const literal = (paths: string[]) => paths.map((path) => `:(literal)${path}`);
  const commits = await log(root, ["--name-only"], literal(notebooks));
  const last = notebooks.flatMap((path) => commits.find(({ files }) => files.includes(path)) ?? [])
    .sort((one, other) => one.day < other.day ? -1 : 1);
  let chosen = last[Math.floor(last.length / 2)];
  if (chosen === undefined) return undefined;
  let what = last.length === 1
    ? "the newest commit of this notebook"
    : "the newest commit of these notebooks";
  const [oldest, newest] = [last[0]!.day, last.at(-1)!.day];
  if (oldest !== newest) {
    what = `the day by which most of these notebooks, of ${oldest} to ${newest}, were as they are`;
  }
  const [pins] = requirements.length === 0 ? [] : await log(root, ["-1"], literal(requirements));
  if (pins !== undefined && pins.day > chosen.day) {
    chosen = pins;
    what = "the newest commit of the requirements, which is younger than most of these notebooks";
  }
  if (isYoung(chosen.day)) return null;
  return { value: chosen.day, found: `${what}, ${chosen.commit}`, certainty: "guessed" };
}

interface Commit {
  day: string;
  commit: string;
  /** Only with `--name-only`. */
  files: string[];
}

/** Newest first; empty where git has nothing to say. */
async function log(root: string, options: string[], paths: string[]): Promise<Commit[]> {
  const git = findOnPath("git");
  if (git === undefined) return [];
  const argv = [git, "-C", root, "-c", "core.quotePath=false", "log", ...options, "--relative"];
  const { code, stdout } = await run([...argv, "--format=%x00%cs %h", "--", ...paths], {
    timeoutMs: MOST_MS,
  }).catch(() => ({ code: 1, stdout: "" }));
  if (code !== 0) return [];
  return stdout.split("\0").slice(1).map((one) => {
    const [head = "", ...files] = one.split("\n").filter((line) => line !== "");
    const [day, commit] = head.split(" ") as [string, string];
    return { day, commit, files };
  });
}

function isYoung(day: string): boolean {
  return (Date.now() - Date.parse(day)) / 86_400_000 <= YOUNG_DAYS;
}
