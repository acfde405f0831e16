import assert from "node:assert/strict";
import {
  formatHint,
  type NumberFormat,
  numberInCell,
  withPoint,
} from "../../tasks/lib/values/written_number.ts";

Deno.test("withPoint() reads numbers as their format says, and leaves others alone", async (t) => {
  const comma: NumberFormat = { decimal: "," };
  const german: NumberFormat = { decimal: ",", thousands: "." };
  const english: NumberFormat = { thousands: "," };
  const cases: [text: string, format: NumberFormat, expected: string][] = [
    ["86,10", comma, "86.10"],
    [" -86,10 %", comma, " -86.10 %"],
    [",5", comma, ".5"],
    ["1.5", comma, "1.5"],
    ["1,5,2", comma, "1.5,2"],
    ["1.068,10", german, "1068.10"],
    ["1.068", german, "1068"],
    ["12.345.678,9 €", german, "12345678.9 €"],
    ["1.0681", german, "1.0681"],
    ["1.06", german, "1.06"],
    ["**1.068,10** ± 0,20", german, "**1068.10** ± 0,20"],
    ["1,068.10", english, "1068.10"],
    ["86,10", english, "86,10"],
    ["1234,567", english, "1234,567"],
    ["1 068,10", { decimal: ",", thousands: " " }, "1068.10"],
    ["1\u202f068\u00a0000", { decimal: ",", thousands: " " }, "1068000"],
    ["1'068.10", { thousands: "'" }, "1068.10"],
    ["27_000", { thousands: "_" }, "27000"],
    ["ResNet", german, "ResNet"],
    ["", german, ""],
  ];
  for (const [text, format, expected] of cases) {
    await t.step(`${text} ${JSON.stringify(format)}`, () => assert.equal(withPoint(text, format), expected));
  }
});

Deno.test("formatHint() names each format with which a text is a number, and the number", async (t) => {
  const cases: [text: string, hint: string][] = [
    ["86,10", 'format: { decimal: "," } (86.10)'],
    ["-86,10 %", 'format: { decimal: "," } (-86.10)'],
    ["1.068,10", 'format: { decimal: ",", thousands: "." } (1068.10)'],
    ["1,068.10", 'format: { thousands: "," } (1068.10)'],
    ["1,068", 'format: { thousands: "," } (1068) or format: { decimal: "," } (1.068)'],
    ["1.068.100", 'format: { decimal: ",", thousands: "." } (1068100)'],
    ["1 068,10", 'format: { decimal: ",", thousands: " " } (1068.10)'],
    ["1'068.10", `format: { thousands: "'" } (1068.10)`],
  ];
  for (const [text, hint] of cases) {
    await t.step(text, () => assert.equal(formatHint(text), `, which is a number with ${hint}`));
  }
  for (const text of ["", "86.10 ms", "1,23,456", "ResNet-18", "2026-11-28", "1.2.3"]) {
    await t.step(`none: ${text}`, () => assert.equal(formatHint(text), ""));
  }
});

Deno.test("numberInCell() takes the number of a cell from its spread, emphasis and marks", async (t) => {
  const cases: [cell: string, expected: string][] = [
    ["94.1", "94.1"],
    ["94.1 ± 0.2", "94.1"],
    ["94.1±0.2%", "94.1 %"],
    ["94.1% ± 0.2%", "94.1 %"],
    ["94.1 +/- 0.2", "94.1"],
    ["94.1 (0.2)", "94.1"],
    ["94.1 (±0.2)", "94.1"],
    ["94.1 [93.9, 94.3]", "94.1"],
    ["94.1 (93.9–94.3)", "94.1"],
    [String.raw`$94.1\pm0.2$`, "94.1"],
    [String.raw`94.1_{\pm 0.2}`, "94.1"],
    ["94.1^{+0.2}_{-0.1}", "94.1"],
    [String.raw`$\mathbf{94.1} \pm 0.2$`, "94.1"],
    [String.raw`\textbf{94.1}\%`, "94.1 %"],
    ["**94.1**", "94.1"],
    ["**94.1** ± 0.2", "94.1"],
    ["__94.1__*", "94.1"],
    ["94.1†", "94.1"],
    ["\u22120.5 ms", "-0.5 ms"],
    ["1e-3 ± 2e-4", "1e-3"],
    ["12.5 ± 0.1 ms", "12.5 ms"],
    ["ResNet-18", "ResNet-18"],
    ["2021-05", "2021 -05"],
    ["", ""],
  ];
  for (const [cell, expected] of cases) {
    await t.step(cell, () => assert.equal(numberInCell(cell), expected));
  }
});

Deno.test("numberInCell() and formatHint() of hostile cells take no longer than others", () => {
  for (const part of ["1 ", "1,000", "(1", "**", "\\mathbf{", "± 1", "_{1", " "]) {
    const cell = `1${part.repeat(100_000)}`;
    numberInCell(cell);
    numberInCell(cell.slice(0, 200));
    formatHint(cell);
  }
});
