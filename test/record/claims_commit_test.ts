import assert from "node:assert/strict";
import { join } from "node:path";
import { experiment, git, Project, TRAIN } from "../support/project.ts";

const claim = (tolerance: string) =>
  `claims:\n  - { name: accuracy, from: train/metrics.json#/accuracy/-1, value: 99.44${tolerance} }\n`;

const TOLERANCE = ', tolerance: { absolute: 0.1, because: "spread" }';

/** Runs, and gives what the verdict says of the claims, and what was printed of it. */
async function fixed(project: Project, ...args: string[]) {
  const { stdout, stderr } = await project.task("reproduce", ["--engine", "host", ...args]);
  const { claims } = JSON.parse(await Deno.readTextFile(join(await project.run(), "verdict.json")));
  const said = /^ {2}(Claims .*)$/m.exec(stdout)?.[1];
  assert.ok(said, stdout + stderr);
  return { claims, said };
}

Deno.test("the verdict says whether the claims were committed before the run, and where", async (t) => {
  await using project = await Project.make({
    ...{ "experiment.yaml": experiment(claim("")), "train.py": TRAIN, ".gitignore": "runs/\n" },
  });
  await t.step("without git", async () => {
    assert.match((await fixed(project)).said, /not committed: there is no git here/);
  });
  await git(project, "init", "-q");
  await t.step("not tracked", async () => {
    assert.equal((await fixed(project)).claims.state, "not committed");
  });
  await git(project, "add", ".");
  await git(project, "commit", "-qm", "Claims");
  const commit = (await git(project, "rev-parse", "HEAD")).trim();
  await project.write("train.py", `${TRAIN}# more\n`);
  await git(project, "commit", "-qam", "Not the claims");
  await t.step("committed", async () => {
    const { claims, said } = await fixed(project);
    assert.equal(claims.state, "committed");
    assert.equal(claims.commit, commit);
    assert.equal(
      said,
      `Claims committed before the run: ${commit.slice(0, 12)} of ${claims.date.slice(0, 10)}`,
    );
  });
  await t.step("in a tag", async () => {
    await git(project, "tag", "-a", "-m", "One", "v1");
    assert.match((await fixed(project)).said, /, tag v1 of \d{4}-\d\d-\d\d$/);
  });
  await t.step("from scratch", async () => {
    assert.equal((await fixed(project, "--from-scratch")).claims.commit, commit);
  });
  await t.step("edited", async () => {
    await project.write("experiment.yaml", experiment(claim(TOLERANCE)));
    assert.match((await fixed(project)).said, /not committed, so nobody knows/);
  });
  await t.step("committed, and no tag has them yet", async () => {
    await git(project, "commit", "-qam", "A tolerance");
    const { claims } = await fixed(project);
    assert.equal(claims.tag, undefined);
    assert.notEqual(claims.commit, commit);
  });
});

Deno.test("claims that were changed after the run that they were made from are named", async () => {
  await using project = await Project.make({ "experiment.yaml": experiment(claim("")), "train.py": TRAIN });
  await fixed(project);
  await Deno.mkdir(project.path("published"));
  await Deno.copyFile(join(await project.run(), "plan.json"), project.path("published/plan.json"));
  assert.equal((await fixed(project)).claims.changed, undefined);
  await project.write("experiment.yaml", experiment(claim(TOLERANCE)));
  const { claims, said } = await fixed(project);
  assert.deepEqual(claims.changed, ["accuracy"]);
  assert.match(said, /changed after the run that they were made from: "accuracy"$/);
});
