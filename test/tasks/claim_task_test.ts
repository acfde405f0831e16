/** `deno task claim`, on the real command line. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import { experiment, Project } from "../support/project.ts";

/** Gets `wrong` of 360 images wrong, as a file of that name says. */
const TRAIN = `
import json, sys
out = sys.argv[sys.argv.index("--out") + 1]
right = 358 - int(open("wrong").read())
accuracy = [90.0, round(100 * right / 360, 2)]
json.dump({"accuracy": accuracy, "loss": 0.12345678}, open(out + "/metrics.json", "w"))
open(out + "/history.csv", "w").write("epoch,accuracy\\n1,90.0\\n2,%.2f\\n" % accuracy[1])
open(out + "/model.bin", "wb").write(bytes([255, right % 256]))
print("accuracy: %.2f" % accuracy[1])
`;

const CLAIMS = `
# What the paper says.
claims:
  - name: accuracy # Table 1
    from: train/metrics.json#/accuracy/-1
    value: 90.00   # of 360
    unit: "%"
    of: 360
  - { name: curve, from: train/history.csv#accuracy, value: [90.0, 99.44], of: 360 } # Figure 1
`;

const FINE = `${CLAIMS.replace("90.00 ", "99.44 ")}`;

async function make(claims: string, ...wrong: number[]): Promise<Project> {
  const project = await Project.make({ "experiment.yaml": experiment(claims), "train.py": TRAIN });
  for (const count of wrong) {
    await project.write("wrong", String(count));
    await project.task("reproduce");
  }
  return project;
}

async function read(project: Project): Promise<string> {
  return await Deno.readTextFile(project.path("experiment.yaml"));
}

Deno.test("claim writes nothing before it is told to, and shows what it would write", async () => {
  await using project = await make(CLAIMS, 0);
  const before = await read(project);
  const { code, stdout, stderr } = await project.task("claim");
  assert.equal(code, 2);
  assert.match(stdout, /^ {2}- {4}value: 90\.00 {3}# of 360$/m);
  assert.match(stdout, /^ {2}\+ {4}value: 99\.44 {3}# of 360$/m);
  assert.match(stdout, /^ {2}train\/metrics\.json {2}new$/m);
  assert.match(stderr, /needs a confirmation[\s\S]*--yes/);
  assert.equal(await read(project), before);
  await assert.rejects(Deno.stat(project.path("published")));
});

Deno.test("claim changes the values that differ, keeps everything else, and publishes the run", async () => {
  await using project = await make(CLAIMS, 0);
  const before = await read(project);
  const { code, stdout } = await project.task("claim", ["--yes"]);
  assert.equal(code, 0, stdout);
  assert.equal(await read(project), before.replace("90.00 ", "99.44 "));
  const run = await project.run();
  for (
    const file of ["plan.json", "evidence.json", "train/metrics.json", "train/history.csv"]
  ) {
    const published = await Deno.readTextFile(project.path("published", file));
    assert.equal(published, await Deno.readTextFile(join(run, file)), file);
  }
  await assert.rejects(Deno.stat(project.path("published/train/model.bin")));
  const recorded = JSON.parse(await Deno.readTextFile(join(run, "verdict.json")));
  const judgedAnew = await project.json("published/verdict.json");
  assert.deepEqual([recorded.holds, judgedAnew.holds], [false, true]);
  assert.equal(judgedAnew.evidenceSha256, recorded.evidenceSha256);
  const again = await project.task("claim");
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /experiment\.yaml: as it is\npublished\/: as it is/);
  assert.equal((await project.task("verify", ["--current"])).code, 0);
});

Deno.test("claim replaces what was published before, and keeps files of others in published/", async () => {
  await using project = await make(FINE, 0);
  assert.equal((await project.task("claim", ["--yes"])).code, 0);
  await project.write("published/spread.json", "{}");
  await project.write("published/train/notes.txt", "mine");
  await project.write("train.py", TRAIN.replaceAll("history.csv", "table.csv"));
  await project.write("experiment.yaml", experiment(FINE.replace("history.csv", "table.csv")));
  assert.equal((await project.task("reproduce")).code, 0);
  const { stdout } = await project.task("claim", [await project.run(), "--yes"]);
  assert.match(stdout, /train\/history\.csv +removed/);
  const names = [...Deno.readDirSync(project.path("published/train"))].map(({ name }) => name).sort();
  assert.deepEqual(names, ["metrics.json", "notes.txt", "table.csv"]);
  assert.equal(await Deno.readTextFile(project.path("published/spread.json")), "{}");
});

Deno.test("claim suggests tolerances from the other runs, in samples, and writes them with a reason", async () => {
  await using project = await make(FINE, 0, 1, 2);
  const claimed = await project.run("test", 0);
  const shown = await project.task("claim", [claimed, "--yes"]);
  assert.match(shown.stdout, /accuracy +samples: 2 +2 runs +more than its tolerance so far/);
  assert.match(shown.stdout, /--because/);
  assert.equal(await read(project), experiment(FINE), "no reason, no tolerance");

  const { code, stdout, stderr } = await project.task("claim", [
    claimed,
    "--because",
    "two runs: one PC",
    "--yes",
  ]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Commit the tolerances before the runs that they judge/);
  const text = await read(project);
  const { claims } = parseExperiment(text, "/p/experiment.yaml", "/p");
  const runs = [1, 2].map(async (index) => (await project.run("test", index)).split("/").at(-1)!);
  for (const { tolerance } of claims) {
    assert.equal(tolerance[0]!.samples, 2);
    assert.equal(tolerance[0]!.because, "two runs: one PC");
    assert.deepEqual(tolerance[0]!.runs!.sort(), (await Promise.all(runs)).sort());
  }
  for (const comment of ["# What the paper says.", "# Table 1", "# of 360", "# Figure 1"]) {
    assert.ok(text.includes(comment), comment);
  }
  // The runs that a tolerance rests on are not judged by it; a new one is.
  assert.equal((await project.task("verify", [await project.run(), "--current"])).code, 1);
  assert.equal((await project.task("reproduce")).code, 0);
});

Deno.test("claim refuses a tolerance that rests on the very run that is claimed", async (t) => {
  await using project = await make(FINE, 0);
  const before = await read(project);
  const cases: [name: string, args: string[]][] = [
    ["named", ["--spread", "latest", "--because", "so it holds", "--yes"]],
    ["the only one", ["--because", "so it holds", "--yes"]],
  ];
  for (const [name, args] of cases) {
    await t.step(name, async () => {
      const { code, stderr } = await project.task("claim", args);
      assert.equal(code, 2);
      assert.match(stderr, /Cannot derive a tolerance from .*: it is the very run that is claimed/);
      assert.equal(await read(project), before);
    });
  }
});

Deno.test("claim adds a claim with the value that the run has there", async (t) => {
  await using project = await make("", 0);
  const none = await project.task("claim");
  assert.match(none.stderr, /makes no claims yet[\s\S]*--add 'train\/metrics\.json#\/accuracy\/-1'/);
  const cases: [args: string[], expected: string][] = [
    [
      ["--add", "train/metrics.json#/accuracy/-1", "--name", "accuracy", "--of", "360", "--unit", "%"],
      'claims:\n  - name: accuracy\n    from: train/metrics.json#/accuracy/-1\n    value: 99.44\n    unit: "%"\n    of: 360\n',
    ],
    [["--add", "train/history.csv#accuracy"], "    value: [90.0, 99.44]\n"],
    [["--add", "train~/accuracy: (.+)/"], "    value: 99.44\n"],
    [["--add", "train/metrics.json#/loss"], "    value: 0.12345678\n"],
  ];
  for (const [args, expected] of cases) {
    await t.step(args[1]!, async () => {
      const { code, stderr } = await project.task("claim", [...args, "--yes"]);
      assert.equal(code, 0, stderr);
      assert.ok((await read(project)).endsWith(expected), await read(project));
    });
  }
  const verified = await project.task("verify", ["--current"]);
  assert.match(verified.stdout, /4 of 4 claims hold/);
});

Deno.test("claim writes nowhere but beside the experiment", async () => {
  await using project = await make(FINE, 0);
  await project.write("elsewhere/mine.txt", "mine");
  await Deno.symlink("elsewhere", project.path("published"));
  const { code, stderr } = await project.task("claim", ["--yes"]);
  assert.equal(code, 2);
  assert.match(stderr, /published: it must be a folder beside the experiment, it is a link/);
  assert.deepEqual([...Deno.readDirSync(project.path("elsewhere"))].map(({ name }) => name), ["mine.txt"]);
});

Deno.test("claim refuses what is no result of the unchanged experiment", async (t) => {
  await using project = await make(FINE, 0);
  const cases: [
    name: string,
    args: string[],
    prepare: () => Promise<unknown>,
    code: number,
    expected: RegExp,
  ][] = [
    ["nothing there", ["--add", "train/metrics.json#/f1"], async () => {}, 2, /has no "f1" at the top/],
    [
      "no source",
      ["--add", "train/metrics.json"],
      async () => {},
      2,
      /--add must be a step, a file and a place/,
    ],
    [
      "no step",
      ["--add", "trian/m.json#/x"],
      async () => {},
      2,
      /"trian" is not a step, did you mean "train"\?/,
    ],
    [
      "no count",
      ["--add", "train/metrics.json#/loss", "--of", "0"],
      async () => {},
      2,
      /--of must be a positive/,
    ],
    ["a lone option", ["--of", "3"], async () => {}, 2, /--of is about an added claim/],
    [
      "changed arguments",
      [],
      () => project.task("step", ["train", "--", "--more"]),
      2,
      /it ran with changes/,
    ],
    [
      "altered results",
      ["latest"],
      async () => await Deno.writeTextFile(join(await project.run("test", 0), "train/metrics.json"), "{}"),
      1,
      /metrics\.json: other bytes than recorded/,
    ],
  ];
  for (const [name, args, prepare, expectedCode, expected] of cases) {
    await t.step(name, async () => {
      await prepare();
      const run = name === "changed arguments" ? [await project.run()] : [];
      const { code, stderr } = await project.task("claim", [...run, ...args, "--yes"]);
      assert.equal(code, expectedCode, stderr);
      assert.match(stderr, expected);
      assert.equal(await read(project), experiment(FINE));
    });
  }
});

Deno.test("a run records what the authors ran on, and a verdict names the class of tolerance that it used", async () => {
  const classes = `
claims:
  - name: accuracy
    from: train/metrics.json#/accuracy/-1
    value: 99.44
    of: 360
    tolerance:
      - { when: { device: cpu, image: same }, samples: 1, because: one PC, provisional: true }
      - { samples: 3, because: any, provisional: true }
`;
  await using project = await make(classes, 0);
  assert.equal((await project.task("claim", ["--yes"])).code, 0);
  await project.write("wrong", "1");
  const { code, stdout, stderr } = await project.task("reproduce");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /−1 sample is within ±1 sample \(same image, device cpu, provisional\): one PC/);
  const run = await project.run();
  const { authors } = JSON.parse(await Deno.readTextFile(join(run, "plan.json"))).experiment;
  assert.equal(authors.train.image.name, "none");
  // The verdict of record does not depend on what is published later.
  await Deno.remove(project.path("published"), { recursive: true });
  const verified = await project.task("verify", [run, "--json"]);
  assert.equal(JSON.parse(verified.stdout).checks[0].class, "same image, device cpu");
});
