import assert from "node:assert/strict";
import { ContentProblem } from "../../tasks/lib/values/content_problem.ts";
import { findInCsv, parseCsv } from "../../tasks/lib/values/csv.ts";

Deno.test("parseCsv() reads what programs write", async (t) => {
  const cases: [name: string, text: string, rows: string[][]][] = [
    ["plain", "a,b\n1,2\n", [["a", "b"], ["1", "2"]]],
    ["no end of the last line", "a,b\n1,", [["a", "b"], ["1", ""]]],
    ["Windows lines and a byte order mark", "\uFEFFa,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]]],
    ["quotes", '"a, b","c ""d"""\n"two\nlines",x\n', [["a, b", 'c "d"'], ["two\nlines", "x"]]],
    ["tabs", "a\tb\n1,5\t2\n", [["a", "b"], ["1,5", "2"]]],
    ["semicolons", "a;b\n1,5;2\n", [["a", "b"], ["1,5", "2"]]],
    ["empty lines", "a\n\n1\n\n", [["a"], ["1"]]],
    ["an unnamed index", ",a\n0,1\n", [["", "a"], ["0", "1"]]],
    ["nothing", "", []],
  ];
  for (const [name, text, rows] of cases) {
    await t.step(name, () => assert.deepEqual(parseCsv(text).map(({ cells }) => cells), rows));
  }
});

const HISTORY = "epoch,accuracy,run\n1,48.89,a\n2,68.10,a\n2.0,68.15,b\n";

Deno.test("findInCsv() finds a cell by its row, and a whole column, with every digit", () => {
  assert.deepEqual(findInCsv(HISTORY, "accuracy", { column: "epoch", value: "1" }), ["48.89"]);
  assert.deepEqual(findInCsv(HISTORY, "accuracy", { column: "epoch", value: "1.0" }), ["48.89"]);
  assert.deepEqual(findInCsv(HISTORY, "accuracy", { column: "run", value: "b" }), ["68.15"]);
  assert.deepEqual(findInCsv(HISTORY, "accuracy"), ["48.89", "68.10", "68.15"]);
});

Deno.test("findInCsv() says what was there instead", async (t) => {
  const row = { column: "epoch", value: "1" };
  const cases: [name: string, find: () => unknown, expected: RegExp][] = [
    ["no column", () => findInCsv(HISTORY, "acc"), /no column "acc", the columns are epoch, accuracy, run$/],
    [
      "no row",
      () => findInCsv(HISTORY, "run", { ...row, value: "7" }),
      /no row with epoch = 7, epoch is 1, 2, 2\.0$/,
    ],
    [
      "two rows",
      () => findInCsv(HISTORY, "run", { ...row, value: "2" }),
      /more than one row with epoch = 2, in lines 3, 4$/,
    ],
    ["no key", () => findInCsv(HISTORY, "run", { column: "fold", value: "1" }), /no column "fold"/],
    ["two columns", () => findInCsv("a,a\n1,2\n", "a"), /2 columns called "a"/],
    ["empty", () => findInCsv("", "a"), /is empty/],
    ["ragged", () => findInCsv("a,b\n1,2\n3\n", "a"), /1 cells in line 3 and 2 in its header/],
    ["an open quote", () => findInCsv('a,b\n1,"2\n', "a"), /a quote is not closed, or stray, in line 2/],
    ["a stray quote", () => findInCsv('a,b\n"1"x,2\n', "a"), /a quote is not closed, or stray, in line 2/],
  ];
  for (const [name, find, expected] of cases) {
    await t.step(
      name,
      () => assert.throws(find, (error) => error instanceof ContentProblem && expected.test(error.message)),
    );
  }
});
