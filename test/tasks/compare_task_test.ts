/** `deno task compare` and `reproduce --twice` on real runs, also on runs that were copied, cut down or spoiled. */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { experiment, Project } from "../support/project.ts";

const CLAIM = `
claims:
  - name: accuracy
    from: train/metrics.json#/accuracy/-1
    value: 99.44
    unit: "%"
    of: 360
    tolerance: { samples: 1, because: for the test }
`;

const CURVE = `
  - name: curve
    from: train/history.csv#accuracy
    value: [90.00, 99.44]
    of: 360
    tolerance: { samples: 1, because: for the test }
`;

/** A training of two epochs with a model of one tensor; `off` is 0, or 1 to come out differently. */
function train(off: number, more = ""): string {
  return `
import json, struct, sys, time
out = sys.argv[sys.argv.index("--out") + 1]
off = ${off}
accuracy = [90.0, 99.17 if off else 99.44]
json.dump({"accuracy": accuracy}, open(out + "/metrics.json", "w"))
with open(out + "/history.csv", "w") as file:
    file.write("epoch,accuracy\\n" + "".join(f"{i + 1},{a}\\n" for i, a in enumerate(accuracy)))
with open(out + "/predictions.csv", "w") as file:
    file.write("image,predicted\\n" + "".join(f"{i},{'cat' if i == off * 3 else 'dog'}\\n" for i in range(8)))
header = json.dumps({"layer.weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}).encode()
bits = struct.pack("<4f", 1, 2, 3, 4)[:12] + struct.pack("<I", 0x40800000 + off)
open(out + "/model.safetensors", "wb").write(struct.pack("<Q", len(header)) + header + bits)
open(out + "/raw.bin", "wb").write(bytes([0, 255, off]))
${more}
`;
}

async function made(more = ""): Promise<Project> {
  return await Project.make({ "experiment.yaml": experiment(CLAIM), "train.py": train(0, more) });
}

/** Makes a run and returns its folder. */
async function reproduce(project: Project): Promise<string> {
  const { code, stderr } = await project.task("reproduce");
  assert.equal(code, 0, stderr);
  return await project.run();
}

async function copy(from: string, to: string) {
  const { success } = await new Deno.Command("cp", { args: ["-r", from, to] }).output();
  assert.ok(success);
}

Deno.test("two runs of the same are equal, also where one was copied from another machine", async () => {
  await using project = await made();
  await using elsewhere = await Project.make({});
  const [first, second] = [await reproduce(project), await reproduce(project)];
  const here = await project.task("compare", [first, second]);
  assert.equal(here.code, 0, here.stderr);
  assert.match(here.stdout, /Equal to the bit: all 5 files/);
  assert.match(here.stdout, /accuracy +99\.44 % +99\.44 % +0 samples/);
  await copy(first, elsewhere.path("theirs"));
  await Deno.remove(first, { recursive: true });
  const there = await elsewhere.task("compare", ["theirs", second, "--json"]);
  assert.equal(there.code, 0, there.stderr);
  const { equal, bitwise, a, files } = JSON.parse(there.stdout);
  assert.deepEqual([equal, bitwise, a.directory, files.equal.length], [
    true,
    true,
    elsewhere.path("theirs"),
    5,
  ]);
});

Deno.test("where runs differ it is said by how much, and what may explain it", async () => {
  await using project = await made();
  await project.write("experiment.yaml", experiment(CLAIM + CURVE));
  const first = await reproduce(project);
  await project.write("train.py", train(1));
  const second = await reproduce(project);
  const { code, stdout } = await project.task("compare", [first, second]);
  assert.equal(code, 1);
  const expected = [
    /^accuracy +99\.44 % +99\.17 % +−1 sample$/m,
    /^curve, point 2 \(1 of 2 differ\) +99\.44 +99\.17 +−1 sample$/m,
    /^ +accuracy +1 of 2 +first: epoch 2 +99\.44 +99\.17 +−1 sample$/m,
    /^ +\/accuracy +1 of 2 +first: point 2 of 2 +99\.44 +99\.17 +−1 sample$/m,
    /^ +predicted +2 of 8 flipped +image 0 +cat +dog/m,
    /^ +layer\.weight +F32 \[2, 2\] +1 of 4 +1 +1\.2e-7 +4\.8e-7 +\[1, 1\]$/m,
    /other bytes from byte 2 on/,
    /possible +code: .*\n +train\.py: \w{12} → \w{12}\n/,
    /Different: 5 of 5 files differ$/m,
  ];
  for (const pattern of expected) assert.match(stdout, pattern);
});

const RANGES = `
claims:
  - { name: least, from: train/metrics.json#/accuracy/-1, value: { at_least: 98.89 }, of: 360, unit: "%" }
  - { name: most, from: train/metrics.json#/accuracy/-1, value: { at_most: 99.99 } }
  - { name: between, from: "train/history.csv#accuracy[max]", value: { between: [99.0, 99.5] } }
  - { name: over runs, from: "train/history.csv#accuracy[mean]", value: { mean: 94.7, std: 0.2, n: 5 } }
`;

Deno.test("values that are claimed to lie in a range are compared, also where both runs are in it", async () => {
  await using project = await made();
  await project.write("experiment.yaml", experiment(RANGES));
  const first = await reproduce(project);
  await project.write("train.py", train(1));
  const second = await reproduce(project);
  const { code, stdout } = await project.task("compare", [first, second]);
  assert.equal(code, 1);
  const expected = [
    /^least +99\.44 % +99\.17 % +−1 sample$/m,
    /^most +99\.44 +99\.17 +−0\.27$/m,
    /^between +99\.44 +99\.17 +−0\.27$/m,
    /^over runs +94\.72\d* +94\.58\d* +−0\.135/m,
  ];
  for (const pattern of expected) assert.match(stdout, pattern);
});

Deno.test("published evidence is compared by hash where it holds no file", async () => {
  await using project = await made();
  const first = await reproduce(project);
  for (const file of ["evidence.json", "plan.json", "train/metrics.json"]) {
    await project.write(join("published", file), await Deno.readTextFile(join(first, file)));
  }
  await Deno.remove(first, { recursive: true });
  await reproduce(project);
  const same = await project.task("compare", ["published", "latest", "--json"]);
  assert.equal(same.code, 0, same.stderr);
  const { a, bitwise } = JSON.parse(same.stdout);
  assert.deepEqual([a.gone.length, bitwise], [4, true]);
  await project.write("train.py", train(1));
  await reproduce(project);
  const other = await project.task("compare", ["published", "latest"]);
  assert.equal(other.code, 1);
  assert.match(
    other.stdout,
    /4 different by the recorded hash:\n +train\/history\.csv/,
  );
  assert.match(other.stdout, /\/accuracy +1 of 2 +first: point 2 of 2/);
});

Deno.test("files that were altered, removed or led elsewhere are named and never followed", async (t) => {
  const zero = async (file: string) => {
    await Deno.remove(file);
    await Deno.symlink("/dev/zero", file); // reading it would not end
  };
  const cases: [name: string, spoil: (run: string) => Promise<void>, code: number, shown: RegExp][] = [
    [
      "an altered value",
      (run) => Deno.writeTextFile(join(run, "train/metrics.json"), '{"accuracy": [90.0, 99.72]}'),
      1,
      /altered in B since it was recorded:\n +train\/metrics\.json[^]*1 file altered since recorded/,
    ],
    [
      "an altered plan",
      (run) => Deno.writeTextFile(join(run, "plan.json"), " ", { append: true }),
      1,
      /plan\.json/,
    ],
    ["a removed file", (run) => Deno.remove(join(run, "train/raw.bin")), 0, /1 by the recorded hash/],
    [
      "a link to an endless file",
      (run) => zero(join(run, "train/raw.bin")),
      0,
      /1 not there in B, .*:\n +train\/raw\.bin/,
    ],
    [
      "a file that is not JSON",
      (run) => Deno.writeTextFile(join(run, "train/metrics.json"), "no JSON"),
      1,
      /line 1\n +A: \{"accuracy.*\n +B: no JSON/,
    ],
    [
      "tensors that are cut off",
      (run) => Deno.truncate(join(run, "train/model.safetensors"), 40),
      1,
      /model\.safetensors\n +(?:other bytes from byte 40 on|line 1)/,
    ],
    [
      "a path that leads out of the run",
      async (run) => {
        const file = join(run, "evidence.json");
        const text = await Deno.readTextFile(file);
        await Deno.writeTextFile(join(dirname(run), "secret.txt"), "secret");
        await Deno.writeTextFile(file, text.replace('"path": "raw.bin"', '"path": "../../secret.txt"'));
      },
      1,
      /Not to be trusted: .*copy was altered since the run ended\n +evidence\.json: other bytes/,
    ],
  ];
  for (const [name, spoil, code, shown] of cases) {
    await t.step(name, async () => {
      await using project = await made();
      const first = await reproduce(project);
      await copy(first, project.path("copy"));
      await spoil(project.path("copy"));
      const found = await project.task("compare", [first, "copy"]);
      assert.equal(found.code, code, found.stdout + found.stderr);
      assert.match(found.stdout + found.stderr, shown);
      assert.doesNotMatch(found.stdout, /: secret$/m);
    });
  }
});

Deno.test("what can't be compared is an error that says why", async (t) => {
  await using project = await made();
  const run = await reproduce(project);
  await Deno.mkdir(project.path("folder"));
  await project.write("newer/evidence.json", '{"schema": 99}');
  await project.write("odd/evidence.json", "[]");
  await project.write("cut/evidence.json", '{"schema": 1, "steps": {}}');
  await project.write("unplanned/evidence.json", await Deno.readTextFile(join(run, "evidence.json")));
  const cases: [name: string, args: string[], message: RegExp][] = [
    ["no run at all", [], /two runs are expected, current value is ""/],
    ["one run", [run], /two runs are expected/],
    ["three runs", [run, run, run], /takes A B, current value is/],
    ["no such folder", [run, "./nowhere"], /There is no run folder \.\/nowhere/],
    ["no such id", [run, "2020"], /There is no run "2020"/],
    ["a folder that is no run", [run, "./folder"], /is not a run folder: it holds no evidence\.json/],
    ["evidence of a newer version", [run, "newer"], /newer version \(schema 99, known 1\)/],
    ["evidence that is none", [run, "odd"], /is not the evidence of a run/],
    ["evidence without attempts", [run, "cut"], /is not the evidence of a run: \w+ is missing/],
    ["a run without its plan", [run, "unplanned"], /Cannot read the plan of the run/],
  ];
  for (const [name, args, message] of cases) {
    await t.step(name, async () => {
      const { code, stdout, stderr } = await project.task("compare", [...args, "--json"]);
      assert.equal(code, 2);
      assert.match(stderr, message);
      assert.match(JSON.parse(stdout).error.message, message);
    });
  }
});

Deno.test("--twice says whether an experiment repeats itself", async (t) => {
  const cases: [name: string, more: string, code: number, shown: RegExp][] = [
    ["to the bit", "", 0, /train\/model\.safetensors \(1 tensor\)[^]*Equal to the bit: all 5 files/],
    [
      "but for times and its folder",
      'json.dump({"seconds": time.perf_counter(), "out": out}, open(out + "/times.json", "w"))',
      0,
      /1 different in what says nothing of the result:\n +train\/times\.json \(times and the run's own folder\)[^]*Equal: 5 of 6 files/,
    ],
    [
      "not at all",
      'json.dump({"value": time.perf_counter()}, open(out + "/value.json", "w"))',
      1,
      /\/value +\d[^]*Different: 1 of 6 files differ/,
    ],
  ];
  for (const [name, more, code, shown] of cases) {
    await t.step(name, async () => {
      await using project = await made(more);
      const done = await project.task("reproduce", ["--twice"]);
      assert.equal(done.code, code, done.stderr);
      assert.equal(done.stdout.match(/Reproduced: 1 of 1 claims hold/g)?.length, 2);
      assert.match(done.stdout, shown);
    });
  }
  await t.step("as one JSON object", async () => {
    await using project = await made();
    const { stdout } = await project.task("reproduce", ["--twice", "--json"]);
    const { runs, comparison } = JSON.parse(stdout);
    assert.deepEqual(runs.map(({ directory }: { directory: string }) => directory), [
      comparison.a.directory,
      comparison.b.directory,
    ]);
    assert.equal(comparison.bitwise, true);
  });
});

Deno.test("--twice does not run again after a failure, and copies no results", async (t) => {
  const runs = (project: Project) =>
    [...Deno.readDirSync(project.path("runs/test"))].filter(({ isDirectory }) => isDirectory).length;
  await t.step("a failed step", async () => {
    await using project = await made("sys.exit(4)");
    const { code } = await project.task("reproduce", ["--twice"]);
    assert.deepEqual([code, runs(project)], [1, 1]);
  });
  await t.step("a claim that does not hold is judged in both runs, and the exit code is 1", async () => {
    await using project = await made();
    await project.write("experiment.yaml", experiment(CLAIM.replace("99.44", "95.00")));
    const { code, stdout } = await project.task("reproduce", ["--twice"]);
    assert.deepEqual([code, runs(project)], [1, 2]);
    assert.match(stdout, /Equal to the bit/);
  });
  await t.step("with --reuse or --resume", async () => {
    await using project = await made();
    for (const option of ["--reuse", "--resume"]) {
      const { code, stderr } = await project.task("reproduce", ["--twice", option]);
      assert.equal(code, 2);
      assert.match(stderr, new RegExp(`it can't be given with ${option}`));
    }
  });
  await t.step("only the plan", async () => {
    await using project = await made();
    assert.equal((await project.task("reproduce", ["--twice", "--plan"])).code, 0);
    assert.throws(() => runs(project), Deno.errors.NotFound);
  });
});
