import assert from "node:assert/strict";
import { countProblem } from "../../tasks/lib/experiment/claim_checks.ts";
import { countsOf, decimalsToTell, parseDecimal, percentageOf } from "../../tasks/lib/values/decimal.ts";

Deno.test("countProblem() asks for as many decimals as tell the counts apart, and for none too many", async (t) => {
  const cases: [text: string, n: number, expected: string | undefined][] = [
    ["90.2", 10_000, "write it with 2 decimals, e.g. 90.15 or 90.25"],
    ["90.20", 10_000, undefined],
    ["9", 10_000, "write it with 2 decimals, e.g. 8.50 or 9.50"],
    ["90.2", 100_000, "write it with 3 decimals, e.g. 90.150 or 90.250"],
    ["90", 1000, "write it with one decimal, e.g. 89.5 or 90.5"],
    ["90", 100, undefined],
    ["90.25", 27_000, "write it with 3 decimals, e.g. 90.248 or 90.252"],
  ];
  for (const [text, n, expected] of cases) {
    await t.step(`${text} of ${n}`, () => {
      const found = countProblem(text, n);
      assert.equal(found?.replace(/^.*; /, ""), expected);
    });
  }
});

Deno.test("what countProblem() asks for is one count for every count, and one decimal less is not", () => {
  const one = (text: string, n: number) => {
    const { first, last } = countsOf(parseDecimal(text)!, n);
    return first === last;
  };
  let asked = 0;
  for (const n of [101, 360, 999, 1000, 1001, 5000, 9999, 10_000, 10_001, 27_000, 100_000, 1_000_001]) {
    for (const given of [0, 1, 2]) {
      const middle = Math.floor(n / 2);
      const found = countProblem(percentageOf(middle, n, given), n);
      const decimals = /write it with (one|\d+) decimal/.exec(found ?? "")?.[1];
      if (decimals === undefined) continue;
      asked++;
      const wanted = decimals === "one" ? 1 : Number(decimals);
      for (let count = middle - 50; count <= middle + 50; count++) {
        assert(one(percentageOf(count, n, wanted), n), `${count} of ${n} with ${wanted}`);
      }
      assert(wanted === given + 1 || wanted === decimalsToTell(n), `${given} decimals of ${n}: ${wanted}`);
    }
  }
  assert(asked > 10);
});
