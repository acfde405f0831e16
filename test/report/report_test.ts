/** Reports: what they say of a run, and that nothing in a run can break them. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { Check } from "../../tasks/lib/record/verdict.ts";
import {
  curveDifferences,
  curvesInCsv,
  curvesInJson,
  nameParts,
  panelsOf,
} from "../../tasks/lib/report/curves.ts";
import { allowanceOf, deviations } from "../../tasks/lib/report/allowance.ts";
import { downsample } from "../../tasks/lib/report/curve_chart.ts";
import { csvRows } from "../../tasks/lib/report/components.ts";
import { escape, html } from "../../tasks/lib/report/html.ts";
import { confusionMatrix, predictionsInJson, samePredictions } from "../../tasks/lib/report/predictions.ts";
import { experiment, Project, TRAIN, until } from "../support/project.ts";
import { reproduced, training } from "../support/report_runs.ts";

const LARGEST_PAGE = 1_000_000;

Deno.test("html`` escapes every value but what html`` made", async (t) => {
  const cases: [name: string, made: { markup: string }, expected: string][] = [
    ["a tag", html`<p>${"<script>alert(1)</script>"}</p>`, "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"],
    ["an attribute", html`<p title="${`" onclick='x'`}">`, '<p title="&quot; onclick=&#39;x&#39;">'],
    ["a list", html`${["a&b", html`<br>`, 3]}`, "a&amp;b<br>3"],
    ["nothing", html`${undefined}${false}`, ""],
    ["zero", html`${0}`, "0"],
  ];
  for (const [name, made, expected] of cases) {
    await t.step(name, () => assert.equal(made.markup, expected));
  }
});

Deno.test("escape() shows control characters and turned writing direction instead of passing them on", () => {
  assert.equal(escape("a\u0000b\u202Ec\u2066d\te\n"), "a␀b\\u202ec\\u2066d\te\n");
});

Deno.test("curvesInJson() finds lists of numbers, with gaps for what is not a number", () => {
  const text =
    '{"loss": [1, NaN, -Infinity], "one": [1], "words": ["a", "b"], "nested": {"x": [1, 2]}, "n": 3}';
  assert.deepEqual(curvesInJson(text), [{ name: "loss", values: [1, null, null] }]);
  assert.deepEqual(curvesInJson("[1, 2]"), []);
});

Deno.test("curvesInCsv() finds columns of numbers, and not the one that counts epochs", () => {
  const text = "epoch,loss,note\n1,0.5,first\n2,,second\n";
  assert.deepEqual(curvesInCsv(text), [{ name: "loss", values: [0.5, null] }]);
  assert.deepEqual(curvesInCsv("loss\n1\n"), []);
});

Deno.test("nameParts() tells what is measured from on what", async (t) => {
  const cases = [
    ["validation_accuracy", "accuracy", "validation"],
    ["val loss", "loss", "val"],
    ["learning_rate", "learning rate", "learning rate"],
    ["training", "training", "training"],
  ] as const;
  for (const [name, title, part] of cases) {
    await t.step(name, () => assert.deepEqual(nameParts(name), { title, part }));
  }
});

Deno.test("panelsOf() puts the parts of a quantity together, and what claims are about first", () => {
  const curve = (name: string) => ({ name, values: [1, 2] });
  const names = ["learning_rate", "training_loss", "training_accuracy", "validation_accuracy"];
  const titles = (claims: Parameters<typeof panelsOf>[2]) =>
    panelsOf(names.map(curve), [], claims).map(({ title }) => title);
  assert.deepEqual(titles({ claims: [], checks: [] }), ["accuracy", "loss", "learning rate"]);
  const from = {
    kind: "pointer",
    step: "train",
    path: "train/metrics.json",
    pointer: ["training_loss", "-1"],
  } as const;
  const claim = {
    name: "loss",
    from: { ...from, pointer: [...from.pointer] },
    value: 2,
    text: "2",
    tolerance: [],
    line: 1,
  };
  const loss = check({ claim: "loss", tolerance: "±0.5" });
  assert.equal(titles({ claims: [claim], checks: [loss] })[0], "loss");
  const [panel] = panelsOf([curve("training_loss")], [], { claims: [claim], checks: [loss] });
  assert.deepEqual(panel!.curves[0]!.claimed, [{ epoch: 2, value: 2, reach: 0.5 }]);
});

Deno.test("curveDifferences() compares counts as counts and other values as they are", () => {
  const values = [84.81481481, 90];
  const asValues = curveDifferences({ values, published: [84.81, 90] });
  assert.deepEqual([asValues.equal, asValues.compared, asValues.first], [1, 2, 1]);
  const asCounts = curveDifferences({
    values,
    published: [84.81, 90],
    samples: { differences: [0, -1], of: 540 },
  });
  assert.deepEqual([asCounts.equal, asCounts.first, asCounts.largestSamples], [1, 2, -1]);
  assert.equal(curveDifferences({ values: [null, 1], published: [1] }).compared, 0);
});

Deno.test("downsample() keeps both ends and every peak of a long curve", () => {
  const points = Array.from(
    { length: 10_000 },
    (_, x) => ({ x, y: x === 5003 ? 99 : x === 7001 ? -99 : x % 2 }),
  );
  const kept = downsample(points, 300);
  assert.ok(kept.length <= 602, String(kept.length));
  const xs = kept.map(({ x }) => x);
  for (const x of [0, 5003, 7001, 9999]) assert.ok(xs.includes(x), String(x));
  assert.deepEqual(xs, xs.toSorted((a, b) => a - b));
  assert.deepEqual(downsample(points.slice(0, 5), 300), points.slice(0, 5));
});

function check(some: Partial<Check>): Check {
  const rest = {
    claim: "c",
    claimed: "10",
    obtained: "10",
    tolerance: "none",
    verdict: "identical",
    detail: "",
  } as const;
  return { ...rest, ...some };
}

Deno.test("allowanceOf() reads every tolerance that a check shows", async (t) => {
  const cases = [
    ["±1 sample", { kind: "samples", amount: 1 }],
    ["±12 samples", { kind: "samples", amount: 12 }],
    ["±0.01", { kind: "absolute", amount: 0.01 }],
    ["±1e-7", { kind: "absolute", amount: 1e-7 }],
    ["±1.5 % of the value", { kind: "relative", amount: 1.5 }],
    ["none", undefined],
  ] as const;
  for (const [text, expected] of cases) {
    await t.step(text, () => assert.deepEqual(allowanceOf(text), expected));
  }
});

Deno.test("deviations() measures differences by the tolerance", async (t) => {
  const cases: [name: string, check: Check, multiple: number | undefined][] = [
    ["identical", check({}), 0],
    [
      "a sample of two",
      check({ verdict: "within tolerance", difference: "−1 sample", tolerance: "±2 samples" }),
      -0.5,
    ],
    ["relative", check({ verdict: "different", difference: "+0.3", tolerance: "±1 % of the value" }), 3],
    ["no tolerance", check({ verdict: "different", difference: "+1", tolerance: "none" }), Infinity],
    ["missing", check({ verdict: "missing", obtained: "—" }), undefined],
    ["a text", check({ claimed: "resnet" }), undefined],
  ];
  for (const [name, one, multiple] of cases) {
    await t.step(name, () => {
      const [found] = deviations([one]);
      const rounded = found && Math.round(found.multiple * 1e9) / 1e9;
      assert.equal(rounded, multiple);
    });
  }
});

Deno.test("confusionMatrix() counts, in the order of numbers, and refuses what is no picture", () => {
  const predictions = predictionsInJson(
    '[{"label": 10, "predicted": "2"}, {"label": "2", "predicted": "2"}]',
  )!;
  const { classes, counts, correct, total } = confusionMatrix(predictions)!;
  assert.deepEqual([classes, counts, correct, total], [["2", "10"], [[1, 0], [1, 0]], 1, 2]);
  const many = Array.from({ length: 50 }, (_, index) => ({ label: String(index), predicted: "0" }));
  assert.equal(confusionMatrix(many), undefined);
  assert.equal(predictionsInJson('[{"label": {}, "predicted": 1}]'), undefined);
  assert.equal(predictionsInJson("{}"), undefined);
});

Deno.test("samePredictions() compares only predictions of the same samples", () => {
  const one = [{ label: "1", predicted: "1" }, { label: "2", predicted: "1" }];
  assert.equal(samePredictions(one, one.map(({ label }) => ({ label, predicted: "1" }))), 2);
  assert.equal(samePredictions(one, one.toReversed()), undefined);
});

async function read(page: string): Promise<string> {
  return await Deno.readTextFile(page);
}

Deno.test("reproduce writes a page, the same bytes each time, that verify does not count as an alteration", async () => {
  const { project, ended, page } = await reproduced(training());
  await using _ = project;
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stdout, /Report: .*report\.html/);
  const first = await read(page);
  assert.match(first, /<h1>Reproduced<\/h1>/);
  assert.match(first, /90\.00 %<\/span><small>\(324 of 360\)/);
  assert.match(first, /data:image\/png;base64,iVBOR/);
  assert.equal((await project.task("report")).code, 0);
  assert.equal(await read(page), first);
  assert.equal((await project.task("verify")).code, 0);
});

Deno.test("runs/index.html lists every run with its verdict", async () => {
  const { project } = await reproduced(training());
  await using _ = project;
  await project.write("train.py", "raise SystemExit(3)");
  assert.equal((await project.task("reproduce")).code, 1);
  const index = await read(project.path("runs/index.html"));
  assert.match(index, /2 runs/);
  assert.match(index, /Reproduced<\/span><small>1 of 1 claims hold/);
  assert.match(index, /No verdict<\/span><small>for a run that failed/);
  const links = [...index.matchAll(/href="([^"]+)"/g)].map(([, link]) => link!);
  assert.equal(links.length, 2);
  for (const link of links) assert.ok((await Deno.stat(project.path("runs", link))).isFile);
});

Deno.test("a run that failed has a page that says so and what went wrong", async () => {
  const { project, ended, page } = await reproduced(training({ more: 'raise SystemExit("out of luck")' }));
  await using _ = project;
  assert.equal(ended.code, 1);
  const text = await read(page);
  assert.match(text, /<h1>No verdict<\/h1><p>for a run that failed/);
  assert.match(text, /Step train failed: exit code 1/);
  assert.match(text, /✗<\/span> missing/);
});

Deno.test("a run that was interrupted has a page that says so", async () => {
  await using project = await Project.make(
    training({ more: "import time\nprint('here', flush=True)\ntime.sleep(60)" }),
  );
  const child = project.start("reproduce");
  await until("the step runs", async () => {
    const run = await project.run().catch(() => undefined);
    return run !== undefined &&
      (await Deno.readTextFile(join(run, "log.txt")).catch(() => "")).includes("here");
  });
  Deno.kill((await project.evidence()).attempts[0].pid, "SIGTERM");
  assert.equal((await child.output()).code, 130);
  assert.match(await read(join(await project.run(), "report.html")), /<p>for a run that was interrupted/);
});

Deno.test("a run without claims, outputs or anything to draw has a page", async () => {
  const { project, ended, page } = await reproduced({ "experiment.yaml": experiment(), "train.py": "" });
  await using _ = project;
  assert.equal(ended.code, 0, ended.stderr);
  const text = await read(page);
  assert.match(text, /<h1>Done<\/h1>/);
  assert.doesNotMatch(text, /id="figures"/);
});

Deno.test("a run whose record holds no steps has a page, and one without an attempt is no record", async () => {
  const { project, page } = await reproduced(training());
  await using _ = project;
  const file = join(await project.run(), "evidence.json");
  const evidence = JSON.parse(await read(file));
  await Deno.writeTextFile(file, JSON.stringify({ ...evidence, steps: {} }));
  const { code, stderr } = await project.task("report");
  assert.equal(code, 0, stderr);
  assert.match(await read(page), /<h1>Not to be trusted<\/h1>/);
  await Deno.writeTextFile(file, JSON.stringify({ ...evidence, attempts: [] }));
  const altered = await project.task("report");
  assert.equal(altered.code, 1);
  assert.match(altered.stderr, /Not to be trusted: .* was altered since the run ended/);
});

Deno.test("a run of 10,000 epochs with 500 claims has a page of at most 1 MB that says what it leaves out", async () => {
  const { project, ended, page } = await reproduced(training({ epochs: 10_000, claims: 500 }));
  await using _ = project;
  assert.equal(ended.code, 0, ended.stderr);
  const text = await read(page);
  assert.ok((await Deno.stat(page)).size <= LARGEST_PAGE, String((await Deno.stat(page)).size));
  assert.match(text, /Of 10,000 epochs the picture holds the least and the largest value/);
  assert.match(text, /The 24 of 501 that deviate most are drawn/);
  assert.equal([...text.matchAll(/value number \d+<\/strong>/g)].length, 500);
});

Deno.test("a page that would be larger than 1 MB is made with shorter texts and without the picture, and says so", async () => {
  const files = training({ claims: 300 });
  const long = files["experiment.yaml"]!.replaceAll("measured on three machines", "&".repeat(700));
  const { project, page } = await reproduced({ ...files, "experiment.yaml": long });
  await using _ = project;
  assert.ok((await Deno.stat(page)).size <= LARGEST_PAGE, String((await Deno.stat(page)).size));
  assert.match(await read(page), /predictions\.png is too large for this page/);
});

Deno.test("a metric named <script> stays text, and so do a title, a class and a package", async () => {
  const evil = `</script><script>alert("x")</script>`;
  const { project, page } = await reproduced(training({
    title: evil,
    more: `
metrics["${evil.replaceAll('"', '\\"')}"] = [1, 2]
metrics["<script>_accuracy"] = [1, 2]
predictions[0]["label"] = ${JSON.stringify(evil)}
json.dump(predictions, open(out + "/predictions.json", "w"))
open(out + "/<img src=x onerror=alert(1)>.txt", "w")
`,
  }));
  await using _ = project;
  for (const file of [page, project.path("runs/index.html")]) {
    const text = await read(file);
    assert.equal([...text.matchAll(/<script>/g)].length, 1, "only the page's own script");
    assert.doesNotMatch(text, /<img src=x/);
    assert.match(text, /&lt;script&gt;/);
  }
  const { stdout } = await project.task("report", ["--markdown"]);
  assert.doesNotMatch(stdout, /<script>/);
});

Deno.test("a hostile record is shown in page, list, Markdown and comparison, and obeyed in none", async () => {
  const { project, page } = await reproduced(training());
  await using _ = project;
  const run = await project.run();
  const other = `${run}-other`;
  assert.equal((await new Deno.Command("cp", { args: ["-r", run, other] }).output()).code, 0);
  const evil = "\u001b]0;owned\u0007\u202e<script>alert(1)</script> | @all [a](javascript:b) **b** $x$ " +
    "https://evil.example www.evil.example <img src=x onerror=alert(1)>\n# heading";
  const evidence = JSON.parse(await read(join(run, "evidence.json")));
  evidence.experiment.title = evil;
  evidence.attempts[0].host.cpu = evil;
  evidence.steps.train.problem = evil;
  evidence.attempts[0].environment.image = { name: evil, id: evil };
  await Deno.writeTextFile(join(run, "evidence.json"), JSON.stringify(evidence));
  const { stdout } = await project.task("report", [run, "--markdown"]);
  for (const file of [page, project.path("runs/index.html")]) {
    const text = await read(file);
    // deno-lint-ignore no-control-regex -- they are what is looked for
    assert.doesNotMatch(text, /[\u0000-\u0008\u000b-\u001f\u007f\u202e]|<img src=x/, file);
    assert.equal([...text.matchAll(/<script>/g)].length, 1, file);
    assert.match(text, /owned/, file);
  }
  assert.match(stdout, /owned/);
  // deno-lint-ignore no-control-regex -- they are what is looked for
  assert.doesNotMatch(stdout, /[\u0000-\u0008\u000b-\u001f\u007f\u202e]/);
  for (
    const markup of [
      "<script",
      "<img",
      "@all",
      "[a](",
      "**b**",
      "$x$",
      "https://evil",
      "www.evil",
      "\n# heading",
    ]
  ) {
    assert.equal(stdout.includes(markup), false, markup);
  }
  const compared = await project.task("compare", [run, other]);
  assert.match(compared.stdout, /owned/);
  // deno-lint-ignore no-control-regex -- they are what is looked for
  assert.doesNotMatch(compared.stdout + compared.stderr, /[\u0000-\u0008\u000b-\u001f\u007f\u202e]/);
  const json = await project.task("compare", [run, other, "--json"]);
  // deno-lint-ignore no-control-regex -- they are what is looked for
  assert.doesNotMatch(json.stdout, /[\u0000-\u0008\u000b-\u001f\u007f\u202e]/);
  assert.match(JSON.stringify(JSON.parse(json.stdout)), /owned/);
});

Deno.test("a run of another machine, copied in by itself, has a page and leaves its surroundings alone", async () => {
  const { project } = await reproduced(training());
  await using _ = project;
  const elsewhere = await Deno.realPath(await Deno.makeTempDir({ prefix: "foreign-" }));
  try {
    await Deno.rename(await project.run(), join(elsewhere, "copied"));
    await Deno.remove(project.path("experiment.yaml"));
    const { code, stdout, stderr } = await project.task("report", [join(elsewhere, "copied")]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Reproduced: 1 of 1/);
    assert.match(await read(join(elsewhere, "copied/report.html")), /is not at hand/);
    assert.deepEqual([...Deno.readDirSync(elsewhere)].map(({ name }) => name), ["copied"]);
  } finally {
    await Deno.remove(elsewhere, { recursive: true });
  }
});

Deno.test("a record that names files outside its folder gets none of them into its page", async () => {
  const { project, page } = await reproduced(training());
  await using _ = project;
  const run = await project.run();
  await Deno.writeTextFile(project.path("secret.json"), '{"secret_accuracy": [1, 2, 3]}');
  await Deno.remove(join(run, "train/metrics.json"));
  await Deno.symlink(project.path("secret.json"), join(run, "train/metrics.json"));
  assert.equal((await project.task("report")).code, 0);
  const text = await read(page);
  assert.match(text, /Not to be trusted/);
  assert.doesNotMatch(text, /secret/);
});

Deno.test("evidence of a future version is refused with what to do, and no page is made of it", async () => {
  const { project, page } = await reproduced(training());
  await using _ = project;
  const run = await project.run();
  const evidence = JSON.parse(await read(join(run, "evidence.json")));
  await Deno.writeTextFile(join(run, "evidence.json"), JSON.stringify({ ...evidence, schema: 2 }));
  await Deno.remove(join(run, "receipt.json")); // it would say that the evidence was altered
  await Deno.remove(page);
  const { code, stderr } = await project.task("report", [run]);
  assert.equal(code, 2);
  assert.match(stderr, /written by a newer version \(schema 2, known 1\)[\s\S]*Update this project/);
  await assert.rejects(Deno.stat(page));
});

Deno.test("a link in the place of the page is replaced, and what it points at is left alone", async () => {
  const { project, page } = await reproduced(training());
  await using _ = project;
  const target = project.path("precious.html");
  await Deno.writeTextFile(target, "precious");
  await Deno.remove(page);
  await Deno.symlink(target, page);
  assert.equal((await project.task("report")).code, 0);
  assert.equal(await read(target), "precious");
  assert.ok((await Deno.lstat(page)).isFile);
});

Deno.test("--badge writes an SVG that says how many claims hold, when, and where", async () => {
  const { project } = await reproduced(training());
  await using _ = project;
  const { code, stderr } = await project.task("report", ["--badge", "badge.svg"]);
  assert.equal(code, 0, stderr);
  const badge = await read(project.path("badge.svg"));
  assert.match(badge, /<title>reproduced: 1 of 1 · \d{4}-\d\d-\d\d · host<\/title>/);
});

Deno.test("--markdown prints a table for pull requests, in which a claim's name can't end its cell", async () => {
  const files = training();
  const evil = files["experiment.yaml"]!.replace(
    "name: validation accuracy",
    'name: "a | b `c` @everyone **d**"',
  );
  const { project } = await reproduced({ ...files, "experiment.yaml": evil });
  await using _ = project;
  const { code, stdout } = await project.task("report", ["--markdown"]);
  assert.equal(code, 0);
  assert.match(stdout, /^### ✅ Reproduced: 1 of 1 claims hold\n/);
  const [row] = stdout.split("\n").filter((line) => line.includes("identical"));
  assert.equal(row!.split("|").length, 7, row);
  assert.doesNotMatch(row!, /@everyone|`c`/);
});

Deno.test("--open hands the page to the system's opener, and says where it is if there is none", async () => {
  const { project, page } = await reproduced({ "experiment.yaml": experiment(), "train.py": TRAIN });
  await using _ = project;
  const tools = project.path("tools");
  await Deno.mkdir(tools);
  // A fake, because a real one starts a browser on the tester's screen.
  const opener = join(tools, Deno.build.os === "darwin" ? "open" : "xdg-open");
  await Deno.writeTextFile(opener, `#!/bin/sh\nprintf %s "$1" > "${project.path("opened")}"\n`, {
    mode: 0o755,
  });
  const env = { PATH: `${tools}:/usr/bin:/bin`, LD_LIBRARY_PATH: "/nowhere" };
  assert.equal((await project.task("report", ["--open"], env)).code, 0);
  assert.equal(await read(project.path("opened")), page);
  await Deno.writeTextFile(opener, "#!/bin/sh\nexit 3\n");
  const { code, stderr } = await project.task("report", ["--open"], env);
  assert.equal(code, 3);
  assert.match(stderr, /what to do: Open .*report\.html in a browser/);
});

Deno.test("csvRows() quotes what a table's marks are in, and what a spreadsheet would compute", () => {
  const { markup } = csvRows([["epoch", '=HYPERLINK("x")', "a,b", "-1 degree"], [1, 0.1, null, -2.5]]);
  const text = /<template[^>]*>(.*)<\/template>/s.exec(markup)![1]!.trim().replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'");
  assert.equal(text, `epoch,"'=HYPERLINK(""x"")","a,b",'-1 degree\n1,0.1,,-2.5`);
});
