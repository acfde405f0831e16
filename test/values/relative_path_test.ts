import assert from "node:assert/strict";
import { insideProblem, tidyPath } from "../../tasks/lib/values/relative_path.ts";

Deno.test("insideProblem() has nothing against plain relative paths", async (t) => {
  for (
    const path of [
      "a",
      "a/b.json",
      ".hidden",
      "..a",
      "a..b/c",
      "a b/ü.json",
      "-x",
      "ab:c",
      "$(x)",
      "new\nline",
    ]
  ) {
    await t.step(JSON.stringify(path), () => assert.equal(insideProblem(path), undefined));
  }
});

Deno.test("insideProblem() refuses paths that may lead out or mean something else elsewhere", async (t) => {
  const cases: [string, RegExp][] = [
    ["", /empty/],
    ["..", /leaves/],
    ["../x", /leaves/],
    ["a/../../x", /leaves/],
    ["/etc/passwd", /absolute/],
    ["C:/x", /absolute/],
    ["c:x", /absolute/],
    ["\\\\host\\share", /backslash/],
    ["a\\..\\b", /backslash/],
    ["a\0b", /NUL/],
    ["~/x", /expanded/],
    [".", /empty part or "."/],
    ["a/./b", /empty part or "."/],
    ["a//b", /empty part or "."/],
  ];
  for (const [path, problem] of cases) {
    await t.step(JSON.stringify(path), () => assert.match(insideProblem(path) ?? "nothing", problem));
  }
});

Deno.test("tidyPath() drops a leading ./ and trailing slashes, nothing else", async (t) => {
  const cases: [string, string][] = [["./a", "a"], [".//./a/", "a"], ["a/", "a"], ["/", "/"], [
    "../a",
    "../a",
  ], [
    "a/./b",
    "a/./b",
  ], [".a", ".a"]];
  for (const [path, expected] of cases) await t.step(path, () => assert.equal(tidyPath(path), expected));
});
