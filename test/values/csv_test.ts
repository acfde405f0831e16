import assert from "node:assert/strict";
import { ContentProblem } from "../../tasks/lib/values/content_problem.ts";
import { findInCsv, parseCsv, type TableFormat } from "../../tasks/lib/values/csv.ts";

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
  assert.deepEqual(cells(HISTORY, "accuracy", "epoch=1"), ["48.89"]);
  assert.deepEqual(cells(HISTORY, "accuracy", "epoch=1.0"), ["48.89"]);
  assert.deepEqual(cells(HISTORY, "accuracy", "run=b"), ["68.15"]);
  assert.deepEqual(cells(HISTORY, "accuracy", "epoch=2"), ["68.10", "68.15"]);
  assert.deepEqual(cells(HISTORY, "accuracy"), ["48.89", "68.10", "68.15"]);
});

function cells(text: string, column: string, row?: string, format?: TableFormat): string[] {
  const [key = "", value = ""] = row?.split("=") ?? [];
  return findInCsv(text, column, row === undefined ? undefined : { column: key, value }, format)
    .map(({ cell }) => cell);
}

// As Lightning's CSVLogger writes it: a row for each message.
const SPARSE = "epoch,step,train_loss,val_acc\n0,9,0.91,\n0,9,,71.20\n1,19,0.42,\n1,19,,80.10\n2,20,0.40,\n";

Deno.test("findInCsv() leaves blank cells out, and finds the last row that has one", () => {
  assert.deepEqual(cells(SPARSE, "val_acc"), ["71.20", "80.10"]);
  assert.deepEqual(cells(SPARSE, "val_acc", "epoch=1"), ["80.10"]);
  assert.deepEqual(cells(SPARSE, "val_acc", "epoch=last"), ["80.10"]);
  assert.deepEqual(cells(SPARSE, "train_loss", "epoch=last"), ["0.40"]);
  assert.throws(
    () => cells(SPARSE, "val_acc", "epoch=2"),
    /a blank "val_acc" in each row with epoch = 2 \(line 6\)/,
  );
  assert.deepEqual(cells("which,a\nbest,1\nlast,2\nother,3\n", "a", "which=last"), ["2"]);
  // As Keras' CSVLogger writes an epoch without a validation.
  assert.deepEqual(cells("epoch,val_loss\n0,0.5\n1,NA\n", "val_loss"), ["0.5"]);
});

Deno.test("findInCsv() reads other separators, decimal commas and tables without a header by their format", () => {
  assert.deepEqual(cells("a|b\n1|2\n", "b", undefined, { separator: "|" }), ["2"]);
  assert.deepEqual(cells("a,x;b\n1,5;2,25\n", "b", undefined, { decimal: "," }), ["2,25"]);
  assert.deepEqual(cells("1\t0,5\n2\t0,7\n", "1", "0=2", { decimal: ",", header: false }), ["0,7"]);
  assert.deepEqual(cells("1 0.5\n 2   0.70\n", "-1", undefined, { separator: "space", header: false }), [
    "0.5",
    "0.70",
  ]);
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
