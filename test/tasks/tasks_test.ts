/** The real command line, end to end, on small experiments that need nothing but Python. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { experiment, Project, ROOT, TRAIN } from "../support/project.ts";

const CLAIM = `
claims:
  - name: accuracy
    from: train/metrics.json#/accuracy/-1
    value: 99.44
    unit: "%"
    of: 360
`;

Deno.test("train runs the step and records it", async () => {
  await using project = await Project.make({ "experiment.yaml": experiment(), "train.py": TRAIN });
  const { code, stdout, stderr } = await project.task("train");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /training/);
  const run = await project.run();
  const { status, steps } = await project.evidence();
  assert.equal(status, "done");
  assert.equal(steps.train.exitCode, 0);
  assert.deepEqual(steps.train.outputs.map((output: { path: string }) => output.path), ["metrics.json"]);
  assert.match(steps.train.recorded.environment.python, /^3\./);
  assert.match(await Deno.readTextFile(join(run, "log.txt")), /training/);
  for (const file of ["plan.json", "verdict.json", "train/step.json"]) await Deno.stat(join(run, file));
});

Deno.test("reproduce exits 0 with the table when the claims hold, and points `latest` at the run", async () => {
  await using project = await Project.make({ "experiment.yaml": experiment(CLAIM), "train.py": TRAIN });
  const { code, stdout } = await project.task("reproduce");
  assert.equal(code, 0);
  assert.match(stdout, /claimed +obtained +tolerance +verdict/);
  assert.match(stdout, /accuracy .*99\.44.*identical/);
  assert.match(stdout, /Reproduced: 1 of 1 claims hold/);
  assert.equal(await Deno.realPath(project.path("runs/test/latest")), await project.run());
});

Deno.test("reproduce exits 1 when a claim does not hold", async () => {
  const text = experiment(CLAIM.replace("99.44", "99.17"));
  await using project = await Project.make({ "experiment.yaml": text, "train.py": TRAIN });
  const { code, stdout } = await project.task("reproduce");
  assert.equal(code, 1);
  assert.match(stdout, /accuracy .*different/);
  assert.match(stdout, /\+1 sample/);
});

Deno.test("a claim whose value can't be read is missing, and says what was found", async (t) => {
  const cases: [name: string, train: string, found: RegExp][] = [
    ["no such file", "", /missing[\s\S]*metrics\.json/],
    [
      "not JSON",
      "open(out + '/metrics.json', 'w').write('{')",
      /missing[\s\S]*not JSON|missing[\s\S]*no JSON/,
    ],
    ["NaN", `open(out + "/metrics.json", "w").write('{"accuracy": [NaN]}')`, /missing[\s\S]*NaN/],
    [
      "text",
      `open(out + "/metrics.json", "w").write('{"accuracy": ["high"]}')`,
      /(different|missing)[\s\S]*high/,
    ],
  ];
  for (const [name, train, found] of cases) {
    await t.step(name, async () => {
      const step = `import sys\nout = sys.argv[2]\n${train}\n`;
      await using project = await Project.make({ "experiment.yaml": experiment(CLAIM), "train.py": step });
      const { code, stdout } = await project.task("reproduce");
      assert.equal(code, 1);
      assert.match(stdout, found);
    });
  }
});

Deno.test("arguments arrive unchanged, whatever they hold", async () => {
  const values = [
    "a b",
    `'single' "double"`,
    "$(touch hacked) `id`",
    "line\nbreak",
    "--leading",
    "-1",
    "",
    "{out}",
  ];
  const text = 'name: test\nparameters: { word: "plain" }\nsteps:\n  train:\n' +
    '    run: [python, train.py, --out, "{out}", "{word}", "two words", "$(touch hacked)", "{{}}"]\n';
  await using project = await Project.make({ "experiment.yaml": text, "train.py": TRAIN });
  const word = 'it\'s $HOME\n"quoted" {seed}';
  const { code, stderr } = await project.task("train", [`--word=${word}`, "--", ...values]);
  assert.equal(code, 0, stderr);
  const { arguments: got } = JSON.parse(
    await Deno.readTextFile(join(await project.run(), "train/metrics.json")),
  );
  assert.deepEqual(got.slice(2), [word, "two words", "$(touch hacked)", "{}", ...values]);
  await assert.rejects(Deno.stat(project.path("hacked")));
});

Deno.test("changed parameters: the claims do not apply, and the exit code is 0", async () => {
  const text = experiment(CLAIM, '[python, train.py, --out, "{out}", "{seed}"]') +
    "parameters: { seed: 1 }\n";
  await using project = await Project.make({ "experiment.yaml": text, "train.py": TRAIN });
  const { code, stdout } = await project.task("reproduce", ["--seed", "2"]);
  assert.equal(code, 0);
  assert.match(stdout, /not applicable/);
  const { changed } = await project.evidence();
  assert.deepEqual(changed, ["seed = 2 (declared: 1)"]);
});

Deno.test("a parameter that is declared with a point takes decimals", async () => {
  const text = experiment("", '[python, train.py, --out, "{out}", "{share}"]') +
    "parameters: { share: 1.0 }\n";
  await using project = await Project.make({ "experiment.yaml": text, "train.py": TRAIN });
  const { code, stderr } = await project.task("train", ["--share", "0.25"]);
  assert.equal(code, 0, stderr);
  const { arguments: given } = JSON.parse(
    await Deno.readTextFile(join(await project.run(), "train/metrics.json")),
  );
  assert.equal(given.at(-1), "0.25");
});

Deno.test("a wrong option or value exits 2 with the nearest match and writes nothing", async (t) => {
  const text = experiment() + "parameters: { epochs: 3, fast: true }\n";
  const cases: [args: string[], message: RegExp][] = [
    [["--epoch", "3"], /no option --epoch, did you mean "--epochs"/],
    [["--jsno"], /no option --jsno, did you mean "--json"/],
    [["--epochs"], /--epochs needs a value/],
    [["--epochs", "three"], /--epochs must be a number such as 3, current value is "three"/],
    [["--epochs", "1.5"], /--epochs must be a whole number/],
    [["--fast", "yes"], /--fast must be true or false/],
    [["--engine", "hots"], /--engine must be "auto" or "host".*did you mean "host"/],
    [["--plan=yes"], /--plan takes no value/],
    [["nowhere"], /nowhere/],
  ];
  await using project = await Project.make({ "experiment.yaml": text, "train.py": TRAIN });
  for (const [args, message] of cases) {
    await t.step(args.join(" "), async () => {
      const { code, stderr, stdout } = await project.task("train", args);
      assert.equal(code, 2, stdout + stderr);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /\.ts:\d+/);
    });
  }
  await assert.rejects(Deno.stat(project.path("runs")));
});

Deno.test("--json prints one object on standard output, also for an error", async () => {
  await using project = await Project.make({ "experiment.yaml": experiment(CLAIM), "train.py": TRAIN });
  const good = await project.task("reproduce", ["--json"]);
  const result = JSON.parse(good.stdout);
  assert.equal(result.holds, true);
  assert.equal(result.checks[0].verdict, "identical");
  assert.match(good.stderr, /training/);
  const bad = await project.task("reproduce", ["--json", "nowhere"]);
  assert.equal(bad.code, 2);
  assert.equal(JSON.parse(bad.stdout).error.exitCode, 2);
});

Deno.test("--plan writes nothing, and its command line can be pasted", async () => {
  const text = experiment("", `[python, train.py, --out, "{out}", "it's $(here)"]`);
  await using project = await Project.make({ "experiment.yaml": text, "train.py": TRAIN });
  const { code, stdout } = await project.task("train", ["--plan"]);
  assert.equal(code, 0);
  await assert.rejects(Deno.stat(project.path("runs")));
  const pasted = stdout.slice(stdout.indexOf("mkdir -p"));
  const shell = await new Deno.Command("sh", { args: ["-c", pasted] }).output();
  assert.equal(shell.code, 0, new TextDecoder().decode(shell.stderr));
  const written = pasted.match(/--record (\S+)step\.json/)![1]!;
  const { arguments: got } = JSON.parse(await Deno.readTextFile(`${written}metrics.json`));
  assert.equal(got.at(-1), "it's $(here)");
});

Deno.test("a failing step exits 1, names the step, its code and the log, and verify says so", async () => {
  const train = 'print("before")\ndef deep():\n    raise ValueError("no such luck")\ndeep()\n';
  await using project = await Project.make({ "experiment.yaml": experiment(CLAIM), "train.py": train });
  const { code, stdout, stderr } = await project.task("reproduce");
  assert.equal(code, 1);
  assert.match(stdout, /step "train" failed: exit code 1, log: .*log\.txt/);
  assert.match(stdout, /accuracy .*missing/);
  const log = await Deno.readTextFile(join(await project.run(), "log.txt"));
  assert.match(log, /before[\s\S]*Traceback[\s\S]*no such luck/);
  assert.doesNotMatch(log + stderr, /run_step\.py|runpy/);
  assert.equal((await project.evidence()).status, "failed");
  const verify = await project.task("verify");
  assert.equal(verify.code, 1);
  assert.match(verify.stdout, /No verdict for a run that failed/);
});

Deno.test("a promised file that is not there, or is a link out of the run folder, fails the step", async (t) => {
  const cases: [name: string, train: string, problem: RegExp][] = [
    ["missing", "", /did not produce train\/metrics\.json/],
    [
      "link",
      `import os, sys\nos.symlink("/etc/hostname", sys.argv[2] + "/metrics.json")`,
      /link that leaves/,
    ],
  ];
  for (const [name, train, problem] of cases) {
    await t.step(name, async () => {
      const text = experiment("    produces: [metrics.json]\n");
      await using project = await Project.make({ "experiment.yaml": text, "train.py": train });
      const { code, stdout } = await project.task("train");
      assert.equal(code, 1);
      assert.match(stdout, problem);
    });
  }
});

const CHAIN = `name: test
parameters: { seed: 1 }
steps:
  train:
    run: [python, train.py, --out, "{out}", "{seed}"]
    inputs: [train.py]
  infer:
    run: [python, infer.py, "{steps.train}/metrics.json", "{out}"]
    needs: [train]
    inputs: [infer.py]
`;

const INFER = `
import shutil, sys
shutil.copy(sys.argv[1], sys.argv[2] + "/copied.json")
`;

Deno.test("infer uses the newest successful train with the same parameters, and says which", async () => {
  await using project = await Project.make({
    "experiment.yaml": CHAIN,
    "train.py": TRAIN,
    "infer.py": INFER,
  });
  const without = await project.task("infer");
  assert.equal(without.code, 2);
  assert.match(without.stderr, /"infer" needs the step "train"[\s\S]*deno task step train/);
  assert.equal((await project.task("train")).code, 0);
  const trained = (await project.evidence()).run;
  assert.equal((await project.task("train", ["--seed", "2"])).code, 0);
  const { code, stdout } = await project.task("infer");
  assert.equal(code, 0);
  assert.ok(stdout.includes(`"infer" uses "train" of ${trained}`));
  const { steps } = await project.evidence();
  assert.equal(steps.infer.needs.train.run, trained);
  assert.match(steps.infer.needs.train.sha256, /^[0-9a-f]{64}$/);
});

Deno.test("--reuse copies a step whose inputs are unchanged and runs the others", async () => {
  await using project = await Project.make({
    "experiment.yaml": CHAIN,
    "train.py": TRAIN,
    "infer.py": INFER,
  });
  assert.equal((await project.task("reproduce")).code, 0);
  const first = (await project.evidence()).run;
  await project.write("infer.py", `${INFER}print("changed")\n`);
  assert.equal((await project.task("reproduce", ["--reuse"])).code, 0);
  const { steps } = await project.evidence();
  assert.equal(steps.train.status, "reused");
  assert.equal(steps.train.reusedFrom, first);
  assert.equal(steps.infer.status, "done");
  assert.equal((await project.task("verify")).code, 0);
  await project.write("train.py", `${TRAIN}print("changed")\n`);
  assert.equal((await project.task("reproduce", ["--reuse"])).code, 0);
  const again = (await project.evidence()).steps;
  assert.deepEqual([again.train.status, again.infer.status], ["done", "done"]);
});

Deno.test("verify exits 1 when a recorded file was altered", async () => {
  await using project = await Project.make({ "experiment.yaml": experiment(CLAIM), "train.py": TRAIN });
  assert.equal((await project.task("reproduce")).code, 0);
  assert.equal((await project.task("verify")).code, 0);
  const file = join(await project.run(), "train/metrics.json");
  await Deno.writeTextFile(file, (await Deno.readTextFile(file)) + " ");
  const { code, stdout } = await project.task("verify");
  assert.equal(code, 1);
  assert.match(stdout, /1 recorded files? (was|were) altered/);
});

Deno.test("verify --current judges by the claims made now", async () => {
  await using project = await Project.make({ "experiment.yaml": experiment(CLAIM), "train.py": TRAIN });
  assert.equal((await project.task("reproduce")).code, 0);
  await project.write("experiment.yaml", experiment(CLAIM.replace("99.44", "99.17")));
  assert.equal((await project.task("verify")).code, 0);
  assert.equal((await project.task("verify", ["--current"])).code, 1);
});

Deno.test("report shows the run in words", async () => {
  await using project = await Project.make({ "experiment.yaml": experiment(CLAIM), "train.py": TRAIN });
  assert.equal((await project.task("reproduce")).code, 0);
  const { code, stdout } = await project.task("report");
  assert.equal(code, 0);
  for (const word of ["identical", "step train", "machine", "Reproduced: 1 of 1"]) {
    assert.ok(stdout.includes(word), word);
  }
});

Deno.test("it works without git, without .git, and with LD_LIBRARY_PATH set", async () => {
  await using project = await Project.make({ "experiment.yaml": experiment(CLAIM), "train.py": TRAIN });
  const tools = project.path("tools");
  await Deno.mkdir(tools);
  for (const tool of ["python3", "sh", "grep", "env"]) {
    const found = await new Deno.Command("sh", { args: ["-c", 'readlink -f "$(command -v "$0")"', tool] })
      .output();
    await Deno.symlink(new TextDecoder().decode(found.stdout).trim(), join(tools, tool));
  }
  const python = await new Deno.Command("python3", { args: ["-c", "import sys; print(sys.executable)"] })
    .output();
  const env = {
    PATH: tools,
    LD_LIBRARY_PATH: "/nowhere",
    PYTHON: new TextDecoder().decode(python.stdout).trim(),
  };
  const { code, stderr } = await project.task("reproduce", [], env);
  assert.equal(code, 0, stderr);
  const { code: recorded, variables } = (await project.evidence()).attempts[0];
  assert.equal(recorded.commit, undefined);
  assert.ok(recorded.files["train.py"]);
  assert.equal(variables.LD_LIBRARY_PATH, "/nowhere");
});

Deno.test("a step that prints 100 MB is capped in the log and whole in a file of its own", async () => {
  const train = 'import sys\nfor i in range(1000):\n    sys.stdout.write("x" * 99_999 + "\\n")\n';
  await using project = await Project.make({ "experiment.yaml": experiment(), "train.py": train });
  const { code } = await project.task("train", ["--json"]);
  assert.equal(code, 0);
  const run = await project.run();
  assert.equal((await Deno.stat(join(run, "log-train.txt"))).size, 100_000_000);
  assert.ok((await Deno.stat(join(run, "log.txt"))).size < 9_000_000);
  const log = await Deno.readTextFile(join(run, "log.txt"));
  assert.ok(log.includes("printed more than this log holds: all of it is in log-train.txt"));
});

Deno.test("two runs at once are both fine", async () => {
  await using project = await Project.make({ "experiment.yaml": experiment(CLAIM), "train.py": TRAIN });
  const both = await Promise.all([project.task("reproduce"), project.task("reproduce")]);
  assert.deepEqual(both.map(({ code }) => code), [0, 0]);
});

Deno.test("every task has help that begins with an example", async (t) => {
  const { tasks } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  await using project = await Project.make({});
  for (const name of Object.keys(tasks)) {
    await t.step(name, async () => {
      assert.ok(tasks[name].description, "has a description");
      assert.doesNotMatch(tasks[name].command, /(-A|--allow-all)\b/);
      const { code, stdout } = await project.task(name, ["--help"]);
      assert.equal(code, 0);
      assert.ok(stdout.startsWith(`deno task ${name === "run" ? "jupyter" : name}`), stdout);
    });
  }
});
