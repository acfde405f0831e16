/** Programs that are missing are said before the first step. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { exists } from "../../tasks/lib/system/files.ts";
import { Project } from "../support/project.ts";

const FIRST = `first:
    run: [python, -c, "print('it runs')"]`;

async function reproduce(
  steps: string,
  more: Record<string, string> = {},
  variables: Record<string, string> = {},
) {
  await using project = await Project.make({
    "experiment.yaml": `name: test\nsteps:\n  ${FIRST}\n  ${steps}\n`,
    ...more,
  });
  const ended = await project.task("reproduce", ["--engine", "host"], variables);
  return { ...ended, began: await exists(join(project.root, "runs/test/latest")) };
}

Deno.test("a program that a later step needs is looked for before the first step, with the way to get it", async () => {
  const cases: [program: string, remedy: RegExp][] = [
    ["no-such-program", /Install it, add it to the requirements/],
    ["julia", /juliaup|Install it/],
  ];
  for (const [program, remedy] of cases) {
    const { code, stderr, stdout, began } = await reproduce(`second: { run: [${program}, --version] }`);
    assert.equal(code, 3, stderr);
    assert.match(
      stderr,
      new RegExp(`Cannot run "second": ${program} is not in the environment and not on PATH`),
    );
    assert.match(stderr, remedy);
    assert.doesNotMatch(stdout + stderr, /it runs|Traceback/);
    assert.equal(began, false);
  }
});

Deno.test("a program that a step's shell calls is looked for, too", async (t) => {
  const text = "cd . && echo begin\nno-such-program --x | tee log.txt";
  const cases = [
    `second: { shell: ${JSON.stringify(text)} }`,
    `second: { run: [bash, -c, "no-such-program x"] }`,
    `second: { run: [sh, -c, "set -e; no-such-program x; echo end"] }`,
  ];
  for (const step of cases) {
    await t.step(step, async () => {
      const { code, stderr, stdout, began } = await reproduce(step);
      assert.equal(code, 3, stderr);
      assert.match(
        stderr,
        /Cannot run "second": no-such-program, which its shell calls, is not in the environment and not on PATH/,
      );
      assert.doesNotMatch(stdout + stderr, /it runs/);
      assert.equal(began, false);
    });
  }
  await t.step("what may fail is no reason to refuse", async () => {
    const { code, stderr } = await reproduce(`second: { shell: "no-such-program || echo without it" }`);
    assert.equal(code, 0, stderr);
  });
});

Deno.test("an optional step may lack its program, and a path may be made by an earlier step", async () => {
  const { code, stderr } = await reproduce("second: { run: [no-such-program], optional: true }");
  assert.equal(code, 0, stderr);
  const made = await reproduce("second: { run: [./made.sh] }");
  assert.notEqual(made.code, 3, made.stderr);
});

Deno.test("a Python that can't execute notebooks is said before the first step", async () => {
  await using scratch = await Project.make({});
  const bare = scratch.path("bare");
  const { success } = await new Deno.Command("python3", { args: ["-m", "venv", "--without-pip", bare] })
    .output();
  assert.ok(success);
  const notebook = JSON.stringify({ cells: [], metadata: {}, nbformat: 4, nbformat_minor: 5 });
  const { code, stderr, stdout } = await reproduce("second: { notebook: a.ipynb }", { "a.ipynb": notebook }, {
    PYTHON: join(bare, "bin/python"),
  });
  assert.equal(code, 3, stderr);
  assert.match(stderr, /Cannot run "second": a notebook needs nbclient and nbconvert/);
  assert.match(stderr, /environment\.install: \[ipykernel, nbclient, nbconvert\]/);
  assert.doesNotMatch(stdout + stderr, /it runs|Traceback/);
});
