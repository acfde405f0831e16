/** Steps that write into the project: their files end in the run folder, and the project is as it was. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ended, git, Project, until } from "../support/project.ts";

const EXPERIMENT = `name: test
parameters: { p: 1 }
steps:
  a:
    run: [python, a.py, "{p}"]
    outputs: [results/a.txt]
  b:
    run: [python, b.py]
    needs: [a]
    outputs: [eval/, b.json]
claims:
  - { name: product, from: "b/b.json#/value", value: 20 }
`;

const A = `
import os, sys
os.makedirs("results", exist_ok=True)
open("results/a.txt", "w").write(sys.argv[1])
`;

const B = `
import json, os
value = int(open("results/a.txt").read()) * 20
os.makedirs("eval/deep", exist_ok=True)
open("eval/deep/value.txt", "w").write(str(value))
json.dump({"value": value}, open("b.json", "w"))
`;

const FILES = { "experiment.yaml": EXPERIMENT, "a.py": A, "b.py": B };

async function listed(project: Project): Promise<string[]> {
  const names = [];
  for await (const { name } of Deno.readDir(project.root)) names.push(name);
  return names.filter((name) => name !== "runs" && name !== "__pycache__").sort();
}

Deno.test("outputs are in the run folder and claimed there, and the project is as it was", async () => {
  await using project = await Project.make(FILES);
  const { code, stdout, stderr } = await project.task("reproduce", ["--engine", "host"]);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /product .*identical/);
  assert.doesNotMatch(stderr, /Edited while/);
  assert.deepEqual(await listed(project), ["a.py", "b.py", "experiment.yaml"]);
  const run = await project.run();
  assert.equal(await Deno.readTextFile(join(run, "b/eval/deep/value.txt")), "20");
  const { steps, attempts } = await project.evidence();
  assert.deepEqual(steps.a.outputs.map(({ path }: { path: string }) => path), ["results/a.txt"]);
  assert.deepEqual(Object.keys(attempts[0].code.files), ["a.py", "b.py", "experiment.yaml"]);
});

Deno.test("run p=1, run p=2, edit b, --reuse: b reads what a wrote with p=1", async () => {
  // With its inputs declared, a is not touched by an edit of b.
  const text = EXPERIMENT.replace("[results/a.txt]", "[results/a.txt]\n    inputs: [a.py]");
  await using project = await Project.make({ ...FILES, "experiment.yaml": text });
  assert.equal((await project.task("reproduce", ["--engine", "host"])).code, 0);
  assert.equal((await project.task("reproduce", ["--engine", "host", "--p", "2"])).code, 0);
  await project.write("b.py", `# edited\n${B}`);
  const { code, stdout, stderr } = await project.task("reproduce", ["--engine", "host", "--reuse"]);
  assert.match(stdout, /a, unchanged: copied from/);
  assert.match(stdout, /product .*identical/, stdout + stderr);
  assert.equal(code, 0);
});

Deno.test("a step alone finds what the steps before it wrote with these parameters", async () => {
  await using project = await Project.make(FILES);
  assert.equal((await project.task("reproduce", ["--engine", "host"])).code, 0);
  assert.equal((await project.task("reproduce", ["--engine", "host", "--p", "2"])).code, 0);
  const { code, stdout, stderr } = await project.task("step", ["b", "--engine", "host"]);
  assert.equal(code, 0, stdout + stderr);
  assert.equal(await Deno.readTextFile(join(await project.run(), "b/eval/deep/value.txt")), "20");
  assert.deepEqual(await listed(project), ["a.py", "b.py", "experiment.yaml"]);
});

Deno.test("what came with the project and was not written is not computed in this run", async () => {
  await using project = await Project.make({
    "experiment.yaml": "name: test\nsteps:\n  a: { run: [python, -c, pass], outputs: [results/] }\n" +
      'claims:\n  - { name: v, from: "a/results/v.json#/v", value: 1 }\n',
    "results/v.json": '{"v": 1}',
  });
  const before = await Deno.lstat(project.path("results/v.json"));
  const { code, stdout, stderr } = await project.task("reproduce", ["--engine", "host"]);
  assert.equal(code, 1);
  assert.match(
    stdout + stderr,
    /did not write results: what stands there came with the project, and is not computed in this run/,
  );
  assert.match(stdout, /missing/);
  const after = await Deno.lstat(project.path("results/v.json"));
  assert.deepEqual([after.ino, after.mtime, after.size], [before.ino, before.mtime, before.size]);
});

Deno.test("a file that is written anew with the same bytes is computed, its neighbour is not", async () => {
  await using project = await Project.make({
    "experiment.yaml":
      `name: test\nsteps:\n  a: { run: [python, -c, "open('results/v.json', 'w').write('1')"], outputs: [results] }\n`,
    "results/v.json": "1",
    "results/old.json": "1",
  });
  const { code, stdout, stderr } = await project.task("reproduce", ["--engine", "host"]);
  assert.equal(code, 0, stdout + stderr);
  const { steps } = await project.evidence();
  assert.deepEqual(steps.a.outputs.map(({ path }: { path: string }) => path), ["results/v.json"]);
});

Deno.test("--keep-outputs leaves the new files in the project, and what they replaced in the run folder", async () => {
  await using project = await Project.make({ ...FILES, "b.json": "mine" });
  const { code, stdout, stderr } = await project.task("reproduce", ["--engine", "host", "--keep-outputs"]);
  assert.equal(code, 0, stdout + stderr);
  assert.deepEqual(await project.json("b.json"), { value: 20 });
  assert.equal(await Deno.readTextFile(project.path("eval/deep/value.txt")), "20");
  assert.equal(await Deno.readTextFile(join(await project.run(), ".replaced/b.json")), "mine");
});

Deno.test("what a step writes without declaring it is said, with the outputs that would be right", async () => {
  const experiment = EXPERIMENT.replace("    outputs: [results/a.txt]\n", "").replace(
    "eval/, b.json",
    "b.json",
  );
  await using project = await Project.make({
    ...FILES,
    "experiment.yaml": experiment,
    "results/mine.txt": "1",
  });
  const { stderr } = await project.task("reproduce", ["--engine", "host"]);
  assert.match(
    stderr,
    /Edited while "a" ran, so it is not certain what ran: results\/a\.txt\n +if "a" wrote what is new, declare it, so that it is kept with the run: outputs: \[results\/a\.txt\]\n/,
  );
  assert.match(stderr, /if "b" wrote what is new, .*: outputs: \[eval\/\]\n/);
});

Deno.test("an output that git tracks is no edit of the code, and is as it was afterwards", async () => {
  await using project = await Project.make({ ...FILES, "b.json": "committed", ".gitignore": "runs/\n" });
  await git(project, "init", "-q");
  await git(project, "add", "-A");
  await git(project, "commit", "-qm", "first");
  const { code, stdout, stderr } = await project.task("reproduce", ["--engine", "host"]);
  assert.equal(code, 0, stdout + stderr);
  assert.doesNotMatch(stderr, /Edited while/);
  assert.equal(await git(project, "status", "--porcelain"), "");
  assert.deepEqual((await project.evidence()).attempts[0].code.dirty, []);
});

const SLOW = `
import os, sys, time
os.makedirs("results", exist_ok=True)
if "--resume" in sys.argv:
    print("resumed at", open("results/checkpoint").read())
    open("results/model", "w").write("done")
    sys.exit()
open("results/mine", "a").write(" and more")
open("results/checkpoint", "w").write("epoch 3")
print("at work", flush=True)
time.sleep(60)
`;

Deno.test("kill -9 of the runner: the next run puts back the user's files, and --resume finds the checkpoint", async () => {
  await using project = await Project.make({
    "experiment.yaml":
      "name: test\nsteps:\n  train: { run: [python, slow.py], resume: [--resume], outputs: [results/] }\n",
    "slow.py": SLOW,
    "results/mine": "mine",
  });
  const child = project.start("train", ["--engine", "host"]);
  await until("the step is at work", async () => {
    const run = await project.run().catch(() => undefined);
    return run !== undefined &&
      (await Deno.readTextFile(join(run, "log.txt")).catch(() => "")).includes("at work");
  });
  Deno.kill((await project.evidence()).attempts.at(-1).pid, "SIGKILL");
  await ended(child);
  assert.equal(await Deno.readTextFile(project.path("results/mine")), "mine and more");
  const second = await project.task("train", ["--engine", "host", "--resume"]);
  assert.equal(second.code, 0, second.stdout + second.stderr);
  assert.match(second.stderr, /had moved aside is back: results/);
  assert.match(second.stdout, /resumed at epoch 3/);
  assert.equal(await Deno.readTextFile(project.path("results/mine")), "mine");
  assert.deepEqual(await listed(project), ["experiment.yaml", "results", "slow.py"]);
  const { steps } = await project.evidence();
  assert.deepEqual(
    steps.train.outputs.map(({ path }: { path: string }) => path),
    ["results/checkpoint", "results/mine", "results/model"],
  );
});

const TWO_STEPS = `name: test
steps:
  first:
    run: [python, first.py]
    outputs: [results/first.txt]
  second:
    run: [python, second.py]
    resume: [--resume]
    needs: [first]
    outputs: [eval/]
claims:
  - { name: sum, from: "second/eval/sum.json#/sum", value: 42 }
`;

const FIRST = `
import os
os.makedirs("results", exist_ok=True)
open("results/first.txt", "w").write("40")
open(os.environ["EXPERIMENT_PROJECT"] + "/runs/first ran", "a").write("x")
`;

const SECOND = `
import json, os, sys, time
first = int(open("results/first.txt").read())
os.makedirs("eval", exist_ok=True)
if "--resume" not in sys.argv:
    open("eval/checkpoint", "w").write("2")
    print("at work", flush=True)
    time.sleep(60)
json.dump({"sum": first + int(open("eval/checkpoint").read())}, open("eval/sum.json", "w"))
`;

for (const signal of ["SIGKILL", "SIGTERM"] as const) {
  Deno.test(`${signal} in the second of two steps: --resume finds what the first wrote and where the second was`, async () => {
    await using project = await Project.make({
      "experiment.yaml": TWO_STEPS,
      "first.py": FIRST,
      "second.py": SECOND,
      // Of another run than this: neither step may read it.
      "results/first.txt": "7",
    });
    const child = project.start("reproduce", ["--engine", "host"]);
    await until("the second step is at work", async () => {
      const run = await project.run().catch(() => undefined);
      return run !== undefined &&
        (await Deno.readTextFile(join(run, "log.txt")).catch(() => "")).includes("at work");
    });
    const killed = await project.evidence();
    Deno.kill(killed.attempts.at(-1).pid, signal);
    await ended(child);
    const { code, stdout, stderr } = await project.task("reproduce", ["--engine", "host", "--resume"]);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /sum .*identical/);
    const { run, steps, attempts } = await project.evidence();
    assert.equal(run, killed.run);
    assert.equal(attempts.length, 2);
    assert.equal(await Deno.readTextFile(project.path("runs/first ran")), "x");
    assert.deepEqual(
      steps.second.outputs.map(({ path }: { path: string }) => path),
      ["eval/checkpoint", "eval/sum.json"],
    );
    assert.equal(await Deno.readTextFile(project.path("results/first.txt")), "7");
    assert.deepEqual(await listed(project), ["experiment.yaml", "first.py", "results", "second.py"]);
  });
}

Deno.test("kill -9, and then the user works on: nothing of that is lost, and a journal that no run wrote moves nothing", async () => {
  await using project = await Project.make({
    "experiment.yaml": "name: test\nsteps:\n  train: { run: [python, slow.py], outputs: [results/] }\n",
    "slow.py": SLOW,
    "results/mine": "mine",
  });
  const child = project.start("train", ["--engine", "host"]);
  await until("the step is at work", async () => {
    const run = await project.run().catch(() => undefined);
    return run !== undefined &&
      (await Deno.readTextFile(join(run, "log.txt")).catch(() => "")).includes("at work");
  });
  const { run, attempts } = await project.evidence();
  Deno.kill(attempts.at(-1).pid, "SIGKILL");
  await ended(child);
  await project.write("results/written later", "by the user");
  await Deno.remove(project.path("runs"), { recursive: true });
  await project.write("slow.py", 'import os; os.makedirs("results", exist_ok=True); open("results/x", "w")');
  const { code, stderr } = await project.task("train", ["--engine", "host"]);
  assert.equal(code, 0, stderr);
  assert.deepEqual([...Deno.readDirSync(project.path("results"))].map(({ name }) => name), ["mine"]);
  assert.equal(await Deno.readTextFile(project.path("results/mine")), "mine");
  const left = project.path("runs/test", run, ".left/results");
  assert.equal(await Deno.readTextFile(join(left, "written later")), "by the user");
  assert.equal(await Deno.readTextFile(join(left, "mine")), "mine and more");

  const journal = {
    run: "x",
    experiment: "test",
    places: [{ path: "../elsewhere", was: false, missing: [] }],
  };
  await project.write(".set-aside/x/journal.json", JSON.stringify(journal));
  const refused = await project.task("train", ["--engine", "host"]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /journal\.json is not what a run has written: nothing is put back/);
});

Deno.test("outputs that a link leads out of the project, that are folders of the tasks, or overlap are refused", async () => {
  await using project = await Project.make({
    "experiment.yaml": "name: test\nsteps:\n  a: { run: [python, -c, pass], outputs: [out/x] }\n",
  });
  await Deno.symlink("/tmp", project.path("out"));
  const { code, stderr } = await project.task("reproduce", ["--engine", "host"]);
  assert.equal(code, 2);
  assert.match(stderr, /Cannot use out\/x for outputs: out is a link to \/tmp/);
  await project.write(
    "experiment.yaml",
    "name: test\nsteps:\n  a: { run: [python, -c, pass], outputs: [., .git, ../x, r, r/x] }\n",
  );
  const wrong = await project.task("reproduce", ["--engine", "host"]);
  assert.equal(wrong.code, 2);
  assert.equal(wrong.stderr.match(/steps\.a\.outputs\[/g)?.length, 4, wrong.stderr);
});

Deno.test("two runs that write into one project: the second says who has it", async () => {
  await using project = await Project.make({
    "experiment.yaml": "name: test\nsteps:\n  train: { run: [python, slow.py], outputs: [results/] }\n",
    "slow.py": SLOW,
  });
  const child = project.start("train", ["--engine", "host"]);
  await until("the step is at work", async () => {
    const run = await project.run().catch(() => undefined);
    return run !== undefined &&
      (await Deno.readTextFile(join(run, "log.txt")).catch(() => "")).includes("at work");
  });
  const pid = (await project.evidence()).attempts.at(-1).pid;
  const { code, stderr } = await project.task("train", ["--engine", "host"]);
  assert.equal(code, 3);
  assert.match(stderr, new RegExp(`The steps write into .*, and so does process ${pid} `));
  Deno.kill(pid, "SIGINT");
  await ended(child);
  assert.deepEqual(await listed(project), ["experiment.yaml", "slow.py"]);
});

Deno.test("git add -A finds nothing that a run has made, also without a .gitignore", async () => {
  await using project = await Project.make(FILES);
  await git(project, "init", "-q");
  await git(project, "add", "-A");
  assert.equal((await project.task("reproduce", ["--engine", "host"])).code, 0);
  await git(project, "add", "-A");
  const staged = (await git(project, "ls-files")).trim().split("\n");
  assert.deepEqual(staged.filter((path) => !/__pycache__/.test(path)), ["a.py", "b.py", "experiment.yaml"]);
});
