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
export async function lastChange(
  root: string,
  paths: string[][],
  what: string,
): Promise<Found<string> | undefined> {
  const git = findOnPath("git");
  if (git === undefined) return undefined;
  const log = [git, "-C", root, "log", "-1", "--format=%cs %h", "--"];
  for (const some of paths) {
    const { code, stdout } = await run([...log, ...some], { timeoutMs: MOST_MS })
      .catch(() => ({ code: 1, stdout: "" }));
    const [day, commit] = stdout.trim().split(" ");
    if (code !== 0 || !day || !commit) continue;
    const days = (Date.now() - Date.parse(day)) / 86_400_000;
    const where = some[0] === "." ? "the newest commit" : `the newest commit of ${what}`;
    return days > YOUNG_DAYS ? { value: day, found: `${where}, ${commit}`, certainty: "guessed" } : undefined;
  }
}
