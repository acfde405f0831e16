/** What becomes of parameters on their way to a notebook. */

import assert from "node:assert/strict";
import { readParameters, readValue } from "../../tasks/lib/plan/notebook_parameters.ts";

Deno.test("readValue() keeps the type and the digits of a value", async (t) => {
  const cases: [yaml: string, python: string][] = [
    ["3", "3"],
    ["9007199254740993", "9007199254740993"],
    ["1.0", "1.0"],
    ["1e3", "1000.0"],
    ["1e300", "1e+300"],
    ["-0.0", "-0.0"],
    [".nan", "NaN"],
    [".inf", "Infinity"],
    ["-.inf", "-Infinity"],
    ["true", "true"],
    ["", "null"],
    ["it's", '"it\'s"'],
    ['"1"', '"1"'],
    ["{lr: 1.0, n: [0.0, 2.5, 2]}", '{"lr": 1.0, "n": [0.0, 2.5, 2]}'],
    ["{1: a, 1.0: b, null: c}", '{"!pairs": [[1, "a"], [1.0, "b"], [null, "c"]]}'],
    ["{'!pairs': 1}", '{"!pairs": [["!pairs", 1]]}'],
  ];
  for (const [yaml, python] of cases) {
    await t.step(yaml, () => assert.equal(readValue(yaml, "-p"), python));
  }
});

Deno.test("readValue() and readParameters() refuse what no notebook can be given", () => {
  assert.throws(() => readValue("{[1]: a}", "-p x"), /Cannot read -p x: the keys of a mapping must be texts/);
  assert.throws(() => readValue("[1", "-p x"), /Cannot read -p x: /);
  assert.throws(() => readParameters("3", "f.yaml"), /f\.yaml must hold names with values/);
  assert.throws(() => readParameters("1: a", "f.yaml"), /Cannot read f\.yaml: the name 1 must be a text/);
});

Deno.test("readParameters() reads a file's values one by one", () => {
  assert.deepEqual(readParameters("lr: 1.0\nsizes: [1, 2.0]\n", "f.yaml"), { lr: "1.0", sizes: "[1, 2.0]" });
});
