import assert from "node:assert/strict";
import { join } from "node:path";
import { hashCode, readCode, scrubbed } from "../../tasks/lib/record/code.ts";
import { run } from "../../tasks/lib/system/command.ts";
import { Project } from "../support/project.ts";

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
  const clean = await readCode(project.root, project.path("runs"));
  assert.match(clean.commit!, /^[0-9a-f]{40}$/);
  assert.deepEqual(clean.dirty, []);
  assert.deepEqual(Object.keys(clean.files), [".gitignore", "a.py"]);
  await project.write("a.py", "2\n");
  await project.write("b.py", "3\n");
  const dirty = await readCode(project.root, project.path("runs"));
  assert.deepEqual(dirty.dirty, [" M a.py", "?? b.py"]);
  assert.match(dirty.diff!, /-1\n\+2/);
  assert.notEqual(dirty.sha256, clean.sha256);
});

Deno.test("readCode() hashes the same files in a copy without .git", async () => {
  await using project = await Project.make({
    "a.py": "1\n",
    "src/b.py": "2\n",
    "runs/x": "",
    "src/__pycache__/b.pyc": "",
  });
  const { commit, files } = await readCode(project.root, project.path("runs"));
  assert.equal(commit, undefined);
  assert.deepEqual(Object.keys(files), ["a.py", "src/b.py"]);
});

Deno.test("hashCode() keeps to the inputs it is given, also those that git ignores, and names one that is not there", async () => {
  await using project = await Project.make({
    ".gitignore": "data\n",
    "a.py": "",
    "data/b.csv": "1",
    "data2/c.py": "",
  });
  await git(project, "init", "-q");
  const hash = (only: string[]) => hashCode(project.root, project.path("runs"), only);
  assert.deepEqual(Object.keys((await hash(["data"])).files), ["data/b.csv"]);
  const before = (await hash(["a.py", "data"])).sha256;
  await project.write("data/b.csv", "2");
  assert.notEqual((await hash(["a.py", "data"])).sha256, before);
  await assert.rejects(hash(["scr"]), /Cannot read the input scr/);
});

Deno.test("readCode() takes run folders inside the project for results, not code", async () => {
  await using project = await Project.make({ "a.py": "", "results/test/x/evidence.json": "{}" });
  assert.deepEqual(Object.keys((await readCode(project.root, project.path("results"))).files), ["a.py"]);
});

Deno.test("hashCode() sees every file of a large repository", async () => {
  await using project = await Project.make({});
  const name = "n".repeat(200);
  await Deno.mkdir(project.path("many"));
  for (let i = 0; i < 6000; i++) await Deno.writeTextFile(project.path("many", `${name}${i}`), "");
  await git(project, "init", "-q");
  assert.equal(Object.keys((await hashCode(project.root, project.path("runs"))).files).length, 6000);
});

Deno.test("scrubbed() removes what looks like a secret and nothing else", async (t) => {
  const cases: [text: string, expected: string][] = [
    ['password = "hunter2"', "password = [removed]"],
    ["API_KEY: abc", "API_KEY: [removed]"],
    [`+PASSWORD='two words'`, "+PASSWORD=[removed]"],
    ["Authorization: Bearer abc.def", "Authorization: Bearer [removed]"],
    ["https://me:pw@example.org/x", "https://me:[removed]@example.org/x"],
    [`token ghp_${"a".repeat(36)}`, "token [removed]"],
    ["tokenizer = AutoTokenizer.load(x)", "tokenizer = AutoTokenizer.load(x)"],
    ["self.token_embedding = Embedding(5, 20)", "self.token_embedding = Embedding(5, 20)"],
    ["epochs = 15", "epochs = 15"],
  ];
  for (const [text, expected] of cases) await t.step(text, () => assert.equal(scrubbed(text), expected));
});

const ENVIRONMENT_FILES = {
  ".venv/pyvenv.cfg": "",
  ".venv/lib/x.py": "",
  ".venv.state": "",
  "env/pyvenv.cfg": "",
  "env/lib/y.py": "",
  "tools/conda/conda-meta/history": "",
  "tools/conda/lib/z.py": "",
  "pkg.egg-info/PKG-INFO": "",
  "a/__pycache__/a.pyc": "",
  "nb/.ipynb_checkpoints/x-checkpoint.ipynb": "",
};

Deno.test("readCode() takes nothing that tools make for code, with git and without", async (t) => {
  const files = { ".gitignore": "/data\n", "a/a.py": "1\n", "environment.py": "", "conda-meta.txt": "" };
  const expected = [".gitignore", "a/a.py", "conda-meta.txt", "environment.py"];
  await using project = await Project.make({ ...files, ...ENVIRONMENT_FILES });
  const paths = async () => Object.keys((await readCode(project.root, project.path("runs"))).files);
  await t.step("without git", async () => assert.deepEqual(await paths(), expected));
  await git(project, "init", "-q");
  await t.step("with git, untracked", async () => {
    const { dirty, files } = await readCode(project.root, project.path("runs"));
    assert.deepEqual(Object.keys(files), expected);
    assert.deepEqual(dirty, [
      "?? .gitignore",
      "?? a/",
      "?? conda-meta.txt",
      "?? environment.py",
      "?? nb/",
      "?? tools/",
    ]);
  });
  await git(project, "add", "-A");
  await git(project, "commit", "-qm", "all of it");
  await t.step("with git, committed by accident", async () => assert.deepEqual(await paths(), expected));
});

Deno.test("readCode() names the commit of the repository above a folder that it tracks", async (t) => {
  await using project = await Project.make({
    "paper/train.py": "1\n",
    "other/x.py": "1\n",
    "copy/train.py": "",
  });
  await git(project, "init", "-q");
  await git(project, "add", "paper", "other");
  await git(project, "commit", "-qm", "first");
  const read = (folder: string) => readCode(project.path(folder), project.path(`${folder}/runs`));
  await t.step("a folder of it", async () => {
    const { commit, files } = await read("paper");
    assert.match(commit!, /^[0-9a-f]{40}$/);
    assert.deepEqual(Object.keys(files), ["train.py"]);
  });
  await t.step("a copy that was unpacked there", async () => {
    const { commit, files } = await read("copy");
    assert.equal(commit, undefined);
    assert.deepEqual(Object.keys(files), ["train.py"]);
  });
});

Deno.test("hashCode() sees a change that keeps a file's size and time", async () => {
  const root = await Deno.makeTempDir();
  try {
    const file = join(root, "a.py");
    await Deno.writeTextFile(file, "x = 1");
    await new Promise((resolve) => setTimeout(resolve, 3_100)); // from then on the hash is kept
    const hash = async () => (await hashCode(root, join(root, "runs"))).sha256;
    const before = await hash();
    assert.equal(await hash(), before);
    const { mtime } = await Deno.stat(file);
    await Deno.writeTextFile(file, "x = 2");
    await Deno.utime(file, mtime!, mtime!);
    assert.notEqual(await hash(), before);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
