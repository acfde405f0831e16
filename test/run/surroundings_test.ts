/** What a step gets around its command: a shell, a folder, variables, secrets, a time limit, a terminal. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { Project } from "../support/project.ts";

const HOST = ["--engine", "host"];

async function read(project: Project, path: string): Promise<string> {
  return await Deno.readTextFile(join(await project.run(), path));
}

Deno.test("shell: parameters and folders are variables, nothing is pasted into the text, and a failing pipe fails", async () => {
  await using project = await Project.make({
    "experiment.yaml": `name: test
parameters: { learning-rate: 0.1, text: "$(touch pasted); 'x'" }
steps:
  a:
    description: writes what it was given
    shell: |
      printf '%s\\n' "$learning_rate" "$text" | tee "$out/given.txt"
  b:
    needs: [a]
    shell: |
      cat "$steps_a/given.txt" > "$out/again.txt"
      false | cat
      echo "not reached"
`,
  });
  const { code, stdout } = await project.task("reproduce", HOST);
  assert.equal(code, 1);
  assert.match(stdout, /step 1 of 2: a \(writes what it was given\)/);
  assert.doesNotMatch(stdout, /not reached/);
  assert.equal(await read(project, "a/given.txt"), "0.1\n$(touch pasted); 'x'\n");
  assert.equal(await read(project, "b/again.txt"), await read(project, "a/given.txt"));
  const { steps } = await project.evidence();
  assert.deepEqual(steps.a.argv.slice(0, 4), ["bash", "-euo", "pipefail", "-c"]);
  assert.equal(steps.a.argv[4], `printf '%s\\n' "$learning_rate" "$text" | tee "$out/given.txt"\n`);
  assert.equal(steps.b.problem, "exit code 1");
});

Deno.test("shell: a claim on what a step prints finds nothing in the text of its script", async () => {
  await using project = await Project.make({
    "experiment.yaml": `name: test
steps:
  a:
    shell: |
      echo done
      # accuracy: 99
claims:
  - { name: accuracy, from: 'a~/accuracy: (\\d+)/', value: 99 }
`,
  });
  const { code, stdout } = await project.task("reproduce", HOST);
  assert.equal(code, 1);
  assert.match(stdout, /accuracy +99 +— .*missing/);
});

Deno.test("cwd and env: the step works there, with these variables, of which the record knows", async () => {
  await using project = await Project.make({
    "experiment.yaml": `name: test
parameters: { n: 3 }
steps:
  a:
    run: [python, main.py, "{out}"]
    cwd: sub
    env: { THREADS: "{n}", PLACE: "{out}/x", OMP_NUM_THREADS: 1 }
`,
    "sub/main.py":
      'import os, sys; open(sys.argv[1] + "/o", "w").write(" ".join([os.path.basename(os.getcwd()), os.environ["THREADS"], os.environ["PLACE"]]))',
  });
  const { code, stdout, stderr } = await project.task("reproduce", HOST);
  assert.equal(code, 0, stdout + stderr);
  const run = await project.run();
  assert.equal(await read(project, "a/o"), `sub 3 ${run}/a/x`);
  const { steps } = await project.evidence();
  assert.deepEqual(steps.a.settings, { THREADS: "3", PLACE: `${run}/a/x`, OMP_NUM_THREADS: "1" });
  const again = await project.task("reproduce", [...HOST, "--reuse"]);
  assert.match(again.stdout, /unchanged: copied/, "the run's own folder in a variable is no change");
});

Deno.test("secrets: passed through and in no file of the run; without one nothing begins", async () => {
  await using project = await Project.make({
    "experiment.yaml": `name: test
steps:
  a:
    run: [python, -c, "import os; print('token is', os.environ['MY_TOKEN'], len(os.environ['MY_TOKEN']))"]
    secrets: [MY_TOKEN]
`,
  });
  const without = await project.task("reproduce", HOST);
  assert.equal(without.code, 3);
  assert.match(without.stderr, /Cannot run "a": MY_TOKEN must be set in the environment/);
  const { code, stdout, stderr } = await project.task("reproduce", HOST, { MY_TOKEN: "hunter2-hunter2" });
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /token is \*\*\* 15/);
  const found = await new Deno.Command("grep", { args: ["-rl", "hunter2", project.root] }).output();
  assert.equal(new TextDecoder().decode(found.stdout), "");
});

Deno.test("timeout: the step is asked to end, and has failed", async () => {
  await using project = await Project.make({
    "experiment.yaml": `name: test
steps:
  a:
    run: [python, slow.py, "{out}"]
    timeout: 2s
`,
    "slow.py": `
import sys, time
try:
    time.sleep(60)
except KeyboardInterrupt:
    open(sys.argv[1] + "/saved", "w").write("yes")
    raise
`,
  });
  const { code } = await project.task("reproduce", HOST);
  assert.equal(code, 1);
  const { steps, status } = await project.evidence();
  assert.equal(steps.a.problem, "it took longer than its timeout of 2.0 s");
  assert.equal(status, "failed");
  assert.equal(await read(project, "a/saved"), "yes");
});

Deno.test("optional: the run goes on without a step that failed, and without what needs it", async () => {
  await using project = await Project.make({
    "experiment.yaml": `name: test
steps:
  plot: { run: [python, -c, "raise SystemExit(1)"], optional: true }
  page: { run: [python, -c, pass], needs: [plot], optional: true }
  train: { shell: 'echo 3 > "$out/v.json"' }
claims:
  - { name: v, from: "train/v.json#", value: 3 }
`,
  });
  const { code, stdout, stderr } = await project.task("reproduce", HOST);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stderr, /"plot" failed \(exit code 1\); it is optional/);
  const { steps, status } = await project.evidence();
  assert.equal(status, "done");
  assert.deepEqual(Object.values(steps).map((step) => (step as { status: string }).status), [
    "failed",
    "not run",
    "done",
  ]);
  await project.write(
    "experiment.yaml",
    (await Deno.readTextFile(project.path("experiment.yaml"))).replace(
      "needs: [plot], optional: true",
      "needs: [plot]",
    ),
  );
  const needed = await project.task("reproduce", HOST);
  assert.equal(needed.code, 1);
  assert.equal((await project.evidence()).steps.page.problem, 'it needs "plot", which did not end well');
});

Deno.test("tty: the step has a terminal of 80 columns", async () => {
  await using project = await Project.make({
    "experiment.yaml": `name: test
steps:
  a:
    run: [python, -c, "import os, sys; print('columns', os.popen('stty size').read().split()[1], sys.stdout.isatty())"]
    tty: true
`,
  });
  const { code, stdout, stderr } = await project.task("reproduce", HOST);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /columns 80 True/);
});

Deno.test("expect: is said before, and asked where the machine clearly lacks it", async () => {
  const text = (expect: string) =>
    `name: test\nsteps:\n  a: { run: [python, -c, pass], expect: ${expect} }\n`;
  await using project = await Project.make({ "experiment.yaml": text("{ time: 4h, disk: 1m }") });
  const { code, stdout } = await project.task("reproduce", HOST);
  assert.equal(code, 0);
  assert.match(stdout, /"a" takes 4 h 00 min and 1\.0 MB of disk, say its authors/);
  for (
    const [expect, lacking] of [
      ["{ disk: 900000t }", /expected, and .* has/],
      ['{ on: "64x A100" }', /64x A100 is expected, and this machine has/],
    ] as const
  ) {
    await project.write("experiment.yaml", text(expect));
    const refused = await project.task("reproduce", HOST);
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, lacking);
    assert.equal((await project.task("reproduce", [...HOST, "--yes"])).code, 0);
  }
});

Deno.test("expect.on: the models and the memory of GPUs are compared with what nvidia-smi tells", async (t) => {
  await using project = await Project.make({});
  // A stand-in: this machine has no GPU, or one model of it only.
  const smi = async (...lines: string[]) => {
    await project.write(
      "bin/nvidia-smi",
      `#!/bin/sh\nprintf '%s\\n' ${lines.map((line) => `'${line}'`).join(" ")}\n`,
    );
    await Deno.chmod(project.path("bin/nvidia-smi"), 0o755);
  };
  const reproduce = async (on: string) => {
    const steps = `steps:\n  a: { run: [python, -c, pass], gpus: none, expect: { on: "${on}" } }\n`;
    await project.write("experiment.yaml", `name: test\n${steps}`);
    return await project.task("reproduce", HOST, { PATH: `${project.path("bin")}:${Deno.env.get("PATH")}` });
  };
  const A100 = "NVIDIA A100-SXM4-40GB, 40960, 535.1, GPU-1";
  const cases: [name: string, on: string, gpus: string[], code: number, said: RegExp | undefined][] = [
    ["the same", "1x A100", [A100], 0, undefined],
    ["the same memory", "1x NVIDIA A100 40GB", [A100], 0, undefined],
    ["too few", "2x A100", [A100], 3, /2x A100 is expected, and this machine has one GPU|has 1 GPU/],
    ["too little memory", "1x A100 80GB", [A100], 3, /has 1x NVIDIA A100-SXM4-40GB \(42\.9 GB\)/],
    [
      "another model",
      "1x V100",
      [A100],
      0,
      /1x V100 is expected, and this machine has 1x NVIDIA A100.*another time/,
    ],
    ["more of two models", "1x T4 16 GB", [A100, "Tesla T4, 15360, 535.1, GPU-2"], 0, undefined],
    ["processors are for people", "8x CPU cores", [A100], 0, undefined],
  ];
  for (const [name, on, gpus, code, said] of cases) {
    await t.step(name, async () => {
      await smi(...gpus);
      const ended = await reproduce(on);
      assert.equal(ended.code, code, ended.stderr);
      if (said === undefined) assert.doesNotMatch(ended.stderr, /this machine has/);
      else assert.match(ended.stderr, said);
    });
  }
});

Deno.test("what can't be is said with its place in the file", async () => {
  await using project = await Project.make({
    "experiment.yaml": `name: test
steps:
  a: { run: [python], shell: "true" }
  b: { shell: "true", cwd: ../x, timeout: soon, env: { "A B": 1 } }
  c: { notebook: n.ipynb, tty: true, env: { A: "{nothing}" }, secrets: [A] }
`,
  });
  const { code, stderr } = await project.task("reproduce", HOST);
  assert.equal(code, 2);
  for (
    const expected of [
      /steps\.a must have one of run, shell and notebook, it has run and shell/,
      /steps\.b\.cwd must be a path inside the project/,
      /steps\.b\.timeout must be a number and s, m, h or d, e\.g\. 90s, 30m or 4h, current value is "?soon/,
      /steps\.c\.tty goes with run or shell/,
      /\{nothing\} is not a placeholder/,
      /steps\.c\.env\.A must stand in env or in secrets/,
    ]
  ) assert.match(stderr, expected);
});
