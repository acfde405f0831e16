import assert from "node:assert/strict";
import { formatSource, parseSource } from "../../tasks/lib/sources/sources.ts";

Deno.test("parseSource() reads pointers and hashes, and formatSource() writes them back", async (t) => {
  const cases: [string, object][] = [
    ["train/m.json#/a/-1", { kind: "pointer", step: "train", path: "train/m.json", pointer: ["a", "-1"] }],
    ["train/a/b.json#/x~1y/~01", {
      kind: "pointer",
      step: "train",
      path: "train/a/b.json",
      pointer: ["x/y", "~1"],
    }],
    ["train/m.json#/", { kind: "pointer", step: "train", path: "train/m.json", pointer: [""] }],
    ["train/m.json#", { kind: "pointer", step: "train", path: "train/m.json", pointer: [] }],
    ["train/m.json#/a#b", { kind: "pointer", step: "train", path: "train/m.json", pointer: ["a#b"] }],
    ["train/m.json#/a b", { kind: "pointer", step: "train", path: "train/m.json", pointer: ["a b"] }],
    ["train/model.bin#sha256", { kind: "sha256", step: "train", path: "train/model.bin" }],
    ["train/h.csv#sha256", { kind: "sha256", step: "train", path: "train/h.csv" }],
    ["train/h.csv#top 1 (%)", { kind: "csv", step: "train", path: "train/h.csv", column: "top 1 (%)" }],
    ["train/a/h.TSV?model=a=b#acc", {
      kind: "csv",
      step: "train",
      path: "train/a/h.TSV",
      row: { column: "model", value: "a=b" },
      column: "acc",
    }],
    [String.raw`notebook/n.ipynb~/acc#1 ~/(\d+)/`, {
      kind: "text",
      step: "notebook",
      path: "notebook/n.ipynb",
      pattern: String.raw`acc#1 ~/(\d+)`,
    }],
    ["train~/loss: (.+)/", { kind: "printed", step: "train", path: "log.txt", pattern: "loss: (.+)" }],
  ];
  for (const [text, expected] of cases) {
    await t.step(text, () => {
      const source = parseSource(text);
      assert.deepEqual(source, expected);
      assert(!("problem" in source));
      assert.equal(formatSource(source), text);
    });
  }
});

Deno.test("parseSource() shows the valid forms", async (t) => {
  const forms = /e\.g\. "train\/metrics\.json#\/accuracy\/-1", .* or 'train~\/accuracy: \(\[\\d\.\]\+\)\/'$/;
  const cases: [string, RegExp][] = [
    ["", forms],
    ["train", forms],
    ["train/m.json", forms],
    ["m.json#/x", forms],
    ["/m.json#/x", forms],
    ["train/#/x", forms],
    ["train/m.json#x", forms],
    ["train/m.json#md5", forms],
    ["train/m.json#/a~", /"~" as "~0"/],
    ["train/m.json#/a~2", /"~" as "~0"/],
    ["train/../m.json#/x", /inside the folder of step "train"/],
    ["train//m.json#sha256", /inside the folder/],
    ["train/a\\b#sha256", /backslash/],
    ["train/../log.txt~/(a)/", /inside the folder/],
    ["train/h.csv?epoch#x", /name the row by a column and its value/],
    ["train~/a/", /one group in its regular expression, the value, it has none/],
    ["train~/(a/", /valid regular expression: Unterminated group/],
  ];
  for (const [text, expected] of cases) {
    await t.step(text || "nothing", () => {
      const source = parseSource(text);
      assert("problem" in source, "no problem was found");
      assert.match(source.problem, expected);
    });
  }
});
