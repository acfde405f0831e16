/** What makes a record trustworthy: what it says is what happened, and what was changed since is found. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ended, experiment, Project, TRAIN, until } from "../support/project.ts";

const CLAIM = `
claims:
  - name: accuracy
    from: train/metrics.json#/accuracy/-1
    value: 99.44
    unit: "%"
    of: 360
`;

async function replace(file: string, from: string | RegExp, to: string) {
  const text = await Deno.readTextFile(file);
  assert.notEqual(text.replace(from, to), text);
  await Deno.writeTextFile(file, text.replace(from, to));
}

Deno.test("verify finds every change to what was recorded", async (t) => {
  const cases: [name: string, alter: (run: string) => Promise<void>, found: RegExp][] = [
    [
      "an output",
      (run) => replace(join(run, "train/metrics.json"), "90.0", "91.0"),
      /metrics\.json: other bytes/,
    ],
    ["a removed output", (run) => Deno.remove(join(run, "train/metrics.json")), /not there any more/],
    ["the plan", (run) => replace(join(run, "plan.json"), "99.44", "99.17"), /plan\.json: other bytes/],
    [
      "the evidence",
      (run) => replace(join(run, "evidence.json"), /"seconds": [\d.]+/, '"seconds": 0'),
      /evidence\.json: other bytes/,
    ],
    [
      "the verdict",
      (run) => replace(join(run, "verdict.json"), /"evidenceSha256": "./, '"evidenceSha256": "z'),
      /verdict\.json: other bytes/,
    ],
    [
      "the evidence, without a receipt",
      async (run) => {
        await Deno.remove(join(run, "receipt.json"));
        await replace(join(run, "evidence.json"), /"seconds": [\d.]+/, '"seconds": 0');
      },
      /not the evidence that was judged/,
    ],
    [
      "the plan, without a receipt",
      async (run) => {
        await Deno.remove(join(run, "receipt.json"));
        await replace(join(run, "plan.json"), "99.44", "99.17");
      },
      /plan\.json: other bytes/,
    ],
    ["a link", async (run) => {
      await Deno.remove(join(run, "train/link"));
      await Deno.symlink("elsewhere", join(run, "train/link"));
    }, /another link/],
  ];
  const train = `${TRAIN}import os\nos.symlink("metrics.json", out + "/link")\n`;
  await using project = await Project.make({ "experiment.yaml": experiment(CLAIM), "train.py": train });
  assert.equal((await project.task("reproduce")).code, 0);
  assert.equal((await project.task("verify")).code, 0);
  for (const [name, alter, found] of cases) {
    const step = async () => {
      await alter(await project.run());
      for (let twice = 0; twice < 2; twice++) { // looking must not make it right
        const { code, stdout } = await project.task("verify");
        assert.equal(code, 1);
        assert.match(stdout, /Not to be trusted/);
        const report = await project.task("report");
        assert.match(report.stdout, found);
      }
    };
    await t.step(name, () => project.restored(step));
  }
});

Deno.test("a claim is not fulfilled by a file that was put beside the results later", async () => {
  await using project = await Project.make({ "experiment.yaml": experiment(CLAIM), "train.py": "" });
  assert.equal((await project.task("reproduce")).code, 1);
  await Deno.writeTextFile(join(await project.run(), "train/metrics.json"), '{"accuracy": [99.44]}');
  const { code, stdout } = await project.task("verify");
  assert.equal(code, 1);
  assert.match(stdout, /missing[\s\S]*was not made by the run/);
});

Deno.test("--reuse runs a step again when anything it depends on has changed", async (t) => {
  const text = `name: test
parameters: { seed: 1 }
steps:
  train:
    run: [python, train.py, --out, "{out}", "{seed}"]
    inputs: [train.py, data]
`;
  const cases: [
    name: string,
    change: (project: Project) => Promise<void> | void,
    args: string[],
    env: object,
  ][] = [
    ["nothing", () => {}, [], {}],
    ["a source file", (project) => project.write("train.py", `${TRAIN}#\n`), [], {}],
    ["an input that git ignores", (project) => project.write("data/a.csv", "2"), [], {}],
    ["a parameter", () => {}, ["--seed", "2"], {}],
    ["a variable that numerics depend on", () => {}, [], { OMP_NUM_THREADS: "3" }],
    [
      "the outputs themselves",
      async (p) => replace(join(await p.run(), "train/metrics.json"), "90", "91"),
      [],
      {},
    ],
  ];
  await using project = await Project.make({ "experiment.yaml": text, "train.py": TRAIN, "data/a.csv": "1" });
  assert.equal((await project.task("reproduce")).code, 0);
  for (const [name, change, args, env] of cases) {
    const step = async () => {
      await change(project);
      assert.equal(
        (await project.task("reproduce", ["--reuse", ...args], env as Record<string, string>)).code,
        0,
      );
      assert.equal((await project.evidence()).steps.train.status, name === "nothing" ? "reused" : "done");
    };
    await t.step(name, () => project.restored(step));
  }
  await t.step("an input that is not there is named", async () => {
    await using project = await Project.make({ "experiment.yaml": text, "train.py": TRAIN });
    const { code, stderr } = await project.task("reproduce");
    assert.equal(code, 2);
    assert.match(stderr, /Cannot read the input data/);
  });
});

Deno.test("a source file that is edited while a step runs is named, and the step is never reused", async () => {
  const train = 'import sys\nopen(sys.argv[0], "a").write("#\\n")\nopen(sys.argv[2] + "/x", "w")\n';
  await using project = await Project.make({ "experiment.yaml": experiment(), "train.py": train });
  const { code, stderr } = await project.task("train");
  assert.equal(code, 0);
  assert.match(stderr, /Edited while "train" ran.*train\.py/);
  const { steps } = await project.evidence();
  assert.deepEqual([steps.train.edited, steps.train.fingerprint], [["train.py"], ""]);
});

const CHAIN = `name: test
steps:
  train:
    run: [python, train.py, "{out}"]
  infer:
    run: [python, infer.py, "{steps.train}", "{out}"]
    needs: [train]
  plot:
    run: [python, plot.py]
    needs: [infer]
`;

const COPY = 'import shutil, sys\nshutil.copy(sys.argv[1] + "/x", sys.argv[2] + "/x")\n';

Deno.test("--resume keeps what is done, runs again what was altered and what needs it, and says what differs", async () => {
  await using project = await Project.make({
    "experiment.yaml": CHAIN,
    "train.py": 'import sys\nopen(sys.argv[1] + "/x", "w").write("1")\n',
    "infer.py": COPY,
    "plot.py": "raise SystemExit(1)",
  });
  assert.equal((await project.task("reproduce")).code, 1);
  await project.write("plot.py", "");
  const kept = await project.task("reproduce", ["--resume"]);
  assert.equal(kept.code, 0, kept.stderr);
  assert.match(kept.stderr, /Since the last attempt: the code has changed/);
  const { steps, attempts } = await project.evidence();
  assert.deepEqual([steps.train.attempt, steps.infer.attempt, steps.plot.attempt], [0, 0, 1]);
  assert.notEqual(attempts[0].code.sha256, attempts[1].code.sha256);

  await project.write("plot.py", "raise SystemExit(1)");
  assert.equal((await project.task("reproduce")).code, 1);
  await Deno.writeTextFile(join(await project.run(), "train/x"), "altered");
  await project.write("train.py", 'import sys\nopen(sys.argv[1] + "/x", "w").write("2")\n');
  await project.write("plot.py", "");
  assert.equal((await project.task("reproduce", ["--resume"])).code, 0);
  const run = await project.run();
  assert.equal(await Deno.readTextFile(join(run, "infer/x")), "2");
  assert.equal((await project.task("verify")).code, 0);
});

Deno.test("a step that removes or replaces its own folder has failed", async (t) => {
  const cases = [
    ["removes", "import shutil, sys\nshutil.rmtree(sys.argv[2])"],
    ["replaces", 'import os, shutil, sys\nshutil.rmtree(sys.argv[2])\nos.symlink("/etc", sys.argv[2])'],
  ] as const;
  for (const [name, train] of cases) {
    await t.step(name, async () => {
      await using project = await Project.make({ "experiment.yaml": experiment(), "train.py": train });
      const { code, stdout, stderr } = await project.task("train");
      assert.equal(code, 1);
      assert.match(stdout, /step "train" failed: it removed or replaced its own folder/);
      assert.doesNotMatch(stderr, /defect/);
    });
  }
});

Deno.test("a stop that comes between two steps ends the run as interrupted, with 130", async () => {
  // A large, sparse output keeps the runner hashing after the first step has ended.
  const text = `name: test
steps:
  train:
    run: [python, train.py, "{out}"]
    produces: [big]
  infer:
    run: [python, infer.py]
`;
  await using project = await Project.make({
    "experiment.yaml": text,
    "train.py":
      'import sys\nopen(sys.argv[1] + "/big", "wb").truncate(3_000_000_000)\nprint("written", flush=True)\n',
    "infer.py": "",
  });
  const child = project.start("reproduce");
  const hashing = async () => {
    const run = await project.run().catch(() => undefined);
    const record = run && await Deno.readTextFile(join(run, "train/step.json")).catch(() => "");
    return record ? JSON.parse(record).status === "done" : false;
  };
  await until("the first step has ended", hashing);
  await new Promise((resolve) => setTimeout(resolve, 200));
  Deno.kill((await project.evidence()).attempts[0].pid, "SIGTERM");
  const { code, stdout } = await ended(child);
  assert.equal(code, 130, stdout);
  const { status, steps } = await project.evidence();
  assert.deepEqual([status, steps.train.status, steps.infer], ["interrupted", "done", undefined]);
});

Deno.test("files that are no record of a run are refused with what is wrong, never with a stack trace", async (t) => {
  const cases: [name: string, file: string, text: string][] = [
    ["evidence that is null", "evidence.json", "null"],
    ["a plan that is null", "plan.json", "null"],
    ["a plan without an experiment", "plan.json", '{"schema":1}'],
    ["a plan that is not JSON", "plan.json", "{"],
  ];
  for (const [name, file, text] of cases) {
    await t.step(name, async () => {
      await using project = await Project.make({ "experiment.yaml": experiment(), "train.py": TRAIN });
      assert.equal((await project.task("train")).code, 0);
      const run = await project.run();
      await Deno.writeTextFile(join(run, file), text);
      for (const expected of [1, 2]) { // with a receipt it was altered, without one it is no record
        const { code, stderr } = await project.task("verify", [run]);
        assert.equal(code, expected);
        assert.match(stderr, new RegExp(file.replace(".", "\\.")));
        assert.doesNotMatch(stderr, /defect|\.ts:\d/);
        await Deno.remove(join(run, "receipt.json")).catch(() => {});
      }
    });
  }
  await t.step("--runs that is a file", async () => {
    await using project = await Project.make({ "experiment.yaml": experiment(), "train.py": TRAIN });
    const { code, stderr } = await project.task("train", ["--runs", "train.py"]);
    assert.ok(code === 2 || code === 3, stderr);
    assert.doesNotMatch(stderr, /defect|\.ts:\d/);
  });
});
