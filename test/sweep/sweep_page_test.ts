import assert from "node:assert/strict";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import type { Member, SweepRecord } from "../../tasks/lib/record/sweep_record.ts";
import { indexPage } from "../../tasks/lib/report/index_page.ts";
import { failuresByCause, tellFailures } from "../../tasks/lib/sweep/judge_sweep.ts";
import { effectsOf } from "../../tasks/lib/sweep/effects.ts";
import { MOST_RINGS, stripChart, stripOf } from "../../tasks/lib/sweep/strip_chart.ts";
import { sweepPage } from "../../tasks/lib/sweep/sweep_page.ts";
import { judgeSeeds } from "../../tasks/lib/verdict/judge_seeds.ts";

const HOSTILE = "<img src=x onerror=alert(1)>";

const VALUES = [94, 94.2, 94.1, 93.9, 94.3].map((value, seed) => ({ seed: String(seed), value }));

function experiment(claim: string) {
  const text =
    `name: test\nsteps: { train: { run: [python] } }\nclaims:\n  - { name: "${HOSTILE}", from: train/m.json#/x, over: seeds, ${claim} }\n`;
  return { text, parsed: parseExperiment(text, "/p/experiment.yaml", "/p") };
}

function record(members: Member[], text = ""): SweepRecord {
  return {
    schema: 1,
    sweep: "20260101T000000Z-aaaa",
    experiment: { name: "test", title: HOSTILE, file: "/p/experiment.yaml", root: "/p", text },
    status: members.some(({ status }) => status === "failed") ? "failed" : "done",
    created: "2026-01-01T00:00:00.000Z",
    seed: "seed",
    steps: ["train"],
    attempts: [{ started: "2026-01-01T00:00:00.000Z", jobs: 2 }],
    members,
  };
}

function failing(count: number): Member[] {
  return Array.from({ length: count }, (_, index) => ({
    values: { seed: String(index) },
    status: "failed" as const,
    problem: index % 10 === 0 ? `train: ${HOSTILE}` : "train: exit code 1",
  }));
}

Deno.test("sweepPage() shows each claim with its strip, what it can show, and failures by cause, all as text", async () => {
  const { text, parsed } = experiment("value: 94.1, tolerance: { absolute: 0.3, because: x }");
  const check = judgeSeeds(parsed.claims[0]!, VALUES, [], { tolerance: parsed.claims[0]!.tolerance[0] });
  const found = { directory: "/p/runs", record: record(failing(20), text) };
  const verdict = {
    ...{ schema: 1 as const, run: found.record.sweep, judged: found.record.created },
    ...{ evidenceSha256: "", claimsSha256: "", checks: [check], altered: [], holds: false },
  };
  const page = await sweepPage(found, { experiment: parsed, verdict, notes: [], given: [] });
  assert.ok(!page.includes(HOSTILE), "what others wrote is markup");
  assert.match(page, /<svg class="chart" id="strip-0"/);
  assert.match(page, /95 % prediction interval of the seeds, 93\.619 to 94\.581/);
  assert.match(page, /What this can show: with 5 seeds a deviation below/);
  assert.match(page, /Members that failed, by cause/);
  assert.equal(page, await sweepPage(found, { experiment: parsed, verdict, notes: [], given: [] }));
});

Deno.test("energy that no counter counted in all attempts is not measured, and that of GPUs never is", async () => {
  const { text, parsed } = experiment("value: 94.1");
  const energyOf = async (...joules: (number | undefined)[]) => {
    const found = { directory: "/p/runs", record: record([], text) };
    const [attempt] = found.record.attempts;
    found.record.attempts = joules.map((joules) => ({ ...attempt!, joules }));
    const verdict = {
      ...{ schema: 1 as const, run: found.record.sweep, judged: found.record.created },
      ...{ evidenceSha256: "", claimsSha256: "", checks: [], altered: [], holds: false },
    };
    const page = await sweepPage(found, { experiment: parsed, verdict, notes: [], given: [] });
    return /Energy<\/dt>\s*<dd>([^<]*)/.exec(page)?.[1];
  };
  assert.equal(await energyOf(undefined), "not measured");
  assert.equal(await energyOf(3600, undefined), "not measured");
  assert.match(await energyOf(1800, 1800) ?? "", /^0\.0010 kWh by the processors.*GPUs not measured$/);
});

Deno.test("stripOf() draws what the claim says", () => {
  const strip = (claim: string) => stripOf(experiment(claim).parsed.claims[0]!, VALUES);
  const tolerance = "tolerance: { absolute: 0.5, because: x }";
  const number = strip("value: 94.5, of: 1000, tolerance: { samples: 3, because: x }");
  assert.deepEqual([number.published, number.band], [94.5, { low: 94.2, high: 94.8 }]);
  const spread = strip(`value: { mean: 94.0, std: 0.25, n: 4 }, ${tolerance}`);
  assert.deepEqual([spread.spread, spread.band], [{ low: 93.75, high: 94.25 }, { low: 93.5, high: 94.5 }]);
  assert.deepEqual(strip("value: { at_least: 93 }").band, { low: 93 });
  assert.deepEqual(strip("statistic: { above: 94, of: 5 }, value: { at_least: 3 }").band, { low: 94 });
  const same = stripOf(experiment("value: 94").parsed.claims[0]!, [VALUES[0]!, VALUES[0]!]);
  assert.equal(same.prediction, undefined);
});

Deno.test("stripChart() draws 500 of many seeds, the least and the largest among them", () => {
  const many = Array.from(
    { length: 10_000 },
    (_, seed) => ({ seed: String(seed), value: seed * 7919 % 10_007 }),
  );
  const strip = stripOf(experiment("value: 94").parsed.claims[0]!, many);
  const { layer } = stripChart(strip, "%") as {
    layer: { data: { values: { row?: string; value: number }[] } }[];
  };
  const drawn = layer.find(({ data }) => data.values[0]!.row === "seeds")!.data.values.map(({ value }) =>
    value
  );
  assert.equal(drawn.length, MOST_RINGS);
  const all = many.map(({ value }) => value);
  assert.deepEqual([drawn[0], drawn.at(-1)], [Math.min(...all), Math.max(...all)]);
});

Deno.test("a thousand failures are a few causes", () => {
  const causes = failuresByCause(failing(1000));
  assert.deepEqual(causes.map(({ cause, members }) => [cause, members.length]), [
    ["train: exit code 1", 900],
    [`train: ${HOSTILE}`, 100],
  ]);
  assert.deepEqual(tellFailures(failing(1000)).length, 2);
  assert.match(tellFailures(failing(1000))[0]!, /900 × train: exit code 1: seed = 1; .* and 895 more/);
});

Deno.test("indexPage() shows a sweep of any size as one row", async () => {
  const sweep = { id: "20260101T000000Z-aaaa", record: record(failing(1000)), hasReport: true };
  const page = await indexPage(new Map([["test", [sweep]]]));
  assert.match(page, /0 runs, 1 sweep/);
  assert.match(page, /href="test\/sweeps\/20260101T000000Z-aaaa\/report\.html"/);
  assert.match(page, /0 of 1000 members done/);
  assert.match(page, /1000 members failed/);
  assert.equal(page.match(/<tr /g)?.length, 2);
});

Deno.test("effectsOf() gives what each value of a parameter comes with, but the seed", () => {
  const given = [["0.1", "1", 90], ["0.1", "2", 92], ["0.01", "1", 80], ["0.01", "2", undefined]].map(
    ([lr, seed, value]) => ({
      values: { lr: String(lr), seed: String(seed), epochs: "5" },
      found: { accuracy: value === undefined ? "train has no m.json" : Number(value) },
    }),
  );
  const [effect, ...others] = effectsOf(given, "seed");
  assert.deepEqual(others, []);
  assert.deepEqual([effect!.parameter, effect!.claim], ["lr", "accuracy"]);
  assert.deepEqual(
    effect!.rows.map(({ value, summary, least, most }) => [value, summary.n, summary.mean, least, most]),
    [
      ["0.1", 2, 91, 90, 92],
      ["0.01", 1, 80, 80, 80],
    ],
  );
});
