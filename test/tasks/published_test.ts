/** The claims of this repository against the authors' own evidence in published/. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import { withPublishedValues } from "../../tasks/lib/experiment/published_values.ts";
import { publishedFolder } from "../../tasks/lib/verdict/conditions.ts";
import { readSource, runFiles } from "../../tasks/lib/verdict/read_value.ts";
import { verify } from "../../tasks/lib/verdict/verify.ts";
import { summarize } from "../../tasks/lib/statistics/summary.ts";
import { ROOT } from "../support/project.ts";

Deno.test("what experiment.yaml claims over seeds is what published/ holds of the authors' runs, and its sweep takes others", async () => {
  const file = join(ROOT, "experiment.yaml");
  const { claims, sweep } = await withPublishedValues(
    parseExperiment(await Deno.readTextFile(file), file, ROOT),
  );
  const [claim, ...others] = claims.filter(({ over }) => over !== undefined);
  assert.deepEqual(others, []);
  const [{ runs, settings }, stated] = await Promise.all(
    ["spread.json", "seeds.json"].map(async (name) =>
      JSON.parse(await Deno.readTextFile(join(ROOT, "published", name)))
    ),
  );
  // deno-lint-ignore no-explicit-any
  const seeds = runs.filter(({ group }: any) => group === "seeds");
  // deno-lint-ignore no-explicit-any
  const counts = seeds.map((run: any) => run.last_epoch_correct);
  assert.deepEqual([stated.validation_correct, stated.settings], [counts, settings]);
  const { mean, sd, n } = summarize(counts.map((count: number) => Number((count / 3.6).toFixed(2))));
  assert.deepEqual(claim!.value, { kind: "spread", mean: mean.toFixed(4), std: sd.toFixed(4), n });
  const taken = seeds.map(({ settings }: { settings: { seed: number } }) => String(settings.seed));
  assert.deepEqual(stated.seeds.map(String), taken);
  assert.deepEqual((sweep!.seeds as string[]).filter((seed) => taken.includes(seed)), []);
});

Deno.test("what experiment.yaml claims of the training is what published/ holds", async (t) => {
  const file = join(ROOT, "experiment.yaml");
  const experiment = parseExperiment(await Deno.readTextFile(file), file, ROOT);
  const claims = experiment.claims.filter(({ from, over }) => from.step === "train" && over === undefined);
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
