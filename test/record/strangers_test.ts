/** Runs of strangers that are made to be large, or to state something else: a clear error within bounded time. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { experiment, Project, ROOT, TRAIN } from "../support/project.ts";

/** A task takes so many seconds of a processor at most. The clock would say more of the machine than of the task. */
const MOST_SECONDS = 2;

const CLAIMS = `claims:
  - { name: accuracy, from: train/metrics.json#/accuracy/-1, value: 99.44, unit: "%", of: 360 }
`;

const JUDGE = join(ROOT, "tasks", "inside", "judge.py");

async function run(): Promise<Project> {
  const project = await Project.make({ "experiment.yaml": experiment(CLAIMS), "train.py": TRAIN });
  const { code, stderr } = await project.task("reproduce", ["--engine", "host"]);
  assert.ok(code <= 1, stderr);
  return project;
}

interface Said {
  task: string;
  code: number;
  text: string;
}

/** Every task that reads a run of others, and the judge in Python. */
async function readAll(project: Project, directory: string): Promise<Said[]> {
  const tasks: [string, string[]][] = [
    ["verify", [directory]],
    ["report", [directory]],
    ["compare", [directory, directory]],
    ["receipt", [directory]],
    ["claim", [directory]],
  ];
  const deno = (
    task: string,
  ) => [Deno.execPath(), "task", "--quiet", "--config", join(ROOT, "deno.json"), task];
  const said: Said[] = [];
  for (const [task, args] of tasks) said.push(await bounded(task, [...deno(task), ...args], project.root));
  return [...said, await bounded("judge.py", ["python3", JUDGE, directory], project.root)];
}

/** Runs a command, and sees that all its processes together take no longer than is allowed. */
async function bounded(task: string, argv: string[], cwd: string): Promise<Said> {
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", `TIMEFORMAT='%U %S'; time "$@"`, "bash", ...argv],
    cwd,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", INIT_CWD: cwd, LC_ALL: "C" },
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  const [, user, system] = /([\d.]+) ([\d.]+)\n$/.exec(text)!;
  const seconds = Number(user) + Number(system);
  assert.ok(seconds < MOST_SECONDS, `${task} took ${seconds} s of a processor`);
  return { task, code, text };
}

/** No task ends well, and none shows where it was. */
function refused(said: Said[], tolerated: string[] = []) {
  for (const { task, code, text } of said) {
    assert.doesNotMatch(text, /defect of the task runner|Traceback|\n {4}at /, task);
    if (!tolerated.includes(task)) assert.notEqual(code, 0, `${task}: ${text}`);
  }
}

Deno.test("a plan with a million claims is refused in a moment", async () => {
  await using project = await run();
  const directory = await project.run();
  const path = join(directory, "plan.json");
  const plan = JSON.parse(await Deno.readTextFile(path));
  const [claim] = plan.experiment.claims;
  plan.experiment.claims = [];
  const [before, after] = JSON.stringify(plan).split('"claims":[]');
  const claims = `${JSON.stringify(claim)},`.repeat(1e6).slice(0, -1);
  await Deno.writeTextFile(path, `${before}"claims":[${claims}]${after}`);
  refused(await readAll(project, directory));
});

Deno.test("evidence of a million steps or attempts is refused in a moment", async (t) => {
  await using project = await run();
  const directory = await project.run();
  const cases = {
    steps: Object.fromEntries(Array.from({ length: 1e6 }, (_, at) => [`s${at}`, 1])),
    attempts: Array(1e6).fill({}),
  };
  for (const [what, value] of Object.entries(cases)) {
    await t.step(what, async () => {
      await change(directory, (evidence) => ({ ...evidence, steps: {}, attempts: [], [what]: value }));
      refused(await readAll(project, directory), ["claim"]);
    });
  }
});

Deno.test("of outputs that never were, the first thousands are looked for", async () => {
  await using project = await run();
  const directory = await project.run();
  const outputs = Array.from({ length: 30_000 }, (_, at) => ({ path: `${at}`, bytes: 1, sha256: "0" }));
  await change(
    directory,
    ({ steps, ...rest }) => ({ ...rest, steps: { ...steps, train: { ...steps.train, outputs } } }),
  );
  const { code, stdout } = await project.task("verify", [directory]);
  assert.equal(code, 1);
  assert.match(stdout, /\d+ more files: nobody looked at them/);
});

// deno-lint-ignore no-explicit-any -- what is made of it is no evidence
async function change(directory: string, edit: (evidence: any) => unknown) {
  const path = join(directory, "evidence.json");
  await Deno.chmod(path, 0o644);
  await Deno.writeTextFile(path, JSON.stringify(edit(JSON.parse(await Deno.readTextFile(path)))));
}

Deno.test("a record or an output of 1 GB in one line is refused in a moment", async (t) => {
  for (const file of ["evidence.json", "plan.json", "verdict.json", "train/metrics.json"]) {
    await t.step(file, async () => {
      await using project = await run();
      const directory = await project.run();
      await Deno.chmod(join(directory, file), 0o644);
      using opened = await Deno.open(join(directory, file), { write: true });
      await opened.truncate(1e9); // sparse: nothing is written
      // What is no part of what a task is about may be altered for it.
      refused(await readAll(project, directory), ["compare", "judge.py", "report", "claim"]);
    });
  }
});

Deno.test("a receipt of a future version, and one whose subjects are other files, are not to be trusted", async (t) => {
  const cases: [what: string, change: (receipt: Record<string, unknown>) => unknown, message: RegExp][] = [
    [
      "another predicate",
      (receipt) => ({ ...receipt, predicateType: "https://example.org/run/v99" }),
      /receipt\.json: other bytes than were written/,
    ],
    [
      "another statement",
      (receipt) => ({ ...receipt, _type: "https://in-toto.io/Statement/v2" }),
      /receipt\.json: other bytes than were written/,
    ],
    [
      "another subject",
      (receipt) => ({
        ...receipt,
        subject: (receipt.subject as Record<string, unknown>[]).map((one, index) =>
          index > 0 ? one : { ...one, name: "somebody/elses.bin" }
        ),
      }),
      /receipt\.json: other bytes than were written/,
    ],
  ];
  await using project = await run();
  const path = join(await project.run(), "receipt.json");
  const text = await Deno.readTextFile(path);
  await Deno.chmod(path, 0o644);
  for (const [what, change, message] of cases) {
    await t.step(what, async () => {
      await Deno.writeTextFile(path, JSON.stringify(change(JSON.parse(text))));
      const { code, stdout, stderr } = await project.task("verify", [await project.run()]);
      assert.notEqual(code, 0);
      assert.match(stdout + stderr, message);
      assert.doesNotMatch(stderr, /defect of the task runner/);
    });
  }
});
