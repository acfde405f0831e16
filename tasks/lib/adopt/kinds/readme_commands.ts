/** Commands in the README that run a script or a notebook of the repository. */

import { normalize } from "node:path/posix";
import { folderAfter, stepFromCommand } from "../command.ts";
import { type Found, type StepDraft, stepName } from "../draft.ts";
import type { Kind } from "../kind.ts";
import { commandLines, readme } from "../markdown.ts";
import type { Repository } from "../repository.ts";

/** More than this is a list of what can be done, not of what was done. */
const MOST_STEPS = 12;

/** Its packages and folders are of the machine of whoever wrote it. */
const SETS_UP = /(?:^|\/)(?:set-?up|install|bootstrap|create[_-]?v?env)[\w-]*\.(?:sh|bash)$/i;

export const README_COMMANDS: Kind = {
  name: "README",
  look(repository, draft) {
    const path = readme(repository);
    const text = path && repository.text(path);
    if (!path || !text) return;
    const steps: Found<StepDraft>[] = [];
    let [cwd, block] = ["", -1];
    for (const line of commandLines(text)) {
      if (line.block !== block) [cwd, block] = ["", line.block];
      for (const part of line.text.split(/\s+&&\s+/)) {
        cwd = folderAfter(part, cwd, repository) ?? cwd;
        const step = notebookStep(part, repository, cwd) ?? stepFromCommand(part, repository, cwd);
        if (step === undefined) continue;
        const same = steps.find(({ value }) => value.sources[0] === step.sources[0]);
        if (same && JSON.stringify(same.value.run) === JSON.stringify(step.run)) continue;
        const active = steps.filter(({ value }) => value.doubt === undefined);
        if (step.sources.some((source) => SETS_UP.test(source))) {
          step.doubt ??= "it sets up an environment, as `environment` does here";
        }
        if (same && same.value.doubt === undefined) step.doubt ??= `another way to call ${step.sources[0]}`;
        else if (active.length >= MOST_STEPS) step.doubt ??= "one of many";
        step.name = stepName(step.name, steps.map(({ value }) => value.name));
        steps.push({ value: step, found: `${path}:${line.line}`, certainty: "stated" });
      }
    }
    if (steps.some(({ value }) => value.doubt === undefined)) {
      draft.kinds.push({ kind: path, tier: "told", steps });
    } else if (steps.length > 0) draft.kinds.push({ kind: path, tier: "code", steps });
  },
};

function notebookStep(text: string, repository: Repository, cwd: string): StepDraft | undefined {
  const path = /^(?:jupyter\s+nbconvert\b.*--execute\b.*?|papermill\s+)\s*([\w./-]+\.ipynb)/.exec(text)?.[1];
  if (path === undefined) return undefined;
  const notebook = normalize(cwd === "" ? path : `${cwd}/${path}`);
  if (!repository.has(notebook)) return undefined;
  const name = stepName(notebook.split("/").at(-1)!.replace(/\.ipynb$/, ""));
  return { name, notebook, needs: [], outputs: [], reads: [], sources: [notebook] };
}
