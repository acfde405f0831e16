import assert from "node:assert/strict";
import { readCode, readCommit, scrubbed } from "../tasks/lib/code.ts";
import { run } from "../tasks/lib/command.ts";
import { Project } from "./project.ts";

async function git(project: Project, ...args: string[]) {
  const who = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
  const { code, stderr } = await run(["git", "-C", project.root, ...who, ...args]);
  assert.equal(code, 0, stderr);
}

Deno.test("readCode() names the commit, what differs from it, and every source file's hash", async () => {
  await using project = await Project.make({ "a.py": "1\n", ".gitignore": "ignored\n", ignored: "" });
  await git(project, "init", "-q");
  await git(project, "add", "-A");
  await git(project, "commit", "-qm", "first");
  const clean = await readCode(project.root);
  assert.match(clean.commit!, /^[0-9a-f]{40}$/);
  assert.deepEqual(clean.dirty, []);
  assert.deepEqual(Object.keys(clean.files), [".gitignore", "a.py"]);
  await project.write("a.py", "2\n");
  await project.write("b.py", "3\n");
  const dirty = await readCode(project.root);
  assert.deepEqual(dirty.dirty, [" M a.py", "?? b.py"]);
  assert.match(dirty.diff!, /-1\n\+2/);
  assert.notEqual(dirty.sha256, clean.sha256);
  assert.match((await readCommit(project.root))!, /-dirty$/);
});

Deno.test("readCode() hashes the same files in a copy without .git", async () => {
  await using project = await Project.make({
    "a.py": "1\n",
    "src/b.py": "2\n",
    "runs/x": "",
    "src/__pycache__/b.pyc": "",
  });
  const { commit, files } = await readCode(project.root);
  assert.equal(commit, undefined);
  assert.deepEqual(Object.keys(files), ["a.py", "src/b.py"]);
});

Deno.test("readCode() keeps to the paths it is given", async () => {
  await using project = await Project.make({ "a.py": "", "src/b.py": "", "src2/c.py": "" });
  assert.deepEqual(Object.keys((await readCode(project.root, ["src"])).files), ["src/b.py"]);
});

Deno.test("scrubbed() removes what looks like a secret and nothing else", async (t) => {
  const cases: [text: string, expected: string][] = [
    ['password = "hunter2"', "password = [removed]"],
    ["API_KEY: abc", "API_KEY: [removed]"],
    [`token ghp_${"a".repeat(36)}`, "token [removed]"],
    ["epochs = 15", "epochs = 15"],
  ];
  for (const [text, expected] of cases) await t.step(text, () => assert.equal(scrubbed(text), expected));
});
