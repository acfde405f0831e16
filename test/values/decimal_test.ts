import assert from "node:assert/strict";
import {
  absolute,
  atMost,
  countsOf,
  decimalsToTell,
  multiply,
  parseDecimal,
  percentageOf,
  printsAs,
  subtract,
  toFixed,
  toText,
} from "../../tasks/lib/values/decimal.ts";

const decimal = (text: string) => {
  const parsed = parseDecimal(text);
  assert(parsed, `${text} was not read`);
  return parsed;
};

Deno.test("parseDecimal() keeps every digit and the number of decimals", async (t) => {
  const cases: [string, bigint, number][] = [
    ["0", 0n, 0],
    ["86.10", 8610n, 2],
    ["-86.1", -861n, 1],
    ["+.5", 5n, 1],
    ["5.", 5n, 0],
    ["007", 7n, 0],
    ["1e-3", 1n, 3],
    ["4.472e-1", 4472n, 4],
    ["1.5E3", 1500n, 0],
    ["1e+2", 100n, 0],
    ["99.444444444444442865", 99444444444444442865n, 18],
    ["5e-324", 5n, 324],
  ];
  for (const [text, digits, scale] of cases) {
    await t.step(text, () => assert.deepEqual(parseDecimal(text), { digits, scale }));
  }
});

Deno.test("parseDecimal() reads nothing else", async (t) => {
  for (
    const text of [
      "",
      ".",
      "-",
      "e5",
      "1e",
      "0x10",
      ".inf",
      "NaN",
      "1_000",
      "1,5",
      " 1",
      "1e999999",
      "1e9999999",
    ]
  ) {
    await t.step(JSON.stringify(text), () => assert.equal(parseDecimal(text), undefined));
  }
});

Deno.test("differences are exact where floating point is not", () => {
  assert(1.1 - 1.0 > 0.1);
  const difference = subtract(decimal("1.1"), decimal("1.0"));
  assert(atMost(absolute(difference), decimal("0.1")));
  assert(!atMost(absolute(difference), decimal("0.0999999999999999999999")));
  assert(atMost(decimal("-2"), decimal("-1.99")));
  assert.deepEqual(multiply(decimal("0.1"), decimal("0.2")), decimal("0.02"));
});

Deno.test("toFixed() rounds a tie away from zero", async (t) => {
  const cases: [string, number, string][] = [
    ["86.10", 2, "86.10"],
    ["86.1", 3, "86.100"],
    ["86.149", 1, "86.1"],
    ["86.15", 1, "86.2"],
    ["-86.15", 1, "-86.2"],
    ["-0.04", 1, "0.0"],
    ["0.5", 0, "1"],
    ["0.004", 2, "0.00"],
    ["12", 0, "12"],
  ];
  for (const [text, decimals, expected] of cases) {
    await t.step(`${text} to ${decimals}`, () => assert.equal(toFixed(decimal(text), decimals), expected));
  }
  assert.equal(toText(decimal("0.44719"), 6), "0.44719");
  assert.equal(toText(decimal("0.44719"), 3), "0.447");
});

Deno.test("printsAs() compares what is printed", async (t) => {
  const cases: [string, string, boolean][] = [
    ["0.44719", "0.4472", true],
    ["0.4472499", "0.4472", true],
    ["0.44725", "0.4472", true], // a tie may have been rounded either way
    ["0.44726", "0.4472", false],
    ["86.1", "86.10", true],
    ["86.104", "86.10", true],
    ["86.106", "86.10", false],
    ["-0.001", "0.00", true],
  ];
  for (const [value, printed, expected] of cases) {
    await t.step(
      `${value} as ${printed}`,
      () => assert.equal(printsAs(decimal(value), decimal(printed)), expected),
    );
  }
});

Deno.test("countsOf() finds the one count that a percentage with two decimals stands for, for all counts of 1 to 600", () => {
  for (let n = 1; n <= 600; n++) {
    for (let k = 0; k <= n; k++) {
      const { first, last } = countsOf(decimal(percentageOf(k, n, 2)), n);
      if (first !== k || last !== k) assert.fail(`${k} of ${n}: found ${first} to ${last}`);
    }
  }
});

Deno.test("countsOf() finds what JavaScript prints, whichever way it rounds a tie", () => {
  for (const n of [7, 64, 360, 540, 2160, 9999]) {
    for (let k = 0; k <= n; k++) {
      const { first, last } = countsOf(decimal((100 * k / n).toFixed(2)), n);
      if (first > k || last < k) assert.fail(`${k} of ${n}: found ${first} to ${last}`);
    }
  }
});

Deno.test("countsOf() gives the counts of the published runs", async (t) => {
  const cases: [string, number, number][] = [
    ["86.11", 540, 465],
    ["84.81", 540, 458],
    ["85.00", 540, 459],
    ["48.89", 540, 264],
    ["89.72", 2160, 1938],
    ["22.04", 2160, 476],
    ["22.08", 2160, 477],
    ["99.44", 360, 358],
    ["100.0", 360, 360],
    ["0.00", 360, 0],
  ];
  for (const [text, n, count] of cases) {
    await t.step(`${text} of ${n}`, () => {
      assert.deepEqual(countsOf(decimal(text), n), { first: count, last: count });
    });
  }
});

Deno.test("countsOf() finds none for 86.10 of 540, and several where the decimals are too few", () => {
  const { first, last } = countsOf(decimal("86.10"), 540);
  assert(first > last);
  assert.deepEqual(countsOf(decimal("99.44"), 27_000), { first: 26_848, last: 26_850 });
  assert.deepEqual(countsOf(decimal("50"), 200), { first: 99, last: 101 });
});

Deno.test("decimalsToTell() is the fewest decimals with which all counts print differently", async (t) => {
  const cases: [number, number][] = [
    [1, 0],
    [99, 0],
    [100, 0],
    [101, 1],
    [1000, 1],
    [1001, 2],
    [10_000, 2],
    [10_001, 3],
  ];
  for (const [n, decimals] of cases) {
    await t.step(`${n}`, () => {
      assert.equal(decimalsToTell(n), decimals);
      const printed = Array.from({ length: n + 1 }, (_, k) => percentageOf(k, n, decimals));
      assert.equal(new Set(printed).size, n + 1);
    });
  }
});
