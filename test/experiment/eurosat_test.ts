/** The three public runs of the published EuroSAT experiment: what claims must say of them. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { Conditions, Experiment } from "../../tasks/lib/experiment/experiment.ts";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import type { Check } from "../../tasks/lib/record/verdict.ts";
import { readSource, runFiles } from "../../tasks/lib/verdict/read_value.ts";
import { holds, verify } from "../../tasks/lib/verdict/verify.ts";
import { ROOT } from "../support/project.ts";

const FILE = join(ROOT, "experiments", "eurosat", "experiment.yaml");

const PUBLISHED = join(ROOT, "experiments", "eurosat", "published");

const ALL = parseExperiment(Deno.readTextFileSync(FILE), FILE, ROOT);

/** With its two curves alone: the other claims are about their last points, in a file that was not published. */
const EXPERIMENT: Experiment = { ...ALL, claims: ALL.claims.slice(0, 2) };

/** As far as it is known: the models of the GPUs were not recorded. */
const RUN_ON: Record<string, Conditions> = {
  first: { image: EXPERIMENT.authors.image, device: "cuda" },
  second: { image: { name: "cschranz/gpu-jupyter:v1.9_cuda-12.6_ubuntu-24.04" }, device: "cuda" },
  third: { gpu: "none", driver: "none", device: "cpu" },
};

/** Checks of the training and the validation accuracy. */
async function judge(run: string, conditions = RUN_ON[run]!, experiment: Experiment = EXPERIMENT) {
  const observations = await Promise.all(
    experiment.claims.map(async ({ name, from }) =>
      [name, await readSource(from, runFiles(join(PUBLISHED, run)), "list")] as const
    ),
  );
  const [training, validation] = verify(experiment, new Map(observations), {
    run,
    parametersChanged: [],
    failedSteps: [],
    conditions: { train: { run: conditions, authors: experiment.authors } },
  });
  return { training: training!, validation: validation! };
}

function withoutTolerances(): Experiment {
  return { ...EXPERIMENT, claims: EXPERIMENT.claims.map((claim) => ({ ...claim, tolerance: [] })) };
}

function deviations({ points }: Check): (number | undefined)[] {
  return points!.map(({ samples }) => samples);
}

Deno.test("the published table is identical to itself", async () => {
  const { training, validation } = await judge("first");
  assert.deepEqual([training.verdict, validation.verdict], ["identical", "identical"]);
});

Deno.test("the second run is identical in validation in all 10 epochs, and in training in 6 and one sample off in 4", async () => {
  const { training, validation } = await judge("second");
  assert.deepEqual(deviations(validation), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.equal(validation.verdict, "identical");
  assert.deepEqual(deviations(training), [1, 0, 1, 0, -1, 0, 1, 0, 0, 0]);
  assert.equal(training.verdict, "within tolerance");
  assert.equal(training.class, "other image");
  assert.equal(training.tolerance, "±1 sample");
  assert.match(training.detail, /^\+1 sample at point 1 of 10, the largest of 4 deviations/);
  assert.ok(holds([training, validation]));
});

Deno.test("the third run is two samples off in training epoch 5 and one in validation epoch 8, which its class allows", async () => {
  const { training, validation } = await judge("third");
  assert.deepEqual(deviations(training), [-1, 1, 0, 0, -2, -1, 0, 1, -1, 0]);
  assert.deepEqual([training.worst, training.difference], [4, "−2 samples"]);
  assert.deepEqual(deviations(validation), [0, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
  assert.deepEqual([validation.worst, validation.difference], [7, "+1 sample"]);
  assert.deepEqual(validation.points![7], { claimed: 84.81, obtained: 85, samples: 1 });
  for (const check of [training, validation]) {
    assert.equal(check.verdict, "within tolerance", check.detail);
    assert.equal(check.class, "device cpu");
    assert.match(check.detail, /\(device cpu, provisional\)/);
  }
});

Deno.test("with one sample for everybody, the third run is different at one point only", async () => {
  const one = { samples: 1, because: "one image" };
  const claims = EXPERIMENT.claims.map((claim) => ({ ...claim, tolerance: [one] }));
  const { training, validation } = await judge("third", {}, { ...EXPERIMENT, claims });
  assert.equal(training.verdict, "different");
  assert.match(training.detail, /^−2 samples at point 5 of 10, .*is outside ±1 sample$/);
  assert.equal(deviations(training).filter((samples) => Math.abs(samples!) > 1).length, 1);
  assert.equal(validation.verdict, "within tolerance");
});

Deno.test("strict equality fails the authors' own second run, and the honest run on a CPU", async () => {
  const second = await judge("second", undefined, withoutTolerances());
  assert.deepEqual([second.training.verdict, second.validation.verdict], ["different", "identical"]);
  const third = await judge("third", undefined, withoutTolerances());
  assert.deepEqual([third.training.verdict, third.validation.verdict], ["different", "different"]);
});

Deno.test("on the authors' own image and GPU model one sample is too many", async () => {
  const authors = { ...EXPERIMENT.authors, gpu: "NVIDIA A100-SXM4-40GB" };
  const { training } = await judge("second", authors, { ...EXPERIMENT, authors });
  assert.equal(training.verdict, "different");
  assert.equal(training.class, "same image, same GPU model");
  assert.match(training.detail, /is outside ±0 samples \(same image, same GPU model, provisional\)$/);
});

Deno.test("where no class matches, the widest is used, and said to be", async () => {
  const { training } = await judge("third", {});
  assert.equal(training.class, "device cpu");
  assert.match(training.detail, /the widest, since no class matches this environment/);
});

Deno.test("the claims about the last epoch are the last points of the curves", () => {
  const [training, validation, ...last] = ALL.claims;
  assert.deepEqual(
    last.map(({ value }) => value),
    [training, validation].map((claim) => (claim!.value as number[]).at(-1)),
  );
  assert.deepEqual(last.map(({ of }) => of), [2160, 540]);
});
