/** Commands in messages are those that the user can type. */

import assert from "node:assert/strict";
import { listFiles } from "../../tasks/lib/system/files.ts";
import { experiment, Project, TRAIN } from "../support/project.ts";

Deno.test("messages, help and --json name commands as the program was called", async () => {
  await using project = await Project.make({
    "experiment.yaml": "name: test\nsteps:\n  a: { run: [python] }\n",
  });
  const called = { EXPERIMENT_PROGRAM: "npx experiment" };
  for (
    const [args, env, expected, not] of [
      [["--help"], called, /npx experiment verify/, /deno task/],
      [["--help"], {}, /deno task verify/, /npx/],
      [
        ["--nothing"],
        called,
        /"npx experiment verify" has no option --nothing[^]*npx experiment verify --help/,
        /deno task/,
      ],
      [["--nothing"], { EXPERIMENT_PROGRAM: "x; rm -r" }, /"deno task verify" has no option/, /rm -r/],
    ] as const
  ) {
    const { stdout, stderr } = await project.task("verify", [...args], env);
    assert.match(stdout + stderr, expected);
    assert.doesNotMatch(stdout + stderr, not);
  }
  const { stdout } = await project.task("verify", ["--nothing", "--json"], called);
  assert.match(JSON.parse(stdout).error.remedy, /^npx experiment verify --help/);
});

Deno.test("what is written for others names commands as the program was called", async () => {
  await using project = await Project.make({
    "experiment.yaml": experiment(
      "claims:\n  - { name: a, from: train/metrics.json#/accuracy/-1, value: 99.44 }\n",
    ),
    "train.py": TRAIN,
  });
  const called = { EXPERIMENT_PROGRAM: "npx experiment" };
  const done = await project.task("reproduce", [], called);
  assert.equal(done.code, 0, done.stderr);
  const { code, stderr } = await project.task("report", ["--crate", project.path("run.zip")], called);
  assert.equal(code, 0, stderr);
  const files = (await listFiles(project.path("runs"))).filter(({ path }) =>
    /\.(?:html|json|md|txt)$/.test(path)
  );
  assert.ok(files.length > 5);
  for (const { path } of files) {
    assert.doesNotMatch(await Deno.readTextFile(project.path("runs", path)), /deno task/, path);
  }
  const page = await Deno.readTextFile(project.path("runs/index.html"));
  assert.match(page, /npx experiment verify RUN/);
});
