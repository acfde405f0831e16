/** Repositories as they should not be: nothing is lost, and what could not be looked at is named. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { git, Project } from "../support/project.ts";

const SCRIPT = "open('result.txt', 'w').write('1')\n";

// deno-lint-ignore no-explicit-any -- what --json prints
type Printed = any;

async function planned(
  project: Project,
  args: string[] = [],
): Promise<{ code: number; result: Printed; text: string }> {
  const { code, stdout, stderr } = await project.task("new", ["--plan", "--json", ...args]);
  const result = JSON.parse(stdout || "{}");
  const text = result.changes?.find(({ path }: { path: string }) => path === "experiment.yaml")?.after ??
    stderr;
  return { code, result, text };
}

Deno.test("new says that a folder is not there, is a file, or is not to be read", async (t) => {
  await using project = await Project.make({ "file.txt": "", "train.py": SCRIPT });
  const cases: [string, string, RegExp, number][] = [
    ["missing", "nowhere", /it is not there/, 2],
    ["a file", "file.txt", /it must be a folder/, 2],
  ];
  for (const [name, folder, message, exitCode] of cases) {
    await t.step(name, async () => {
      const { code, result } = await planned(project, [folder]);
      assert.equal(code, exitCode);
      assert.match(result.error.message, message);
    });
  }
});

Deno.test("new writes nothing into a folder that is read-only, and says so", {
  ignore: Deno.uid() === 0 &&
    (console.log("ignored: a read-only folder, since root may write anywhere"), true),
}, async () => {
  await using project = await Project.make({ "train.py": SCRIPT });
  await Deno.chmod(project.root, 0o555);
  const { code, stderr } = await project.task("new", ["--yes"]);
  await Deno.chmod(project.root, 0o755);
  assert.equal(code, 3);
  assert.match(stderr, /Nothing was changed/);
});

Deno.test("new goes past a notebook of 1 GB, broken environment files and broken notebooks, by name", async () => {
  await using project = await Project.make({
    "train.py": SCRIPT,
    "environment.yml": "dependencies: [",
    "calkit.yaml": "pipeline: {",
    "params.yaml": "a: [",
    "dvc.yaml": "stages: { a: { cmd: python train.py, params: [a] } }",
    "list.ipynb": "[]",
    "cells.ipynb": '{"cells": [null, 1, {"cell_type": "code"}], "metadata": null}',
  });
  const large = await Deno.open(project.path("large.ipynb"), { write: true, create: true });
  await large.truncate(2 ** 30); // takes no room on the disk
  large.close();
  const { code, result, text } = await planned(project);
  assert.equal(code, 0, text);
  const notes = result.notes.join("\n");
  for (
    const pattern of [
      /large\.ipynb was skipped: it is too large/,
      /calkit\.yaml was skipped: it is no YAML/,
      /dvc\.yaml was skipped: it is no YAML/,
      /list\.ipynb was skipped/,
    ]
  ) assert.match(notes, pattern);
  assert.match(text, /requirements: environment\.yml/);
});

Deno.test("new leaves .devcontainer and package.json alone, and says so", async () => {
  const files = { "train.py": SCRIPT, ".devcontainer/devcontainer.json": "{}", "package.json": "{}" };
  await using project = await Project.make(files);
  const { result } = await planned(project);
  const paths = result.changes.map(({ path }: { path: string }) => path);
  assert.deepEqual(paths, ["experiment.yaml", ".gitignore", "deno.json", "CITATION.cff"]);
  assert.match(
    result.notes.join("\n"),
    /\.devcontainer\/devcontainer\.json is there: no \.devcontainer was added/,
  );
  assert.match(result.notes.join("\n"), /package\.json stays as it is/);
});

Deno.test("new makes the research in a folder of a monorepo a project of its own", async () => {
  await using project = await Project.make({
    "other/main.py": SCRIPT,
    "study/train.py": SCRIPT,
    "study/requirements.txt": "iniconfig\r\n-e .\r\nhttps://example.org/wheels/a-1.0-py3-none-any.whl\r\n",
  });
  await git(project, "init", "-q");
  const { code } = await project.task("new", ["study", "--yes"]);
  assert.equal(code, 0);
  assert.equal(await Deno.stat(project.path("experiment.yaml")).catch(() => "none"), "none");
  const text = await Deno.readTextFile(project.path("study/experiment.yaml"));
  assert.match(text, /requirements: requirements\.txt # found in requirements\.txt\n/);
  assert.match(text, /run: \[python, train\.py\]/);
  const plan = await project.task("reproduce", ["--plan", "--engine", "host"], {
    INIT_CWD: project.path("study"),
  });
  assert.equal(plan.code, 0, plan.stderr);
});

Deno.test("new reads sources and READMEs with carriage returns, Latin-1 and tabs", async () => {
  await using project = await Project.make({
    "README.md": "# Straße\r\n\r\n```\r\n$ python train.py --epochs 3\r\n```\r\n",
  });
  const source =
    "# -*- coding: latin-1 -*-\r\nimport argparse # gr\u00fc\u00df\r\np = argparse.ArgumentParser()\r\n" +
    "p.add_argument('--epochs', type=int, default=1)\r\n";
  await Deno.writeFile(project.path("train.py"), Uint8Array.from(source, (letter) => letter.charCodeAt(0)));
  const { text } = await planned(project);
  assert.match(text, /title: Straße # found in README\.md:1/);
  assert.match(text, /epochs: 3 # found in README\.md:4\n/);
});

Deno.test("new takes names and texts of a hostile repository for data", async () => {
  await using project = await Project.make({
    "README.md": "# x\u001b[31m\n```\npython 'a\\nb: {out}.py' # found\n```\n",
    "a\nsteps: {}\n.py": "if __name__ == '__main__': open('a.txt', 'w')\n",
    "train.py": "open('../../etc/passwd', 'w'); open('/tmp/x', 'w'); open('ok.txt', 'w')\n",
  });
  const { code, text } = await planned(project);
  assert.equal(code, 0, text);
  assert.match(text, /outputs: \[ok\.txt\]/);
  await project.task("new", ["--yes"]);
  const plan = await project.task("reproduce", ["--plan", "--engine", "host"]);
  assert.equal(plan.code, 0, plan.stderr);
});

Deno.test("new follows no link out of the repository, and writes through none", async () => {
  await using project = await Project.make({ "study/train.py": SCRIPT, "elsewhere/.gitignore": "mine\n" });
  await Deno.symlink(project.path("elsewhere/.gitignore"), project.path("study/.gitignore"));
  await Deno.symlink(project.path("elsewhere"), project.path("study/.devcontainer"));
  const { code, stderr } = await project.task("new", ["study", "--yes"]);
  assert.equal(await Deno.readTextFile(project.path("elsewhere/.gitignore")), "mine\n", stderr);
  assert.deepEqual(Array.from(Deno.readDirSync(project.path("elsewhere")), ({ name }) => name), [
    ".gitignore",
  ]);
  assert.ok(code === 0 || code === 2, stderr);
});

Deno.test("a second new --yes and an undo of nothing change nothing", async () => {
  await using project = await Project.make({ "train.py": SCRIPT });
  const none = await project.task("new", ["--undo"]);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /There is nothing to undo/);
  await project.task("new", ["--yes"]);
  const before = await Deno.readTextFile(project.path("runs", ".new", "undo.json"));
  const again = await project.task("new", ["--yes", "--from", "train.py"]);
  assert.match(again.stdout, /Nothing to write/);
  assert.match(again.stderr, /experiment\.yaml is there and stays as it is/);
  assert.equal(await Deno.readTextFile(join(project.root, "runs", ".new", "undo.json")), before);
});

Deno.test("new looks at a folder of 20,000 files, and leaves the audit of it to its own command", async () => {
  await using project = await Project.make({ "train.py": SCRIPT });
  // bench/new.py looks at 100,000.
  for (let folder = 0; folder < 20; folder++) {
    const place = project.path("data", String(folder));
    Deno.mkdirSync(place, { recursive: true });
    for (let file = 0; file < 1000; file++) Deno.createSync(join(place, `${file}.jpg`)).close();
  }
  const { code, result, text } = await planned(project);
  assert.equal(code, 0, text);
  assert.match(text, /run: \[python, train\.py\]/);
  assert.match(result.notes.join("\n"), /deno task audit/);
  assert.ok(text.length < 2000, "the data are not listed");
});

Deno.test("new follows no circle of links, and takes a submodule for what it is", async () => {
  await using project = await Project.make({
    "train.py": SCRIPT,
    "third/.git": "gitdir: ../.git/modules/third\n",
    "third/other.py": SCRIPT,
  });
  await Deno.symlink(".", project.path("again"));
  await Deno.symlink("loop", project.path("loop"));
  const { code, result, text } = await planned(project);
  assert.equal(code, 0, text);
  assert.doesNotMatch(text, /other/);
  assert.match(
    result.notes.join("\n"),
    /third\/ was skipped: it is a repository of its own, such as a submodule/,
  );
  assert.match(result.notes.join("\n"), /loop was skipped: it is a link to nothing/);
});
