/** What differs between two files or environments, without any run. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { findFirstByte } from "../../tasks/lib/compare/formats.ts";
import { countersOf } from "../../tasks/lib/compare/claimed_values.ts";
import { csvColumns, jsonColumns } from "../../tasks/lib/compare/columns.ts";
import { compareColumns } from "../../tasks/lib/compare/deviations.ts";
import { isDurationName, maskedBy, type Masks } from "../../tasks/lib/compare/incidental.ts";
import { compareNotebooks } from "../../tasks/lib/compare/notebooks.ts";
import { clean, showDifference } from "../../tasks/lib/compare/show_details.ts";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import { ContentProblem } from "../../tasks/lib/values/content_problem.ts";

const MASKS: Masks = { a: ["/here/runs/x/A1", "A1"], b: ["/there/B2", "B2"] };

const CLAIMS = parseExperiment(
  `name: x
steps: { train: { run: [python] }, infer: { run: [python] } }
claims:
  - { name: a, from: "train/metrics.json#/validation_accuracy/-1", value: 99.44, of: 360 }
  - { name: b, from: "infer/metrics.json#/accuracy", value: 50.0, of: 540 }
  - { name: c, from: "infer/other.json#/accuracy", value: 50.0, of: 360 }
`,
  "/p/experiment.yaml",
  "/p",
).claims;

function compare(read: typeof jsonColumns, a: string, b: string, step = "train") {
  return compareColumns(read(a), read(b), { masks: MASKS, count: countersOf(CLAIMS, step) });
}

Deno.test("the first point that departs is named, with the samples it is off by", () => {
  const history = (validation: number[]) =>
    `epoch,validation_accuracy,note\n${validation.map((value, row) => `${row + 1},${value},x`).join("\n")}\n`;
  const { deviations, problems } = compare(
    csvColumns,
    history([68.06, 88.89, 94.72, 90.28, 99.44]),
    history([68.06, 88.89, 94.44, 91.11, 99.44]),
  );
  assert.deepEqual(problems, []);
  assert.equal(deviations.length, 1);
  const { quantity, points, deviating, first, largest, last } = deviations[0]!;
  assert.deepEqual([quantity, points, deviating], ["validation_accuracy", 5, 2]);
  assert.deepEqual([first.at, first.a, first.b, first.samples], ["epoch 3", 94.72, 94.44, -1]);
  assert.deepEqual([largest!.at, largest!.samples], ["epoch 4", 3]);
  assert.deepEqual([last.at, last.samples], ["epoch 5", 0]);
});

Deno.test("samples are given only where a claim says of how many", async (t) => {
  const cases: [name: string, step: string, a: string, b: string, samples: number | undefined][] = [
    [
      "the claimed curve",
      "train",
      '{"validation_accuracy": [50, 99.44]}',
      '{"validation_accuracy": [50, 99.17]}',
      -1,
    ],
    [
      "a value deeper in another file",
      "train",
      '{"best": {"validation_accuracy": 99.44}}',
      '{"best": {"validation_accuracy": 100}}',
      2,
    ],
    [
      "all digits of a double",
      "train",
      '{"validation_accuracy": 99.44444444444444}',
      '{"validation_accuracy": 99.16666666666667}',
      -1,
    ],
    [
      "what is the percentage of no count",
      "train",
      '{"validation_accuracy": 99.44}',
      '{"validation_accuracy": 99.3}',
      undefined,
    ],
    [
      "a quantity that is not claimed",
      "train",
      '{"training_accuracy": 99.44}',
      '{"training_accuracy": 99.17}',
      undefined,
    ],
    ["two claims that disagree", "infer", '{"accuracy": 50}', '{"accuracy": 49.81}', undefined],
  ];
  for (const [name, step, a, b, samples] of cases) {
    await t.step(
      name,
      () => assert.equal(compare(jsonColumns, a, b, step).deviations[0]!.first.samples, samples),
    );
  }
});

Deno.test("values are compared as what they say, however they are written", async (t) => {
  const same: [name: string, read: typeof jsonColumns, a: string, b: string][] = [
    ["layout and zeros in JSON", jsonColumns, '{"a": [1.50, 2]}', '{ "a":[1.5,2.0] }'],
    ["the order of keys", jsonColumns, '{"a": 1, "b": 2}', '{"b": 2, "a": 1}'],
    ["NaN is NaN", jsonColumns, '{"a": NaN, "b": -Infinity}', '{"a":NaN,"b":-Infinity}'],
    ["zeros in CSV", csvColumns, "a,b\n1.0,x\n", "a,b\r\n1,x\r\n"],
    ["the order of columns", csvColumns, "a,b\n1,2\n", "b,a\n2,1\n"],
    ["nothing at all", csvColumns, "", "\n"],
  ];
  for (const [name, read, a, b] of same) {
    await t.step(name, () => assert.deepEqual(compare(read, a, b), { deviations: [], problems: [] }));
  }
  const other: [name: string, read: typeof jsonColumns, a: string, b: string, at: string][] = [
    [
      "integers beyond a double in JSON",
      jsonColumns,
      '{"id": 9007199254740993}',
      '{"id": 9007199254740992}',
      "",
    ],
    [
      "integers beyond a double in CSV",
      csvColumns,
      "id\n9007199254740993\n",
      "id\n9007199254740992\n",
      "point 1 of 1",
    ],
    ["NaN and a number", jsonColumns, '{"a": NaN}', '{"a": 1}', ""],
    ["a text that says NaN and a number", jsonColumns, '{"a": "NaN"}', '{"a": 1}', ""],
    ["true and 1", jsonColumns, '{"a": true}', '{"a": 1}', ""],
    ["an empty cell and a zero", csvColumns, "a,b\n1,\n", "a,b\n1,0\n", "a 1"],
    [
      "a value below others",
      jsonColumns,
      '{"a/b": {"c": [[1, 2], [3, 4]]}}',
      '{"a/b": {"c": [[1, 2], [3, 5]]}}',
      "point 2 of 2",
    ],
    ["a single value for a file", jsonColumns, "1", "2", ""],
  ];
  for (const [name, read, a, b, at] of other) {
    await t.step(`not the same: ${name}`, () => {
      const { deviations } = compare(read, a, b);
      assert.deepEqual(deviations.map(({ first, incidental }) => [first.at, incidental]), [[at, undefined]]);
    });
  }
});

Deno.test("what can't be compared cell by cell is said", async (t) => {
  const cases: [name: string, a: string, b: string, problems: string[]][] = [
    ["a list that is longer", '{"loss": [1, 2, 3]}', '{"loss": [1, 2]}', ["/loss: 3 values against 2"]],
    ["a key that is new", '{"a": 1}', '{"a": 1, "b": 2}', ["/b: only in B"]],
    ["a list for a value", '{"a": 1}', '{"a": {"x": 1}}', ["/a: only in A", "/a/x: only in B"]],
    ["an empty object", '{"a": {}, "b": 1}', '{"b": 1}', ["/a: only in A"]],
    ["a file of another kind", "1", "[[1], [2]]", [
      "the whole file: only in A",
      "/0: only in B",
      "/1: only in B",
    ]],
  ];
  for (const [name, a, b, problems] of cases) {
    await t.step(name, () => assert.deepEqual(compare(jsonColumns, a, b).problems, problems));
  }
});

Deno.test("columns of one name are told apart, and what is not a table is none", () => {
  const { deviations } = compare(csvColumns, "x,x\n1,2\n", "x,x\n1,3\n");
  assert.deepEqual(deviations.map(({ quantity, first }) => [quantity, first.b]), [["x (column 2)", 3]]);
  assert.throws(() => csvColumns("a,b\n1,2,3\n"), ContentProblem);
});

Deno.test("predictions that flipped are counted and named", async (t) => {
  const predictions = (predicted: (string | number)[]) =>
    predicted.map((label, index) => ({
      image: 10 + index,
      predicted: label,
      probability: 0.5 + index / 100,
    }));
  const cases: [name: string, read: typeof jsonColumns, write: (labels: (string | number)[]) => string][] = [
    ["texts in JSON", jsonColumns, (labels) => JSON.stringify(predictions(labels.map(String)))],
    ["numbers in JSON", jsonColumns, (labels) => JSON.stringify(predictions(labels))],
    [
      "numbers in CSV",
      csvColumns,
      (labels) =>
        ["image,predicted,probability", ...predictions(labels).map((row) => Object.values(row).join(","))]
          .join("\n"),
    ],
  ];
  for (const [name, read, write] of cases) {
    await t.step(name, () => {
      const { deviations } = compare(read, write([1, 2, 1, 2, 1, 2, 1, 2]), write([1, 2, 2, 2, 1, 1, 1, 2]));
      assert.equal(deviations.length, 1);
      const { quantity, deviating, flipped } = deviations[0]!;
      assert.deepEqual([quantity, deviating], ["predicted", 2]);
      assert.deepEqual(flipped!.map(({ at, a, b }) => `${at}: ${a} → ${b}`), [
        "image 12: 1 → 2",
        "image 15: 2 → 1",
      ]);
    });
  }
  await t.step("counts of a history are no classes", () => {
    const { deviations } = compare(
      csvColumns,
      "epoch,correct\n1,320\n2,354\n3,358\n",
      "epoch,correct\n1,320\n2,353\n3,358\n",
    );
    assert.deepEqual(deviations.map(({ flipped, first }) => [flipped, first.difference]), [[undefined, -1]]);
  });
});

Deno.test("times and a run's own names say nothing of the result; numbers do", async (t) => {
  const cases: [a: unknown, b: unknown, reason: string | undefined][] = [
    ["/here/runs/x/A1/train", "/there/B2/train", "the run's own folder"],
    ["run A1", "run B2", "the run's own folder"],
    ["2026-11-24T23:49:57.452Z", "2026-11-25T00:00:01Z", "times"],
    ["epoch 1, 0 s, 6 s left", "epoch 1, 12 s, 20 s left", "times"],
    ["100%|████| 45/45 [00:03<00:00, 14.2it/s]", "100%|████| 45/45 [00:04<00:00, 11.9it/s]", "times"],
    ["A1 took 3 min", "B2 took 4 min", "times and the run's own folder"],
    ["accuracy 99.44 after 6 s", "accuracy 99.17 after 6 s", undefined],
    ["accuracy 0.9944", "accuracy 0.9917", undefined],
    ["class s", "class h", undefined],
    ["ratio 3:4", "ratio 3:5", undefined],
    [6.1, 6.2, undefined],
  ];
  for (const [a, b, reason] of cases) {
    await t.step(`${a} against ${b}`, () => assert.equal(maskedBy(a, b, MASKS), reason));
  }
  await t.step("names of times", () => {
    const names = [
      "/0/seconds",
      "elapsed",
      "train_seconds",
      "/run/started",
      "pid",
      "seconds_per",
      "loss",
      "timestep",
      "rapid",
    ];
    assert.deepEqual(names.filter(isDurationName), names.slice(0, 5));
  });
  await t.step("a file in which only such differ", () => {
    const { deviations } = compare(
      jsonColumns,
      '[{"output": "/here/runs/x/A1/n.ipynb", "seconds": 12.1}]',
      '[{"output": "/there/B2/n.ipynb", "seconds": 28.5}]',
    );
    assert.deepEqual(deviations.map(({ incidental }) => incidental), ["the run's own folder", "times"]);
  });
});

Deno.test("notebooks are compared by what was run and what came out", async (t) => {
  type Change = { source?: string; text?: string | string[]; png?: string; version?: string; ran?: string };
  const notebook = (
    { source = "f()", text = "loss 0.5\n", png = "AAAA", version = "3.11.7", ran = "10:00" }: Change,
  ) =>
    JSON.stringify({
      metadata: { language_info: { version } },
      cells: [{ cell_type: "markdown", source: "# Title" }, {
        cell_type: "code",
        metadata: { execution: { started: ran } },
        source,
        outputs: [
          { output_type: "stream", name: "stdout", text },
          { output_type: "display_data", data: { "image/png": png } },
        ],
      }],
    });
  const cases: [name: string, a: Change, b: Change, cells: RegExp[], incidental: RegExp[]][] = [
    ["only what is not shown", {}, { version: "3.11.2", ran: "11:00" }, [], [
      /what a notebook does not show/,
    ]],
    ["a stream in other pieces", { text: ["loss ", "0.5\n"] }, { version: "x" }, [], [
      /what a notebook does not show/,
    ]],
    ["another folder", { source: "out = '/here/runs/x/A1/n'" }, { source: "out = '/there/B2/n'" }, [], [
      /cell 2: the source differs in the run's own folder/,
    ]],
    ["a printed time", { text: "a\ndone in 3 s\n" }, { text: "a\ndone in 4 s\n" }, [], [
      /cell 2: the printed text differs in times/,
    ]],
    ["a printed value", { text: "a\nloss 0.5\n" }, { text: "a\nloss 0.4\n" }, [
      /^cell 2: the printed text differs: "loss 0.5" against "loss 0.4"$/,
    ], []],
    ["an image", {}, { png: "BBBB" }, [/^cell 2: the output \(image\/png\) differs$/], []],
    ["the code", {}, { source: "g()" }, [/cell 2: the source differs: "f\(\)" against "g\(\)"/], []],
  ];
  for (const [name, a, b, cells, incidental] of cases) {
    await t.step(name, () => {
      const found = compareNotebooks(notebook(a), notebook(b), MASKS);
      assert.equal(found.cells.length, cells.length);
      assert.equal(found.incidental.length, incidental.length);
      cells.forEach((pattern, index) => assert.match(found.cells[index]!, pattern));
      incidental.forEach((pattern, index) => assert.match(found.incidental[index]!, pattern));
    });
  }
});

Deno.test("differences are shown with a sign, and texts of a run without what a terminal obeys", async (t) => {
  const cases: [difference: number | undefined, samples: number | undefined, shown: string][] = [
    [0.25, 1, "+1 sample"],
    [-0.5, -2, "−2 samples"],
    [0, 0, "0 samples"],
    [1, undefined, "+1"],
    [-2.22e-16, undefined, "−2.2e-16"],
    [undefined, undefined, ""],
  ];
  for (const [difference, samples, shown] of cases) {
    await t.step(shown || "nothing", () => assert.equal(showDifference(difference, samples), shown));
  }
  await t.step("control characters", () => assert.equal(clean("a\x1b[31mb\n\x9bc"), "a [31mb c"));
  await t.step("length", () => assert.equal(clean("x".repeat(99), 10), "x".repeat(9) + "…"));
});

Deno.test("the first byte that differs is found in files of any size", async (t) => {
  const folder = await Deno.makeTempDir();
  const [a, b] = [join(folder, "a"), join(folder, "b")];
  const size = 3 * 2 ** 20 + 5; // more than two pieces
  const cases: [name: string, change: (bytes: Uint8Array) => Uint8Array, at: number][] = [
    ["in the first piece", (bytes) => bytes.with(7, 1), 7],
    ["the last of a piece", (bytes) => bytes.with(2 ** 20 - 1, 1), 2 ** 20 - 1],
    ["the first of a piece", (bytes) => bytes.with(2 ** 20, 1), 2 ** 20],
    ["the last of the file", (bytes) => bytes.with(size - 1, 1), size - 1],
    ["a file that goes on", (bytes) => bytes.subarray(0, 2 ** 21), 2 ** 21],
    ["an empty file", () => new Uint8Array(), 0],
  ];
  try {
    await Deno.writeFile(a, new Uint8Array(size));
    for (const [name, change, at] of cases) {
      await t.step(name, async () => {
        await Deno.writeFile(b, change(new Uint8Array(size)));
        assert.deepEqual([await findFirstByte(a, b), await findFirstByte(b, a)], [at, at]);
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
