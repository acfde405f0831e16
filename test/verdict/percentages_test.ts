/** Percentages against counts: 200,000 random cases beside an implementation of its own, in Python with exact fractions. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { parseDecimal } from "../../tasks/lib/values/decimal.ts";
import { countsObtained } from "../../tasks/lib/verdict/counts.ts";

const CASES = 200_000;

Deno.test("countsObtained() finds the counts that exact fractions give", async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  const { code, stdout, stderr } = await new Deno.Command("python3", {
    args: [join(import.meta.dirname!, "percentages.py"), String(seed), String(CASES)],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  assert.equal(lines.length, CASES);
  const differing = lines.filter((line) => {
    const [text = "", decimals, n, first, last] = line.split(" ");
    const found = countsObtained(parseDecimal(text)!, Number(decimals), Number(n));
    return found.first > found.last
      ? Number(first) <= Number(last)
      : found.first !== Number(first) || found.last !== Number(last);
  });
  assert.deepEqual(differing.slice(0, 10), [], `${differing.length} differ, with the seed ${seed}`);
});
