import assert from "node:assert/strict";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import type { Check, Verdict } from "../../tasks/lib/record/verdict.ts";
import { parseDecimal, percentageOf } from "../../tasks/lib/values/decimal.ts";
import { countsObtained } from "../../tasks/lib/verdict/counts.ts";
import type { Observation } from "../../tasks/lib/verdict/read_value.ts";
import { holds, type RunState, verify } from "../../tasks/lib/verdict/verify.ts";

const FINE: RunState = { parametersChanged: [], failedSteps: [] };

const HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** Judges one claim, given as YAML without its name, against a JSON value. */
function judge(claim: string, observation: Observation | undefined, run = FINE): Check {
  const from = claim.includes("from:") ? "" : "from: train/metrics.json#/x, ";
  const text =
    `name: digits\nsteps: { train: { run: [python] } }\nclaims:\n  - { name: x, ${from}${claim} }\n`;
  const experiment = parseExperiment(text, "/p/experiment.yaml", "/p");
  const [check] = verify(experiment, new Map(observation ? [["x", observation]] : []), run);
  return check!;
}

function found(json: string): Observation {
  const value = JSON.parse(json);
  return { found: true, value, text: typeof value === "string" ? value : json };
}

const ONE_SAMPLE = "tolerance: { samples: 1, because: threads }";

const TWO_SAMPLES = "tolerance: { samples: 2, because: threads }";

Deno.test("verify() compares percentages of counts as whole samples", async (t) => {
  const cases: [string, string, Verdict, string?][] = [
    ["value: 99.44, of: 360", "99.44", "identical"],
    ["value: 99.44, of: 360", "99.44444444444444", "identical"],
    ["value: 99.44, of: 360", "99.44444274902344", "identical"],
    ["value: 99.44, of: 360", "99.4", "identical"],
    ["value: 99.44, of: 360", "9.944444444444445e1", "identical"],
    ["value: 99.44, of: 360", "99.17", "different", "−1 sample"],
    [`value: 99.44, of: 360, ${ONE_SAMPLE}`, "99.17", "within tolerance", "−1 sample"],
    [`value: 99.44, of: 360, ${ONE_SAMPLE}`, "99.72", "within tolerance", "+1 sample"],
    [`value: 99.44, of: 360, ${ONE_SAMPLE}`, "100", "different", "+2 samples"],
    [`value: 99.44, of: 360, ${ONE_SAMPLE}`, "0", "different", "−358 samples"],
    [`value: 99.44, of: 360, ${ONE_SAMPLE}`, "99.30", "different", undefined],
    [`value: 99.44, of: 360, ${ONE_SAMPLE}`, "101", "different", undefined],
    [`value: 99.44, of: 360, ${ONE_SAMPLE}`, "-1", "different", undefined],
    // The public runs of the published experiment: one image is one image, though 85.00 − 84.81 > 100/540.
    [`value: 84.81, of: 540, ${ONE_SAMPLE}`, "85.00", "within tolerance", "+1 sample"],
    [`value: 84.81, of: 540, ${ONE_SAMPLE}`, "85", "within tolerance", "+1 sample"],
    [`value: 84.81, of: 2160, ${ONE_SAMPLE}`, "84.72", "different", "−2 samples"],
    [`value: 84.81, of: 2160, ${TWO_SAMPLES}`, "84.72", "within tolerance", "−2 samples"],
    [`value: 22.04, of: 2160, ${ONE_SAMPLE}`, "22.08", "within tolerance", "+1 sample"],
    ["value: 86.30, of: 540", "86.3", "identical"],
    ["value: 99.444, of: 27000", "99.44444444444444", "identical"],
    ["value: 0.00, of: 360", "0.0", "identical"],
    // Zeros after the point are how a float is written; nobody measured them.
    ["value: 58, of: 71", "58.0", "identical"],
    ["value: 58, of: 71", "58", "identical"],
    ["value: 58, of: 71", "5.8e1", "identical"],
    ["value: 58, of: 71", "5.800000000000000000e+01", "identical"],
    ["value: 58, of: 71", "57.9", "different", undefined],
    ["value: 58, of: 71", "59.0", "different", "+1 sample"],
    ["value: 86.11, of: 540", "86.0", "missing", undefined],
    // Rounded, and then written as a single, or with all digits of a double.
    ["value: 99.44, of: 360", "99.44000244140625", "identical"],
    ["value: 99.44, of: 360", "9.943999999999999773e+01", "identical"],
    ["value: 86.11, of: 540", "86.10", "different", undefined],
    [`value: 99.44, of: 360, tolerance: { samples: 0, because: exact }`, "99.17", "different", "−1 sample"],
  ];
  for (const [claim, obtained, verdict, difference] of cases) {
    await t.step(`${claim}: ${obtained}`, () => {
      const check = judge(claim, found(obtained));
      assert.equal(check.verdict, verdict, check.detail);
      assert.equal(check.difference, difference);
    });
  }
});

Deno.test("verify() says of a percentage with too few decimals that it can't be told", () => {
  const check = judge("value: 99.444, of: 27000", found("99.44"));
  assert.equal(check.verdict, "missing");
  assert.match(check.detail, /99\.44 has too few decimals: it stands for 26848 to 26850 of 27000/);
});

Deno.test("verify() shows the counts beside the percentages", () => {
  const check = judge(`value: 99.44, unit: "%", of: 360, ${ONE_SAMPLE}`, found("99.16666666666667"));
  assert.deepEqual(check, {
    claim: "x",
    unit: "%",
    claimed: "99.44 (358 of 360)",
    obtained: "99.17 (357 of 360)",
    tolerance: "±1 sample",
    difference: "−1 sample",
    verdict: "within tolerance",
    detail: "−1 sample is within ±1 sample: threads",
  });
});

Deno.test("countsObtained() finds every count however it is written", async (t) => {
  const forms: [string, (k: number, n: number) => string][] = [
    ["as a double", (k, n) => String(100 * k / n)],
    ["as a double, divided first", (k, n) => String(k / n * 100)],
    ["as a single", (k, n) => String(Math.fround(Math.fround(k / n) * 100))],
    ["with two decimals", (k, n) => percentageOf(k, n, 2)],
    ["with two decimals as JSON", (k, n) => JSON.stringify(Number(percentageOf(k, n, 2)))],
    ["with four decimals", (k, n) => percentageOf(k, n, 4)],
  ];
  for (const [name, write] of forms) {
    await t.step(name, () => {
      for (const n of [1, 2, 3, 7, 64, 100, 360, 540, 600, 2160, 9999]) {
        for (let k = 0; k <= n; k++) {
          const { first, last } = countsObtained(parseDecimal(write(k, n))!, 2, n);
          if (first !== k || last !== k) assert.fail(`${write(k, n)} of ${n}: ${first} to ${last}, not ${k}`);
        }
      }
    });
  }
});

Deno.test("verify() compares other numbers as printed, then by the tolerance, exactly", async (t) => {
  const absolute = (tolerance: string) => `tolerance: { absolute: ${tolerance}, because: threads }`;
  const relative = (tolerance: string) => `tolerance: { relative: ${tolerance}, because: threads }`;
  const cases: [string, string, Verdict, string?][] = [
    ["value: 0.4472", "0.4472", "identical"],
    ["value: 0.4472", "0.44719", "identical"],
    ["value: 0.4472", "0.44714", "different", "−0.00006"],
    ["value: 0.4472", "4.472e-1", "identical"],
    ["value: 86.10", "86.1", "identical"],
    ["value: 86.1", "86.14", "identical"],
    ["value: 86.10", "86.14", "different", "+0.04"],
    [`value: 1.0, ${absolute("0.1")}`, "1.1", "within tolerance", "+0.1"],
    [`value: 1.1, ${absolute("0.1")}`, "1.0", "within tolerance", "−0.1"],
    [`value: 0.3, ${absolute("0.2")}`, "0.1", "within tolerance", "−0.2"],
    [`value: 1.0, ${absolute("0.1")}`, "1.1000000000000001", "different", "+0.100"],
    [`value: 1.00, ${absolute("1e-2")}`, "1.01", "within tolerance", "+0.01"],
    [`value: 100.0, ${relative("0.01")}`, "101", "within tolerance", "+1.0"],
    [`value: -100.0, ${relative("0.01")}`, "-101", "within tolerance", "−1.0"],
    [`value: 100.0, ${relative("0.01")}`, "101.1", "different", "+1.1"],
    ["value: 465", "465", "identical"],
    ["value: 465", "465.0", "identical"],
    ["value: 465", "466", "different", "+1"],
    [`value: 465, ${ONE_SAMPLE}`, "466", "within tolerance", "+1 sample"],
    [`value: 465, ${ONE_SAMPLE}`, "466.0", "within tolerance", "+1 sample"],
    [`value: 465, ${ONE_SAMPLE}`, "463", "different", "−2 samples"],
    [`value: 465, ${ONE_SAMPLE}`, "465.4", "different", undefined],
    ["value: 0", "-0.0", "identical"],
  ];
  for (const [claim, obtained, verdict, difference] of cases) {
    await t.step(`${claim}: ${obtained}`, () => {
      const check = judge(claim, found(obtained));
      assert.equal(check.verdict, verdict, check.detail);
      assert.equal(check.difference, difference);
    });
  }
});

Deno.test("verify() names the tolerance", async (t) => {
  const cases: [string, string][] = [
    ["value: 1.0", "none"],
    [`value: 1, ${ONE_SAMPLE}`, "±1 sample"],
    [`value: 1, ${TWO_SAMPLES}`, "±2 samples"],
    ["value: 1.0, tolerance: { absolute: 0.010, because: x }", "±0.01"],
    ["value: 1.0, tolerance: { relative: 0.005, because: x }", "±0.5 % of the value"],
    ["value: 1.0, tolerance: { relative: 0.1, because: x }", "±10 % of the value"],
    ["value: 1.0, tolerance: { relative: 1, because: x }", "±100 % of the value"],
  ];
  for (const [claim, expected] of cases) {
    await t.step(expected, () => assert.equal(judge(claim, found("1")).tolerance, expected));
  }
});

Deno.test("verify() compares texts, facts and hashes exactly", async (t) => {
  const hash = `from: train/w#sha256, value: "${HASH.toUpperCase()}"`;
  const cases: [string, string, Verdict][] = [
    ["value: adam", '"adam"', "identical"],
    ["value: adam", '"Adam"', "different"],
    ['value: "99.44"', '"99.44"', "identical"],
    ["value: true", "true", "identical"],
    ["value: true", "false", "different"],
    [hash, JSON.stringify(HASH), "identical"],
    [hash, JSON.stringify(HASH.replace("e", "f")), "different"],
  ];
  for (const [claim, obtained, verdict] of cases) {
    await t.step(`${claim}: ${obtained}`, () => assert.equal(judge(claim, found(obtained)).verdict, verdict));
  }
  assert.equal(judge(hash, found(JSON.stringify(HASH))).claimed, "e3b0c44298fc…");
});

Deno.test("verify() takes a value of another type for missing and says what was found", async (t) => {
  const cases: [string, string, RegExp][] = [
    [
      "value: 99.44, of: 360",
      '"99.44"',
      /looked for a number at train\/metrics\.json#\/x, found the string "99\.44"/,
    ],
    ["value: 1", "true", /found the boolean true/],
    ["value: adam", "1", /looked for a text .* found the number 1/],
    ["value: true", '"true"', /looked for true or false .* found the string "true"/],
  ];
  for (const [claim, obtained, detail] of cases) {
    await t.step(`${claim}: ${obtained}`, () => {
      const check = judge(claim, found(obtained));
      assert.equal(check.verdict, "missing");
      assert.match(check.detail, detail);
    });
  }
});

Deno.test("verify() says of a missing value what was looked for and found", () => {
  const check = judge("value: 1", {
    found: false,
    looked: "train/metrics.json#/x",
    reason: "train has no metrics.json, it holds log.txt",
  });
  assert.equal(check.verdict, "missing");
  assert.equal(check.obtained, "—");
  assert.equal(check.detail, "looked for train/metrics.json#/x: train has no metrics.json, it holds log.txt");
  assert.match(judge("value: 1", undefined).detail, /train\/metrics\.json#\/x was not looked at/);
});

Deno.test("verify() takes nothing from a step that failed, was interrupted or was not run", async (t) => {
  const cases: ["failed" | "interrupted" | "not run", string, string][] = [
    ["failed", "exit code 1", 'step "train" failed: exit code 1'],
    ["interrupted", "", 'step "train" was interrupted'],
    ["not run", 'it needs "prepare"', 'step "train" was not run: it needs "prepare"'],
  ];
  for (const [status, detail, expected] of cases) {
    await t.step(status, () => {
      const run = { parametersChanged: [], failedSteps: [{ step: "train", status, detail }] };
      const check = judge("value: 1", found("1"), run);
      assert.equal(check.verdict, "missing");
      assert.equal(check.detail, expected);
      assert.equal(check.obtained, "—");
      assert.equal(judge("value: 1", found("1"), { ...run, parametersChanged: ["seed"] }).verdict, "missing");
    });
  }
  const other = {
    parametersChanged: [],
    failedSteps: [{ step: "plots", status: "failed" as const, detail: "" }],
  };
  assert.equal(judge("value: 1", found("1"), other).verdict, "identical");
});

Deno.test("verify() does not apply claims to a run with changed parameters", () => {
  const run = { parametersChanged: ["epochs", "seed"], failedSteps: [] };
  const check = judge("value: 1", found("2"), run);
  assert.equal(check.verdict, "not applicable");
  assert.equal(check.obtained, "2");
  assert.match(check.detail, /changed: epochs, seed/);
  assert.equal(judge("value: 1", { found: false, looked: "x", reason: "y" }, run).verdict, "not applicable");
});

Deno.test("verify() reads numbers out of cells and matches, and says what is not a number", async (t) => {
  const cell = 'from: "train/h.csv?a=1#x"';
  const read: [claim: string, text: string, verdict: Verdict, obtained: string, detail: RegExp][] = [
    [`${cell}, value: 86.11, of: 540`, " 86.11 ", "identical", "86.11 (465 of 540)", /same count/],
    [`${cell}, value: 86.11, of: 540, unit: "%"`, "86.11%", "identical", "86.11 (465 of 540)", /same count/],
    [`${cell}, value: 86.11, of: 540`, "86.11 %", "identical", "86.11 (465 of 540)", /same count/],
    [`${cell}, value: 94.1`, "**94.1**", "identical", "94.1", /same value/],
    [`${cell}, value: 94.1`, "94.1 ± 0.2", "identical", "94.1", /same value/],
    [`${cell}, value: 94.1`, "94.1 (0.2)", "identical", "94.1", /same value/],
    [`${cell}, value: 94.1`, String.raw`$94.1\pm0.2$`, "identical", "94.1", /same value/],
    [`${cell}, value: 94.1 ± 0.2 of 5`, "94.1 ± 0.2 of 5", "identical", "94.1 ± 0.2 of 5", /same value/],
    [
      `${cell}, value: 94.1, unit: s`,
      "94.1 ± 0.2 %",
      "missing",
      "94.1 ± 0.2 %",
      /found "94\.1 ± 0\.2 %", whose unit "%" is not the claim's \(s\)$/,
    ],
    [
      `${cell}, value: 12.5, unit: ms`,
      "0.0125 s",
      "missing",
      "0.0125 s",
      /whose unit "s" is not the claim's \(ms\)$/,
    ],
    [
      `${cell}, value: 27000`,
      "27,000",
      "missing",
      "27,000",
      /found "27,000", which is a number with format: \{ thousands: "," \} \(27000\) or format: \{ decimal: "," \} \(27\.000\)$/,
    ],
    [
      `${cell}, value: 1068.10`,
      "1.068,10",
      "missing",
      "1.068,10",
      /which is a number with format: \{ decimal: ",", thousands: "\." \} \(1068\.10\)$/,
    ],
    [`${cell}, value: 1`, "1,2,3", "missing", "1,2,3", /may have separators or a decimal comma/],
    [`${cell}, value: 0.5`, "nan", "missing", "nan", /found "nan", which is not a finite number$/],
    [`${cell}, value: 0.5`, "-Infinity", "missing", "-Infinity", /not a finite number$/],
    [`${cell}, value: 0.5`, "", "missing", "", /found nothing$/],
    [`${cell}, value: adam`, "adam", "identical", "adam", /same value/],
    [`${cell}, value: true`, "True", "identical", "True", /same value/],
  ];
  for (const [claim, text, verdict, obtained, detail] of read) {
    await t.step(`${claim}: ${text}`, () => {
      const check = judge(claim, { found: true, value: text, text });
      assert.deepEqual([check.verdict, check.obtained], [verdict, obtained]);
      assert.match(check.detail, detail);
    });
  }
});

Deno.test("verify() says of a fraction that a percentage is claimed", () => {
  const check = judge("value: 86.11, of: 540", found("0.8611"));
  assert.equal(check.verdict, "different");
  assert.match(
    check.detail,
    /not the percentage of a count of 540, it looks like a fraction and a percentage is claimed$/,
  );
});

function curve(...values: (number | string)[]): Observation {
  return { found: true, list: values.map((value) => ({ value, text: String(value) })) };
}

Deno.test("verify() judges a curve by its largest deviation and names the point", async (t) => {
  const counts = "value: [48.89, 68.15, 76.11], of: 540";
  const cases: [claim: string, obtained: Observation, Verdict, worst: number | undefined, detail: RegExp][] =
    [
      [counts, curve(48.89, 68.15, 76.11), "identical", undefined, /^the same count at all 3 points$/],
      [
        counts,
        curve(48.89, 67.96, 76.11),
        "different",
        1,
        /^−1 sample at point 2 of 3, the only deviation, no tolerance is declared$/,
      ],
      [
        `${counts}, ${ONE_SAMPLE}`,
        curve(48.89, 67.96, 76.3),
        "within tolerance",
        1,
        /^−1 sample at point 2 of 3, the largest of 2 deviations, of which the first is at point 2, is within ±1 sample: threads$/,
      ],
      [
        `${counts}, ${ONE_SAMPLE}`,
        curve(48.7, 68.15, 75.74),
        "different",
        2,
        /^−2 samples at point 3 of 3, the largest of 2 deviations, of which the first is at point 1, is outside ±1 sample$/,
      ],
      [
        counts,
        curve(48.89, 68.05, 76.11),
        "different",
        1,
        /^at point 2 of 3: 68\.05 is not the percentage of a count of 540$/,
      ],
      [
        "value: [1.0, 2.0]",
        curve(1.04, 2.0),
        "identical",
        undefined,
        /^the same value as printed at all 2 points$/,
      ],
      [
        "value: [100.0, 1.0], tolerance: { relative: 0.1, because: x }",
        curve(105, 1.2),
        "different",
        1,
        /^\+0\.2 at point 2/,
      ],
      [
        "value: [100.0, 1.0], tolerance: { absolute: 6, because: x }",
        curve(105, 1.2),
        "within tolerance",
        0,
        /^\+5\.0 at point 1/,
      ],
      [`value: [10, 20], ${ONE_SAMPLE}`, curve(10, 21), "within tolerance", 1, /^\+1 sample/],
      ["value: [1.0, 2.0]", curve(1.0), "missing", undefined, /^looked for 2 values at .*, found 1$/],
      [
        "value: [1.0, 2.0]",
        curve(1.0, "x"),
        "missing",
        undefined,
        /^looked for a number at point 2 of .*, found the string "x"$/,
      ],
      ["value: [1.0]", found("1"), "missing", undefined, /^looked for a list at .*, found a single value$/],
      ["value: 1.0", curve(1), "missing", undefined, /^looked for one value at .*, found a list$/],
    ];
  for (const [claim, obtained, verdict, worst, detail] of cases) {
    await t.step(`${claim}: ${JSON.stringify(obtained)}`, () => {
      const check = judge(claim, obtained);
      assert.equal(check.verdict, verdict, check.detail);
      assert.equal(check.worst, worst);
      assert.match(check.detail, detail);
    });
  }
});

Deno.test("verify() shows the ends of a curve and gives all its points", () => {
  const check = judge(`value: [48.89, 68.15], of: 540, ${ONE_SAMPLE}`, curve(48.89, 67.96));
  assert.equal(check.claimed, "48.89 … 68.15 (2 points)");
  assert.equal(check.obtained, "48.89 … 67.96 (2 points)");
  assert.deepEqual(check.points, [
    { claimed: 48.89, obtained: 48.89, samples: 0 },
    { claimed: 68.15, obtained: 67.96, samples: -1 },
  ]);
});

Deno.test("no tolerance judges a run that it was derived from", () => {
  const claim = "value: 465, tolerance: { samples: 1, because: spread, runs: [a, b] }";
  assert.equal(judge(claim, found("466"), { ...FINE, run: "c" }).verdict, "within tolerance");
  const own = judge(claim, found("466"), { ...FINE, run: "b" });
  assert.equal(own.verdict, "different");
  assert.equal(own.tolerance, "none");
  assert.match(own.detail, /the tolerance rests on this very run, so it does not judge it$/);
});

Deno.test("holds() wants every claim to be identical, within tolerance or not applicable", async (t) => {
  const verdicts: [Verdict, boolean][] = [
    ["identical", true],
    ["within tolerance", true],
    ["not applicable", true],
    ["different", false],
    ["missing", false],
  ];
  const check = judge("value: 1", found("1"));
  for (const [verdict, expected] of verdicts) {
    await t.step(verdict, () => assert.equal(holds([check, { ...check, verdict }]), expected));
  }
  assert.equal(holds([]), true);
});

Deno.test("verify() judges ranges by their ends, which belong to them, exactly", async (t) => {
  const cases: [claim: string, obtained: string, Verdict, detail: string, claimed: string][] = [
    ["value: { at_least: 94 }", "94.3", "within tolerance", "94.3 is at least 94", "≥ 94"],
    ["value: { at_least: 94 }", "94.0", "within tolerance", "94.0 is at least 94", "≥ 94"],
    ["value: { at_least: 94 }", "93.9999", "different", "93.9999 is below 94", "≥ 94"],
    ["value: { at_most: 1e-3 }", "0.0009", "within tolerance", "0.0009 is at most 1e-3", "≤ 1e-3"],
    ["value: { at_most: 1e-3 }", "0.0011", "different", "0.0011 is above 1e-3", "≤ 1e-3"],
    [
      "value: { between: [93, 95] }",
      "95",
      "within tolerance",
      "95 is at least 93 and at most 95",
      "93 to 95",
    ],
    ["value: { between: [93, 95] }", "95.5", "different", "95.5 is above 95", "93 to 95"],
    [
      "value: { at_least: 86.11 }, of: 540",
      "86.1",
      "within tolerance",
      "86.11 (465 of 540) is at least 86.11 (465 of 540)",
      "≥ 86.11 (465 of 540)",
    ],
    [
      "value: { at_least: 86.11 }, of: 540",
      "85.93",
      "different",
      "85.93 (464 of 540) is below 86.11 (465 of 540)",
      "≥ 86.11 (465 of 540)",
    ],
    [
      "value: { at_least: 86.11 }, of: 540",
      "85.90",
      "different",
      "85.90 is not the percentage of a count of 540",
      "≥ 86.11 (465 of 540)",
    ],
    [
      "value: { at_least: 94 }",
      '"a"',
      "missing",
      'looked for a number at train/metrics.json#/x, found the string "a"',
      "≥ 94",
    ],
    [
      "value: { mean: 94.1, std: 0.2, n: 5 }",
      "94.3",
      "not applicable",
      "the mean of 5 runs is claimed, which one run does not judge: with over: seeds, deno task sweep does",
      "94.1 ± 0.2 (n = 5)",
    ],
    [
      "value: 94.1, over: seeds",
      "94.1",
      "not applicable",
      "it is claimed over seeds, which one run does not judge: deno task sweep does",
      "94.1",
    ],
  ];
  for (const [claim, json, verdict, detail, claimed] of cases) {
    await t.step(`${claim}: ${json}`, () => {
      const check = judge(claim, found(json));
      assert.deepEqual([check.verdict, check.detail, check.claimed], [verdict, detail, claimed]);
    });
  }
});

Deno.test("verify() says how many values were looked for", () => {
  const list = ["1", "2"].map((text) => ({ value: Number(text), text }));
  const one = judge("value: [1.0]", { found: true, list });
  assert.equal(one.detail, "looked for 1 value at train/metrics.json#/x, found 2");
});
