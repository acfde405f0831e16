/** All that goes with an experiment.yaml, in the order in which it is shown. */

import { citation } from "./citation.ts";
import type { Companion, CompanionRequest } from "./companion.ts";
import { denoJson } from "./deno_json.ts";
import { devcontainer } from "./devcontainer.ts";
import { gitignore } from "./gitignore.ts";
import { workflow } from "./workflow.ts";

const COMPANIONS = [gitignore, devcontainer, denoJson, citation, workflow];

export function companions(request: CompanionRequest): Companion {
  const all = COMPANIONS.map((companion) => companion(request));
  return { changes: all.flatMap(({ changes }) => changes), notes: all.flatMap(({ notes }) => notes) };
}
