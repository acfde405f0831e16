/** Claimed values that are read from what the authors left, and what a notebook says against itself. */

import assert from "node:assert/strict";
import { encode } from "fast-png";
import { join } from "node:path";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import { withPublishedValues } from "../../tasks/lib/experiment/published_values.ts";
import { contradictions, printedNumbers } from "../../tasks/lib/values/cells.ts";
import { Project } from "../support/project.ts";

/** A notebook with outputs, as authors commit it. */
function notebook(
  ...cells: { code?: string; text?: string; output?: string; stderr?: string; tags?: string[] }[]
) {
  return JSON.stringify({
    cells: cells.map(({ code, text = "", output, stderr, tags = [] }) => ({
      cell_type: code === undefined ? "markdown" : "code",
      metadata: { tags },
      source: code ?? text,
      ...(code !== undefined && {
        execution_count: null,
        outputs: [
          ...(stderr === undefined ? [] : [{ output_type: "stream", name: "stderr", text: stderr }]),
          ...(output === undefined
            ? []
            : [{ output_type: "stream", name: "stdout", text: output.split(/(?<=\n)/) }]),
        ],
      }),
    })),
    metadata: {},
    nbformat: 4,
    nbformat_minor: 4,
  });
}

Deno.test("printedNumbers() gives each code cell's numbers as they are printed", () => {
  const text = notebook(
    { text: "# 99 bottles" },
    {
      code: "a",
      output: "Epoch [1/10], Loss: 2.1623, Accuracy: 22.08 %\nv1.2.3 resnet18 at 0x7f00 10:30:00 in 44.7MB\n",
    },
    { code: "b = 3", tags: ["injected-parameters"], output: "7" },
    { code: "c", stderr: "100%|###| 3/3\n", output: "-1e-3 .5 and 12" },
    { code: "d" },
  );
  assert.deepEqual(printedNumbers(text), [["1", "10", "2.1623", "22.08"], ["-1e-3", ".5", "12"], []]);
});

Deno.test("contradictions() finds lines of prose that say other numbers than the output they repeat", () => {
  const said = (epoch: number, accuracy: string) => `# Epoch [${epoch}/3], Training Accuracy: ${accuracy}%`;
  const text = notebook(
    {
      code: "train()",
      output: [1, 2, 3].map((n) => `Epoch [${n}/3], Training Accuracy: ${70 + n}.08 %\n`).join(""),
    },
    { code: ["# The results are:", said(1, "71.04"), said(2, "72.08"), said(3, "73.1")].join("\n") },
    { text: "- Epoch [2/3], Training Accuracy: 72.99 %\nIn 3 epochs." },
  );
  assert.deepEqual(contradictions(text), [
    {
      said: { cell: 2, isCode: true, text: "Epoch [1/3], Training Accuracy: 71.04%" },
      printed: { cell: 1, text: "Epoch [1/3], Training Accuracy: 71.08 %" },
    },
    {
      said: { cell: 2, isCode: false, text: "Epoch [2/3], Training Accuracy: 72.99 %" },
      printed: { cell: 1, text: "Epoch [2/3], Training Accuracy: 72.08 %" },
    },
  ]);
  assert.deepEqual(contradictions(notebook({ text: "Epoch 3" }, { code: "" })), []);
});

const STORED = notebook(
  { code: "train()", output: "Epoch 1: 48.89 %\nEpoch 2: 68.15 %\n" },
  { code: "# Epoch 1: 48.90 %\nplot()" },
  { code: "best()", output: "best: 68.15 of 540" },
);

/** Leaves what a notebook would leave that was executed again. */
const RUN = `
import shutil, sys
out = sys.argv[1]
text = open("src/Train.ipynb").read()
open(out + "/Train.ipynb", "w").write(text.replace("best: 68.15", "best: 68.33"))
shutil.copy("figures/new.png", out + "/curve.png")
print("accuracy: 91.25%")
`;

const YAML = `name: test
steps:
  train: { run: [python, run.py, "{out}"] }
claims:
  - { name: first, from: train/Train.ipynb#cells, published: src/Train.ipynb }
  - { name: curve, from: 'train/Train.ipynb~/Epoch \\d: (\\S+) %/', published: src/Train.ipynb, of: 540, unit: "%" }
  - { name: best, from: 'train/Train.ipynb~/best: (\\S+)/', published: src/Train.ipynb, tolerance: { absolute: 0.2, because: tried } }
  - { name: of the README, from: 'train~/accuracy: ([\\d.]+)%/', published: "README.md?Model=LeNet#Acc.", unit: "%" }
  - { name: figure, from: train/curve.png#image, published: figures/curve.png, tolerance: { absolute: 0.02, because: antialiasing } }
  - { name: other figure, from: train/curve.png#image, published: figures/other.png, tolerance: { absolute: 0.02, because: antialiasing } }
  - { name: same pixels, from: train/curve.png#image, published: figures/curve.png }
  - { name: typed, from: 'train~/accuracy: ([\\d.]+)%/', value: 91.25 }
`;

/** A white figure with a black square, and in it so many pixels of other colours. */
function figure(others: number, colour: number): Uint8Array {
  const data = new Uint8Array(100 * 100 * 3).fill(255);
  for (let y = 20; y < 60; y++) data.fill(0, (y * 100 + 20) * 3, (y * 100 + 60) * 3);
  for (let pixel = 0; pixel < others; pixel++) data.fill(colour, pixel * 3, pixel * 3 + 3);
  return encode({ width: 100, height: 100, data, channels: 3 });
}

async function make(yaml = YAML): Promise<Project> {
  const project = await Project.make({
    "experiment.yaml": yaml,
    "run.py": RUN,
    "src/Train.ipynb": STORED,
    "README.md": "| Model | Acc. |\n| --- | ---: |\n| LeNet | 91.25% |\n",
    "figures/README": "",
  });
  await Deno.writeFile(project.path("figures/curve.png"), figure(0, 0));
  await Deno.writeFile(project.path("figures/other.png"), figure(3000, 90));
  await Deno.writeFile(project.path("figures/new.png"), figure(100, 128));
  return project;
}

Deno.test("claimed values are read from notebooks, tables and figures of the authors'", async (t) => {
  await using project = await make();
  const verdicts = (stdout: string) =>
    Object.fromEntries(
      JSON.parse(stdout).checks.map((
        check: Record<string, string>,
      ) => [check.claim, [check.verdict, check.claimed]]),
    );
  const expected = {
    "first, cell 1": ["identical", "1 … 68.15 (4 points)"],
    "first, cell 3": ["different", "68.15 … 540 (2 points)"],
    curve: ["identical", "48.89 … 68.15 (2 points)"],
    best: ["within tolerance", "68.15"],
    "of the README": ["identical", "91.25"],
    figure: ["within tolerance", "…"],
    "other figure": ["different", "…"],
    "same pixels": ["different", "…"],
    typed: ["identical", "91.25"],
  };
  const shown = (stdout: string) =>
    Object.fromEntries(
      Object.entries(verdicts(stdout) as Record<string, string[]>).map((
        [name, [verdict, claimed]],
      ) => [name, [verdict, claimed!.replace(/^[\da-f]{12}…$/, "…")]]),
    );
  await t.step("a run is judged by them, and says what contradicts itself", async () => {
    const { stdout, stderr } = await project.task("reproduce", ["--engine", "host", "--json"]);
    assert.deepEqual(shown(stdout), expected, stderr);
    assert.match(
      stderr,
      /src\/Train\.ipynb: its outputs contradict its prose in one line; the outputs are what is claimed/,
    );
    assert.match(
      stderr,
      /a comment in cell 2: Epoch 1: 48\.90 %\n {2}the output of cell 1: Epoch 1: 48\.89 %/,
    );
    const page = await Deno.readTextFile(join(await project.run(), "report.html"));
    assert.match(page, /Contradictions in what was published/);
    assert.match(page, /a comment in cell 2: Epoch 1: 48\.90 %/);
    const { checks } = JSON.parse(stdout);
    const detail = (name: string) => checks.find(({ claim }: { claim: string }) => claim === name).detail;
    assert.equal(detail("figure"), "1 % of the pixels look different, which is within ±0.02: antialiasing");
    assert.match(
      detail("other figure"),
      /^\d+(?:\.\d+)? % of the pixels look different, which is outside ±0\.02$/,
    );
  });
  await t.step(
    "the record is judged by what it was planned with, also when the files are others by now",
    async () => {
      await project.write("src/Train.ipynb", notebook({ code: "", output: "nothing" }));
      await Deno.remove(project.path("figures"), { recursive: true });
      const { stdout, stderr } = await project.task("verify", ["--json"]);
      assert.deepEqual(shown(stdout), expected, stderr);
    },
  );
  await t.step("--current reads the files as they are", async () => {
    const { code, stderr } = await project.task("verify", ["--current"]);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /Cannot take the value of the claim "first" from src\/Train\.ipynb: .* \(experiment\.yaml:5\)/,
    );
  });
});

Deno.test("what a claim with published must say", async (t) => {
  const claim = (text: string) =>
    `name: test\nsteps:\n  train: { run: [python, run.py] }\nclaims:\n  - { name: a, ${text} }\n`;
  const cases: [string, RegExp][] = [
    [
      "from: train~/a (\\S+)/",
      /claims\[0\]\.value is missing, it must be a finite number.*published names a file/,
    ],
    [
      'from: "train/a.csv#b[0]", value: 3, published: a.csv',
      /must have either value or published, it has both/,
    ],
    [
      'from: "train/a.csv#b[0]", published: nothing.csv',
      /Cannot take the value of the claim "a" from nothing\.csv: .*has no nothing\.csv/,
    ],
    ['from: "train/a.csv#b[0]", published: ../a.csv', /claims\[0\]\.published must name a file inside/],
    [
      "from: train/a.png#image, published: a.png, tolerance: { samples: 1, because: x }",
      /largest share of pixels/,
    ],
    ["from: train/Train.ipynb#cell=9, published: src/Train.ipynb", /has 3 code cells, and no cell 9/],
    [
      'from: "train/Train.ipynb#cell=1[0]", published: src/Train.ipynb, of: 540',
      /must be the percentage of a count of 540/,
    ],
  ];
  for (const [text, message] of cases) {
    await t.step(text, async () => {
      await using project = await make(claim(text));
      const { code, stderr } = await project.task("reproduce", ["--plan"]);
      assert.equal(code, 2);
      assert.match(stderr, message);
    });
  }
});

Deno.test("published over seeds is one number, the authors' runs, or their mean, standard deviation and count", async (t) => {
  await using project = await Project.make({
    "published/seeds.json": JSON.stringify({
      accuracy: { mean: 94.1, std: 0.25, n: 5 },
      loss: { mean: 0.31, sd: 0.02, n: 3 },
      runs: [94.0, 94.2, 94.4],
      one: 94.1,
      text: "high",
      half: { mean: 94.1, n: 5 },
      single: { mean: 94.1, std: 0.1, n: 1 },
    }),
    "published/runs.csv": "seed,accuracy\n1,94.0\n2,94.5\n",
  });
  const read = async (published: string, more = ', tolerance: { absolute: 1, because: "x" }') => {
    const text = "name: test\nsteps:\n  train: { run: [python, run.py] }\nclaims:\n" +
      `  - { name: a, from: train/m.json#/x, over: seeds, published: "${published}"${more} }\n`;
    const { claims } = await withPublishedValues(
      parseExperiment(text, project.path("experiment.yaml"), project.root),
    );
    return claims[0]!;
  };
  const file = "published/seeds.json";
  const cases: [published: string, value: unknown, text: string][] = [
    [`${file}#/accuracy`, { kind: "spread", mean: "94.1", std: "0.25", n: 5 }, "94.1 ± 0.25 (n = 5)"],
    [`${file}#/loss`, { kind: "spread", mean: "0.31", std: "0.02", n: 3 }, "0.31 ± 0.02 (n = 3)"],
    // Means of numbers with a decimal have two more.
    [`${file}#/runs`, { kind: "spread", mean: "94.200", std: "0.200", n: 3 }, "94.200 ± 0.200 (n = 3)"],
    [
      "published/runs.csv#accuracy",
      { kind: "spread", mean: "94.250", std: "0.354", n: 2 },
      "94.250 ± 0.354 (n = 2)",
    ],
    [`${file}#/one`, 94.1, "94.1"],
  ];
  for (const [published, value, text] of cases) {
    await t.step(published, async () => {
      const claim = await read(published);
      assert.deepEqual([claim.value, claim.text], [value, text]);
    });
  }
  const wrong: [published: string, message: RegExp, more?: string][] = [
    [`${file}#/text`, /must be a number over seeds, it is "high"/],
    [`${file}#/half`, /must have mean, std and n/],
    [`${file}#/single`, /n must be a whole number of at least 2, it is 1/],
    [`${file}#/nothing`, /Cannot take the value of the claim "a" from published\/seeds\.json#\/nothing/],
    [`${file}#/accuracy`, /the claim must have a tolerance that says how far two means may be apart/, ""],
    [
      `${file}#/one`,
      /published must go with the mean over seeds: for a min a range is claimed/,
      ", statistic: min",
    ],
  ];
  for (const [published, message, more] of wrong) {
    await t.step(message.source, async () => {
      await assert.rejects(read(published, more), (error) => message.test(Deno.inspect(error)));
    });
  }
});
