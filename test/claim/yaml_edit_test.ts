import assert from "node:assert/strict";
import { Digits, type NewValue, setValue } from "../../tasks/lib/claim/yaml_edit.ts";

const TEXT = `# The claims.
claims:
  - name: a # first
    value: 99.40   # per cent
    tolerance:
      samples: 1
      because: >-
        folded
        over lines

  # second
  - { name: b, value: 1 } # in one line
curve: [1.0, 2.0]
`;

Deno.test("setValue() changes one value and nothing else", async (t) => {
  const cases: [name: string, path: (string | number)[], value: NewValue, from: string, to: string][] = [
    ["digits", ["claims", 0, "value"], new Digits("99.10"), "99.40   #", "99.10   #"],
    [
      "a folded text",
      ["claims", 0, "tolerance", "because"],
      "why: so",
      ">-\n        folded\n        over lines\n",
      '"why: so"\n',
    ],
    ["a point of a curve", ["curve", 1], new Digits("2.50"), "2.0]", "2.50]"],
    [
      "a key in a flow mapping",
      ["claims", 1, "tolerance"],
      { samples: 1, because: "x, y", none: undefined },
      "value: 1 }",
      'value: 1, tolerance: { samples: 1, because: "x, y" } }',
    ],
    [
      "a key in a block mapping",
      ["claims", 0, "tolerance", "runs"],
      ["r1", "r2"],
      "over lines\n",
      'over lines\n      runs: ["r1", "r2"]\n',
    ],
    [
      "a mapping in a block mapping",
      ["claims", 0, "more"],
      { a: new Digits("1.0"), b: "it is: so" },
      "over lines\n",
      'over lines\n    more:\n      a: 1.0\n      b: "it is: so"\n',
    ],
    [
      "an item of a list of mappings",
      ["claims", 2],
      { name: "c", value: 3 },
      "# in one line\n",
      "# in one line\n  - name: c\n    value: 3\n",
    ],
    ["a list that is not there", ["more", 0], { name: "c" }, "2.0]\n", "2.0]\nmore:\n  - name: c\n"],
  ];
  for (const [name, path, value, from, to] of cases) {
    await t.step(name, () => {
      assert.ok(TEXT.includes(from));
      assert.equal(setValue(TEXT, path, value), TEXT.replace(from, to));
    });
  }
});

Deno.test("setValue() adds a key to a text that does not end in a line end", () => {
  assert.equal(setValue("a: 1 # one", ["b"], "two"), "a: 1 # one\nb: two\n");
});
