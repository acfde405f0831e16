import assert from "node:assert/strict";
import { join } from "node:path";
import { git, Project } from "../support/project.ts";

const EXPERIMENT = `name: test
steps:
  train: { run: [python, train.py, "{out}"] }
claims:
  - { name: found, from: train/m.json#/found, value: "data.txt experiment.yaml own.txt train.py" }
`;

/** Lists what lies in its folder. */
const TRAIN = `
import json, os, sys
found = " ".join(sorted(name for name in os.listdir() if name != "__pycache__"))
json.dump({"found": found}, open(sys.argv[1] + "/m.json", "w"))
`;

async function makeProject(): Promise<Project> {
  const project = await Project.make({
    ...{ "experiment.yaml": EXPERIMENT, "train.py": TRAIN, "data.txt": "1", "own.txt": "first" },
    ...{ ".gitignore": "cache/\nruns/\n", "cache/stored.json": "{}", "published/metrics.json": "{}" },
  });
  await git(project, "init", "-q");
  await git(project, "add", ".");
  await git(project, "rm", "-q", "--cached", ".gitignore");
  await git(project, "commit", "-qm", "Begin");
  return project;
}

Deno.test("--from-scratch runs in a copy of what git tracks, and in nothing else", async () => {
  await using project = await makeProject();
  await project.write("new.txt", "nobody tracks it");
  await project.write("own.txt", "edited");
  const { code, stdout, stderr } = await project.task("reproduce", ["--from-scratch", "--engine", "host"]);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /From scratch: in a copy of 4 tracked files, without 1 of published\//);
  const { attempts: [{ code: recorded }] } = await project.evidence();
  assert.equal(recorded.commit, (await git(project, "rev-parse", "HEAD")).trim());
  assert.ok(recorded.dirty.includes(" M own.txt"), recorded.dirty.join());
  assert.deepEqual(Object.keys(recorded.files), ["data.txt", "experiment.yaml", "own.txt", "train.py"]);
  const { experiment: { root } } = JSON.parse(
    await Deno.readTextFile(join(await project.run(), "plan.json")),
  );
  await assert.rejects(Deno.stat(root), Deno.errors.NotFound);
  const verified = await project.task("verify");
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
});

Deno.test("--from-scratch takes of published/ what a claim is read from, and nothing else", async () => {
  await using project = await makeProject();
  const claim = "  - { name: number, from: train/m.json#/number, published: published/values.json }\n";
  await project.write("experiment.yaml", EXPERIMENT.split("claims:")[0] + "claims:\n" + claim);
  await project.write(
    "train.py",
    TRAIN.replace('{"found": found}', '{"number": 2, "found": os.listdir("published")}'),
  );
  await project.write("published/values.json", '{"number": 2}');
  await git(project, "add", ".");
  await git(project, "commit", "-qm", "Claim");
  const { code, stdout, stderr } = await project.task("reproduce", ["--from-scratch", "--engine", "host"]);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /without 1 of published\//);
  const made = JSON.parse(await Deno.readTextFile(join(await project.run(), "train/m.json")));
  assert.deepEqual(made.found, ["values.json"]);
});

Deno.test("--from-scratch refuses what would bring in earlier results, and a project without git", async (t) => {
  await using project = await makeProject();
  for (const option of ["--reuse", "--resume", "--keep-outputs"]) {
    await t.step(option, async () => {
      const { code, stderr } = await project.task("reproduce", ["--from-scratch", option]);
      assert.equal(code, 2);
      assert.match(stderr, new RegExp(`so it can't be given with ${option}`));
    });
  }
  await Deno.remove(project.path(".git"), { recursive: true });
  const { code, stderr } = await project.task("reproduce", ["--from-scratch"]);
  assert.equal(code, 2);
  assert.match(stderr, /Cannot run from scratch: git tracks nothing in/);
});
