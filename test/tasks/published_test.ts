/** The claims of this repository against the authors' own evidence in published/. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import { publishedFolder } from "../../tasks/lib/verdict/conditions.ts";
import { readSource, runFiles } from "../../tasks/lib/verdict/read_value.ts";
import { verify } from "../../tasks/lib/verdict/verify.ts";
import { ROOT } from "../support/project.ts";

Deno.test("what experiment.yaml claims of the training is what published/ holds", async (t) => {
  const file = join(ROOT, "experiment.yaml");
  const experiment = parseExperiment(await Deno.readTextFile(file), file, ROOT);
  const claims = experiment.claims.filter(({ from }) => from.step === "train");
  assert.equal(claims.length, 2);
  for (const claim of claims) {
    await t.step(claim.name, async () => {
      const form = Array.isArray(claim.value) ? "list" : "value";
      const found = await readSource(claim.from, runFiles(publishedFolder(experiment)), form);
      const run = { parametersChanged: [], failedSteps: [] };
      const [check] = verify({ ...experiment, claims: [claim] }, new Map([[claim.name, found]]), run);
      assert.equal(check!.verdict, "identical", check!.detail);
    });
  }
});
