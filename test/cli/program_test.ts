/** Commands in messages are those that the user can type. */

import assert from "node:assert/strict";
import { Project } from "../support/project.ts";

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
