import assert from "node:assert/strict";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import type { Check, Verdict } from "../../tasks/lib/record/verdict.ts";
import { judgeSeeds } from "../../tasks/lib/verdict/judge_seeds.ts";
import { chooseTolerance } from "../../tasks/lib/verdict/tolerance.ts";

/** Judges one claim over seeds, given as YAML without its name. */
function judge(claim: string, values: number[], lacking: string[] = []): Check {
  const text =
    `name: digits\nsteps: { train: { run: [python] } }\nclaims:\n  - { name: x, from: train/m.json#/x, over: seeds, ${claim} }\n`;
  const parsed = parseExperiment(text, "/p/experiment.yaml", "/p").claims[0]!;
  const chosen = chooseTolerance(parsed, undefined, {}, {});
  return judgeSeeds(parsed, values.map((value, seed) => ({ seed: String(seed), value })), lacking, chosen);
}

const FIVE = [94.0, 94.2, 94.1, 93.9, 94.3];

const TEN = [94.0, 94.2, 94.1, 93.9, 94.3, 94.0, 94.2, 94.1, 93.9, 94.3];

const HALF = "tolerance: { absolute: 0.5, because: x }";

Deno.test("judgeSeeds() gives each form of claim its verdict", async (t) => {
  const cases: [claim: string, values: number[], verdict: Verdict, detail: RegExp][] = [
    // mean 94.1, sd 0.158: 95 % prediction interval 93.62 to 94.58
    ["value: 94.1", FIVE, "consistent", /^94\.1 is inside the 95 % prediction interval .*93\.619 to 94\.581/],
    ["value: 94.5", FIVE, "consistent", /inside/],
    ["value: 94.6", FIVE, "different", /^94\.6 is outside/],
    [`value: 94.8, ${HALF}`, FIVE, "inconclusive", /straddles 94\.8 ±0\.5/],
    [`value: 95.2, ${HALF}`, FIVE, "different", /95\.2 ±0\.5 is outside/],
    ["value: 94.1", [94.1], "inconclusive", /one seed has no spread/],
    ["value: 94.1", [94.1, 94.1, 94.1], "inconclusive", /all 3 seeds gave 94\.100: without a spread/],
    ["value: 94.1", [], "missing", /no seed gave a value/],
    [`value: { mean: 94.1, std: 0.2, n: 5 }, ${HALF}`, FIVE, "equivalent", /lies inside ±0\.5/],
    [`value: { mean: 95.1, std: 0.2, n: 5 }, ${HALF}`, FIVE, "different", /lies outside ±0\.5/],
    [`value: { mean: 94.5, std: 0.2, n: 5 }, ${HALF}`, FIVE, "inconclusive", /straddles ±0\.5/],
    [`value: { mean: 94.1, std: 0, n: 5 }, ${HALF}`, FIVE, "inconclusive", /deviation is 0/],
    [`value: { mean: 94.1, std: 0.2, n: 5 }, ${HALF}`, [94.1, 94.1], "inconclusive", /without a spread/],
    [
      "value: { at_least: 93.8 }",
      FIVE,
      "consistent",
      /95 % interval of the mean, 93\.904 to 94\.296, lies inside/,
    ],
    ["value: { at_least: 94.0 }", FIVE, "inconclusive", /straddles at least 94\.0/],
    ["value: { at_least: 94.3 }", FIVE, "different", /lies outside/],
    [
      "statistic: interval, value: { between: [93, 95] }",
      FIVE,
      "consistent",
      /prediction interval.* lies inside/,
    ],
    ["statistic: interval, value: { at_least: 94.7 }", FIVE, "different", /lies outside/],
    [
      "statistic: min, value: { at_least: 93.9 }",
      FIVE,
      "consistent",
      /least of 5 seeds, 93\.900, is at least/,
    ],
    // An honest repetition has a lower minimum every second time: that alone never speaks against a claim.
    ["statistic: min, value: { at_least: 94.0 }", FIVE, "inconclusive", /is not at least 94\.0/],
    ["statistic: min, value: { at_least: 94.7 }", FIVE, "different", /is not at least 94\.7/],
    ["statistic: max, value: { at_most: 94.3 }", FIVE, "consistent", /largest of 5 seeds/],
    [
      "statistic: { above: 93.95, of: 10 }, value: { at_least: 8 }",
      TEN,
      "consistent",
      /^8 of 10 seeds are above/,
    ],
    ["statistic: { above: 94.05, of: 10 }, value: { at_least: 8 }", TEN, "inconclusive", /^6 of 10/],
    [
      "statistic: { above: 94.25, of: 10 }, value: { at_least: 8 }",
      TEN,
      "different",
      /^2 of 10.* 3 % to 56 %/,
    ],
  ];
  for (const [claim, values, verdict, detail] of cases) {
    await t.step(`${claim}: ${values.join(" ")}`, () => {
      const check = judge(claim, values);
      assert.equal(check.verdict, verdict, check.detail);
      assert.match(check.detail, detail);
    });
  }
});

Deno.test("judgeSeeds() says what so many seeds can show, and how many would decide", () => {
  const single = judge("value: 94.1", FIVE);
  assert.match(
    single.seeds!.power!,
    /^with 5 seeds a deviation below 0\.\d+ can't be seen .*; no number of seeds/,
  );
  const authors = `value: { mean: 94.35, std: 0.2, n: 20 }, ${HALF.replace("0.5", "0.4")}`;
  const spread = judge(authors, FIVE);
  assert.equal(spread.verdict, "inconclusive");
  const wanted = spread.seeds!.wanted!;
  assert.ok(wanted > 5 && wanted < 100, String(wanted));
  const never = judge(`value: { mean: 94.6, std: 0.2, n: 5 }, ${HALF}`, FIVE);
  assert.deepEqual([never.verdict, never.seeds!.wanted], ["inconclusive", undefined]);
});

Deno.test("judgeSeeds() judges counts printed as percentages in samples", () => {
  const check = judge("value: 99.44, of: 360, tolerance: { samples: 2, because: x }", [
    99.44,
    99.17,
    98.89,
    99.44,
  ]);
  assert.equal(check.verdict, "consistent");
  assert.equal(check.claimed, "99.44 (358 of 360)");
});

Deno.test("judgeSeeds() says how many seeds gave no value", () => {
  assert.match(judge("value: 94.1", FIVE, ["seed 7: exit code 1"]).detail, /; 1 seed gave no value$/);
  assert.match(
    judge("value: 94.1", [], ["seed 7: exit code 1"]).detail,
    /no seed gave a value: seed 7: exit code 1/,
  );
});
