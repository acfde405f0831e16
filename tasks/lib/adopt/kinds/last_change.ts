/** When the code was changed last: the packages of then are what it was written for. */

import { run } from "../../system/command.ts";
import { findOnPath } from "../../system/on_path.ts";
import type { Kind } from "../kind.ts";

/** Code that is younger fits the packages of today, as far as anybody can know. */
const YOUNG_DAYS = 180;

/** The whole history of a large repository is not read for it. */
const MOST_MS = 2000;

export const LAST_CHANGE: Kind = {
  name: "git",
  async look(repository, draft) {
    const git = findOnPath("git");
    if (git === undefined) return;
    const log = [git, "-C", repository.root, "log", "-1", "--format=%cs %h", "--"];
    for (const paths of [["*.py", "*.ipynb"], ["."]]) {
      const { code, stdout } = await run([...log, ...paths], { timeoutMs: MOST_MS })
        .catch(() => ({ code: 1, stdout: "" }));
      const [day, commit] = stdout.trim().split(" ");
      if (code !== 0 || !day || !commit) continue;
      const days = (Date.now() - Date.parse(day)) / 86_400_000;
      const where = paths.length > 1 ? "the newest commit of its code" : "the newest commit";
      if (days > YOUNG_DAYS) draft.asOf = { value: day, found: `${where}, ${commit}`, certainty: "guessed" };
      return;
    }
  },
};
