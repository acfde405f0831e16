import assert from "node:assert/strict";
import { ContentProblem } from "../../tasks/lib/values/content_problem.ts";
import { findInJson } from "../../tasks/lib/values/json.ts";

Deno.test("findInJson() finds the value and keeps the text of a number", async (t) => {
  const text = `{
    "accuracy": [98.5, 99.40, 1e2], "": {"": 1}, "a/b": {"m~n": -0.0}, "name": "ad\\u0061m\\n", "ok": true,
    "nested": {"list": [[1, 2], [3]], "0": "key"}, "twice": 1, "twice": 2, "bad": [NaN, -Infinity, null]
  }`;
  const cases: [string[], number | string | boolean, string][] = [
    [["accuracy", "0"], 98.5, "98.5"],
    [["accuracy", "1"], 99.4, "99.40"],
    [["accuracy", "-1"], 100, "1e2"],
    [["accuracy", "-3"], 98.5, "98.5"],
    [["", ""], 1, "1"],
    [["a/b", "m~n"], -0, "-0.0"],
    [["name"], "adam\n", "adam\n"],
    [["ok"], true, "true"],
    [["nested", "list", "-1", "0"], 3, "3"],
    [["nested", "0"], "key", "key"],
    [["twice"], 2, "2"],
  ];
  for (const [pointer, value, source] of cases) {
    await t.step(`/${pointer.join("/")}`, () => {
      assert.deepEqual(findInJson(text, pointer), { value, text: source });
    });
  }
});

Deno.test("findInJson() reads a file that is a single value", () => {
  assert.deepEqual(findInJson(" 0.980\n", []), { value: 0.98, text: "0.980" });
  assert.deepEqual(findInJson("\uFEFF[1]", ["0"]), { value: 1, text: "1" });
});

Deno.test("findInJson() says how far the pointer got and what is there", async (t) => {
  const text =
    '{"accuracy": [1, 2], "loss": NaN, "low": -Infinity, "none": null, "run": {"id": "x"}, "big": 1e999}';
  const cases: [string[], string][] = [
    [["acc"], 'has no "acc" at the top, the keys are "accuracy", "loss", "low", "none", "run", "big"'],
    [["accuracy", "2"], "has no item 2 at /accuracy, the list has 2"],
    [["accuracy", "-3"], "has no item -3 at /accuracy, the list has 2"],
    [["accuracy", "-0"], 'has a list of 2 at /accuracy, where an index is expected and not "-0"'],
    [["accuracy", "01"], 'has a list of 2 at /accuracy, where an index is expected and not "01"'],
    [["accuracy", "last"], 'has a list of 2 at /accuracy, where an index is expected and not "last"'],
    [["accuracy"], "has a list at /accuracy, where a single value was looked for"],
    [["run"], "has an object at /run, where a single value was looked for"],
    [["run", "id", "x"], 'has a string at /run/id, where "x" was looked for'],
    [["loss"], "has NaN at /loss, where a single value was looked for"],
    [["low"], "has -Infinity at /low, where a single value was looked for"],
    [["none"], "has null at /none, where a single value was looked for"],
    [["none", "x"], 'has null at /none, where "x" was looked for'],
    [["big"], "has 1e999 at /big, which is beyond the range of numbers"],
    [
      ["toString"],
      'has no "toString" at the top, the keys are "accuracy", "loss", "low", "none", "run", "big"',
    ],
  ];
  for (const [pointer, message] of cases) {
    await t.step(`/${pointer.join("/")}`, () => {
      assert.throws(() => findInJson(text, pointer), (error) => {
        assert(error instanceof ContentProblem);
        assert.equal(error.message, message);
        return true;
      });
    });
  }
});

Deno.test("findInJson() gives line and column of what is not JSON, wherever in the file", async (t) => {
  const cases: [string, RegExp][] = [
    ["", /is not JSON: expected a value at line 1, column 1, found the end of the file/],
    ["loss = 3", /line 1, column 1, found "loss = 3"/],
    ['{"x": 1', /expected "," or "}" at line 1, column 8, found the end/],
    ['{"x": 1}\n{"x": 2}', /expected the end of the file at line 2, column 1/],
    ['{"x": 1,\n "y": nope}', /expected a value at line 2, column 7/],
    ['{"x": 1,}', /expected """ at line 1, column 9/],
    ["{'x': 1}", /line 1, column 2/],
    ['{"x" 1}', /expected ":" at line 1, column 6/],
    ["[1 2]", /expected "," or "]" at line 1, column 4/],
    ["[01]", /line 1, column 3/],
    ["[-]", /expected a number at line 1, column 2/],
    ['["a\nb"]', /no bare control character/],
    ['["a\\x"]', /a valid escape/],
    ['["a', /expected the end of a string/],
    ["[".repeat(100_000), /nested deeper than 500 levels/],
    ["\0", /line 1, column 1/],
  ];
  for (const [text, message] of cases) {
    await t.step(
      JSON.stringify(text.slice(0, 20)),
      () => assert.throws(() => findInJson(text, ["x"]), message),
    );
  }
});

Deno.test("findInJson() agrees with JSON.parse on what JSON is", () => {
  const texts = ["1", "-0.5e+3", '"\\u00e9\\\\\\/"', "[]", "{}", "[[],{}]", ' {"a" : [ 1 , "b" , null ] } '];
  for (const text of texts) {
    JSON.parse(text);
    assert.throws(() => findInJson(`[${text}, 7`, ["-1"]), ContentProblem);
    assert.equal(findInJson(`[${text}, 7]`, ["-1"]).value, 7);
  }
});

Deno.test("findInJson() finds the last of a million numbers", () => {
  const text = JSON.stringify({ losses: Array.from({ length: 1_000_000 }, (_, i) => i / 7) });
  assert.equal(findInJson(text, ["losses", "-1"]).value, 999_999 / 7);
});
