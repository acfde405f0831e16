import assert from "node:assert/strict";
import { Failure } from "../../tasks/lib/cli/failure.ts";
import { fillTemplate, parseTemplate, placeholders } from "../../tasks/lib/experiment/template.ts";

const VALUES = new Map([["epochs", "15"], ["out", "/runs/a b/train"], ["steps.train", "/runs/1/train"]]);

Deno.test("fillTemplate() puts values in the place of placeholders and halves doubled braces", async (t) => {
  const cases: [string, string][] = [
    ["", ""],
    ["python", "python"],
    ["{epochs}", "15"],
    ["--epochs={epochs}", "--epochs=15"],
    ["{out}/model", "/runs/a b/train/model"],
    ["{steps.train}/{epochs}{epochs}", "/runs/1/train/1515"],
    ["{{epochs}}", "{epochs}"],
    ["{{{epochs}}}", "{15}"],
    ["{{}}", "{}"],
    ["{{{{", "{{"],
    ["print({{1: 2}})", "print({1: 2})"],
    ["$(epochs) ${{HOME}} `x`", "$(epochs) ${HOME} `x`"],
    ["zwölf\n{epochs}\n", "zwölf\n15\n"],
  ];
  for (const [template, expected] of cases) {
    await t.step(JSON.stringify(template), () => assert.equal(fillTemplate(template, VALUES), expected));
  }
});

Deno.test("fillTemplate() puts a value in as it is, also one that looks like a template", async (t) => {
  for (const value of ["", " ", "{out}", "{{", "$&", "$(rm -rf x)", "a\nb", "--x", "'\"", "\\"]) {
    await t.step(JSON.stringify(value), () => {
      assert.equal(fillTemplate("<{v}>", new Map([["v", value]])), `<${value}>`);
    });
  }
});

Deno.test("parseTemplate() says what is wrong and where", async (t) => {
  const cases: [string, number, RegExp][] = [
    ["{out", 0, /"\{" has no closing brace; a literal brace is doubled: "\{\{"/],
    ["a{", 1, /closing/],
    ["out}", 3, /"\}" has no opening brace/],
    ["{{out}", 5, /opening/],
    ["{out}}", 5, /opening/],
    ["{a{b}", 0, /closing/],
    ["x{}", 1, /names nothing/],
    ["{ }", 0, /names nothing/],
  ];
  for (const [template, offset, message] of cases) {
    await t.step(template, () => {
      const problem = parseTemplate(template);
      assert(!Array.isArray(problem), "no problem was found");
      assert.equal(problem.offset, offset);
      assert.match(problem.message, message);
      assert.deepEqual(placeholders(template), []);
    });
  }
});

Deno.test("placeholders() names them in order", () => {
  assert.deepEqual(placeholders("{b}{{c}}{a}-{b}"), ["b", "a", "b"]);
});

Deno.test("fillTemplate() fails with exit code 2 on a name without a value, and lists those that have one", () => {
  assert.throws(() => fillTemplate("{epoch}", VALUES), (error) => {
    assert(error instanceof Failure);
    assert.equal(error.exitCode, 2);
    assert.match(error.message, /\{epoch\} has no value, known are \{epochs\}, \{out\}, \{steps\.train\}$/);
    return true;
  });
  assert.throws(() => fillTemplate("{", VALUES), Failure);
});
