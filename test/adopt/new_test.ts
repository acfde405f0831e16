/** `deno task new`: what it proposes, what it writes, and that it takes all of it back. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { applyChanges, undoChanges } from "../../tasks/lib/adopt/changes.ts";
import { workflowText } from "../../tasks/lib/adopt/companions/workflow.ts";
import { printedValues } from "../../tasks/lib/adopt/printed_values.ts";
import { copyTree } from "../../tasks/lib/system/files.ts";
import { ended, git, Project, ROOT } from "../support/project.ts";

/** All files of a folder with their texts. */
async function snapshot(project: Project, folder = ""): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { name, isDirectory } of Deno.readDir(project.path(folder))) {
    const path = join(folder, name);
    if (name === ".git" || name === "runs") continue;
    if (isDirectory) Object.assign(found, await snapshot(project, path));
    else found[path] = await Deno.readTextFile(project.path(path));
  }
  return found;
}

async function proposed(files: Record<string, string>, args: string[] = []) {
  await using project = await Project.make(files);
  const before = await snapshot(project);
  const { code, stdout, stderr } = await project.task("new", ["--plan", "--json", ...args]);
  assert.deepEqual(await snapshot(project), before);
  const result = JSON.parse(stdout);
  const change = result.changes?.find(({ path }: { path: string }) => path === "experiment.yaml");
  return { code, result, text: change?.after as string, stderr };
}

Deno.test("new makes a project of an empty folder, which reproduces, and which it takes back", async () => {
  await using project = await Project.make({});
  const made = await project.task("new", ["--yes"]);
  assert.equal(made.code, 0, made.stderr);
  const after = await snapshot(project);
  assert.deepEqual(Object.keys(after).sort(), [
    ".devcontainer/devcontainer.json",
    ".devcontainer/gpu/devcontainer.json",
    ".gitignore",
    "CITATION.cff",
    "README.md",
    "deno.json",
    "experiment.yaml",
    "train.py",
  ]);
  for (const file of [".devcontainer/devcontainer.json", ".devcontainer/gpu/devcontainer.json"]) {
    const { image, runArgs } = JSON.parse(after[file]!.replace(/^\/\/.*\n/, ""));
    assert.ok(image.length > 0);
    assert.equal(runArgs.includes("--gpus=all"), file.includes("gpu/"));
  }
  assert.equal(parse(after["CITATION.cff"]!)["cff-version"], "1.2.0");
  const again = await project.task("new", ["--yes"]);
  assert.match(again.stdout, /Nothing to write/);
  assert.deepEqual(await snapshot(project), after);
  const { code, stdout, stderr } = await project.task("reproduce", ["--engine", "host", "--json"]);
  assert.equal(code, 0, stdout + stderr);
  assert.deepEqual(JSON.parse(stdout).checks.map(({ verdict }: { verdict: string }) => verdict), [
    "identical",
    "identical",
  ]);
  await Deno.writeTextFile(project.path("train.py"), "# mine now\n");
  const undone = await project.task("new", ["--undo"]);
  assert.match(undone.stdout, /Edited since, and left as it is: train\.py/);
  assert.deepEqual(await snapshot(project), { "train.py": "# mine now\n" });
});

const REPOSITORIES = join(ROOT, "test", "fixtures", "repositories");

/** What is to be proposed for the fixtures, and each is to be planned. */
const WANTED: Record<string, RegExp[]> = {
  dvc: [
    /run: \[python, src\/prepare\.py, data\/points\.csv\]\n {4}outputs: \[prepared\]/,
    /evaluate: # found in dvc\.yaml:12\n.*\n {4}needs: \[prepare, train\]\n/,
    /split: params\.yaml#prepare\.split # found in dvc\.yaml:2/,
  ],
  readme_install: [/install: \[iniconfig==2\.3\.0\] # found in README\.md:4/, /"--out_dir=\{out\}"\]/],
  setup_notebook: [/install: \[-e, "\.", /, /notebook: demo\.ipynb/, /value: 0\.005486968449931462/],
  several_files: [/requirements: requirements\.txt/, /passed over: requirements: environment\.yml/],
  logs: [/run: \[python, train\.py, "\{out\}"\]/],
};

for (const [name, patterns] of Object.entries(WANTED)) {
  Deno.test(`new proposes for the repository ${name} what can be planned`, async () => {
    await using project = await Project.make({});
    for await (const entry of Deno.readDir(join(REPOSITORIES, name))) {
      if (/^expe/.test(entry.name)) continue;
      await copyTree(join(REPOSITORIES, name, entry.name), project.path(entry.name));
    }
    const before = await snapshot(project);
    const { code, stderr } = await project.task("new", ["--yes"]);
    assert.equal(code, 0, stderr);
    const text = await Deno.readTextFile(project.path("experiment.yaml"));
    for (const pattern of patterns) assert.match(text, pattern);
    const planned = await project.task("reproduce", ["--plan", "--engine", "host"]);
    assert.equal(planned.code, 0, planned.stderr);
    await project.task("new", ["--undo"]);
    assert.deepEqual(await snapshot(project), before);
  });
}

Deno.test("new claims what notebooks printed: lines of the same words are one curve", async () => {
  const cell = (source: string, text: string) => ({
    cell_type: "code",
    execution_count: 1,
    metadata: {},
    source,
    outputs: [{ output_type: "stream", name: "stdout", text }],
  });
  const notebook = {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { language_info: { name: "python", version: "3.10.4" } },
    cells: [
      cell(
        "train()",
        "Epoch 1/2, loss: 2.16, accuracy: 22.04 %, 3.1 s\nEpoch 2/2, loss: 1.55, accuracy: 57.73 %, 2.9 s\n",
      ),
      cell("test()", "Test accuracy: 358/360 (99.44%)\nelapsed: 12.5 s\n"),
      {
        ...cell("score(model)", ""),
        outputs: [{
          output_type: "execute_result",
          execution_count: 3,
          metadata: {},
          data: { "text/plain": "0.9861" },
        }],
      },
    ],
  };
  const { result, text } = await proposed({ "demo.ipynb": JSON.stringify(notebook) });
  const claims = result.proposal.claims.map(({ value }: { value: Record<string, unknown> }) => value);
  assert.deepEqual(
    claims.map(({ name, value, unit, of }: Record<string, unknown>) => ({ name, value, unit, of })),
    [
      { name: "loss", value: ["2.16", "1.55"], unit: undefined, of: undefined },
      { name: "accuracy", value: ["22.04", "57.73"], unit: "%", of: undefined },
      { name: "Test accuracy", value: "99.44", unit: "%", of: 360 },
      { name: "score(model)", value: "0.9861", unit: undefined, of: undefined },
    ],
  );
  assert.match(text, /passed over: python: "3\.10" \(demo\.ipynb, language_info\)/);
});

Deno.test("printedValues() finds the size of a split, and leaves out models, clocks and machines", () => {
  const text = `(bn1): BatchNorm2d(64, eps=1e-05, momentum=0.1)
Using device: cuda 0.5
Sizes of train/val datasets: 2160 / 540
Epoch [1/2], Training Accuracy: 22.08 %, Validation Accuracy: 48.89 %, 12.5 s
Epoch [2/2], Training Accuracy: 57.73 %, Validation Accuracy: 68.15 %, 12.4 s
 50%|█████     | 1/2 [00:03<00:03, 3.10s/it]
2026-01-02 12:00:00 loss: 0.5`;
  const found = printedValues(text.split("\n").map((line) => ({ text: line, found: "a" })));
  assert.deepEqual(found.map(({ label, values, of }) => [label, values.join(" "), of]), [
    ["Sizes of train/val datasets", "2160", undefined],
    ["Training Accuracy", "22.08 57.73", 2160],
    ["Validation Accuracy", "48.89 68.15", 540],
  ]);
});

Deno.test("new leaves the repository as it was where something is in the way", async () => {
  await using project = await Project.make({ "train.py": "open('a.txt', 'w')\n" });
  await Deno.mkdir(project.path("CITATION.cff"));
  const before = await snapshot(project);
  const { code, stderr } = await project.task("new", ["--yes"]);
  assert.equal(code, 2);
  assert.match(stderr, /Nothing was changed: CITATION\.cff is in the way/);
  assert.deepEqual(await snapshot(project), before);
});

Deno.test("applyChanges() takes back what it has written when a later file can't be", async () => {
  await using project = await Project.make({ "README.md": "# Mine\n" });
  const changes = [
    { path: "README.md", before: "# Mine\n", after: "# Theirs\n" },
    { path: "new/first.txt", after: "1" },
    { path: "folder", after: "a file where the next wants a folder" },
    { path: "folder/second.txt", after: "2" },
  ];
  await assert.rejects(applyChanges(project.root, changes), /Nothing was changed: Cannot write .*folder/);
  assert.deepEqual(await snapshot(project), { "README.md": "# Mine\n" });
  assert.deepEqual(Array.from(Deno.readDirSync(project.root), ({ name }) => name), ["README.md"]);
});

Deno.test("undoChanges() takes back what a killed process has left: the journal and some of the files", async () => {
  await using project = await Project.make({ "README.md": "# Mine\n" });
  await applyChanges(project.root, [
    { path: "new/first.txt", after: "1" },
    { path: "README.md", before: "# Mine\n", after: "# Theirs\n" },
    { path: "last.txt", after: "2" },
  ]);
  await Deno.writeTextFile(project.path("README.md"), "# Mine\n");
  await Deno.remove(project.path("last.txt"));
  assert.deepEqual(await undoChanges(project.root), { undone: ["new/first.txt"], edited: [] });
  assert.deepEqual(Array.from(Deno.readDirSync(project.root), ({ name }) => name), ["README.md"]);
});

Deno.test("new adds to deno.json and .gitignore, keeps comments and line ends, and undoes both", async () => {
  const files = {
    "train.py": "open('result.txt', 'w').write('1')\n",
    ".gitignore": "*.pyc\r\nruns/",
    "deno.jsonc": '{\n  // mine\n  "tasks": {\n    "reproduce": "echo mine", // stays\n  },\n}\n',
  };
  await using project = await Project.make(files);
  assert.equal((await project.task("new", ["--yes"])).code, 0);
  const { ".gitignore": ignored, "deno.jsonc": config, ...rest } = await snapshot(project);
  assert.equal(ignored, "*.pyc\r\nruns/\r\n/.venv*/\r\n");
  assert.match(config!, /\/\/ mine\n {2}"tasks": \{\n {4}"verify": \{/);
  assert.match(config!, /"reproduce": "echo mine", \/\/ stays/);
  assert.equal(rest["deno.json"], undefined);
  await project.task("new", ["--undo"]);
  assert.deepEqual(await snapshot(project), files);
});

Deno.test("new writes nothing without a confirmation, and says how to give it", async () => {
  await using project = await Project.make({ "train.py": "open('a.txt', 'w')\n" });
  const { code, stderr, stdout } = await project.task("new");
  assert.equal(code, 2);
  assert.match(stdout, /experiment\.yaml, new:/);
  assert.match(stderr, /--yes/);
  assert.deepEqual(Object.keys(await snapshot(project)), ["train.py"]);
});

Deno.test("new names what it skips: broken notebooks and files, Python 2, links that leave, repositories within", async () => {
  await using project = await Project.make({
    "train.py": "open('out.txt', 'w')\n",
    "old.py": "print 'Python 2'\n",
    "broken.ipynb": "{",
    "dvc.yaml": "stages: [",
    "module/.git": "gitdir: elsewhere",
    "module/other.py": "",
  });
  await Deno.symlink("/etc/hostname", project.path("leaves.txt"));
  await Deno.writeFile(project.path("latin.py"), new Uint8Array([0x23, 0xe9, 0x0a]));
  const { code, stdout } = await project.task("new", ["--plan", "--json"]);
  assert.equal(code, 0, stdout);
  const notes = JSON.parse(stdout).notes.join("\n");
  for (
    const pattern of [
      /old\.py was skipped: it is Python 2 \(line 1\)/,
      /broken\.ipynb was skipped/,
      /dvc\.yaml was skipped: it is no YAML/,
      /module\/ was skipped: it is a repository of its own/,
      /leaves\.txt was skipped: it is a link that leaves the repository/,
    ]
  ) assert.match(notes, pattern);
  assert.doesNotMatch(notes, /latin\.py/);
});

Deno.test("new changes nothing in a repository with edits of its own beside what it adds", async () => {
  await using project = await Project.make({ "train.py": "open('out.txt', 'w')\n" });
  await git(project, "init", "-q");
  await git(project, "add", "-A");
  await git(project, "commit", "-qm", "first");
  await project.write("train.py", "open('out.txt', 'w') # edited\n");
  await project.task("new", ["--yes"]);
  const status = await git(project, "status", "--porcelain");
  assert.match(status, /^ M train\.py$/m);
  assert.doesNotMatch(status, /runs/);
  assert.equal(await Deno.readTextFile(project.path("train.py")), "open('out.txt', 'w') # edited\n");
});

Deno.test("new --record runs a command once, and makes a step of what was seen, which reproduces", async () => {
  await using project = await Project.make({
    "data/points.csv": "1\n2\n",
    "helper.py": "FACTOR = 2\n",
    "train.py": [
      "import json, os, helper",
      "numbers = [int(line) * helper.FACTOR for line in open('data/points.csv')]",
      "os.makedirs('results', exist_ok=True)",
      "json.dump({'total': sum(numbers)}, open('results/metrics.json', 'w'))",
      "print('mean error: 0.50')",
      "print('took 1.5 s')",
    ].join("\n"),
  });
  const { code, stderr } = await project.task("new", ["--record", "--yes", "--", "python3", "train.py"]);
  assert.equal(code, 0, stderr);
  const text = await Deno.readTextFile(project.path("experiment.yaml"));
  assert.match(
    text,
    /run: \[python, train\.py\]\n {4}outputs: \[results\]\n {4}inputs: \[data\/points\.csv, helper\.py, train\.py\]/,
  );
  assert.match(text, /from: 'train~\/\^mean error: \(/);
  assert.doesNotMatch(text, /install:/);
  assert.match(text, /from: train\/results\/metrics\.json#\/total\n {4}value: 6/);
  assert.doesNotMatch(text, /took/);
  const { stdout, stderr: said } = await project.task("reproduce", ["--engine", "host", "--json"]);
  const verdicts = JSON.parse(stdout).checks.map(({ verdict }: { verdict: string }) => verdict);
  assert.deepEqual(verdicts, ["identical", "identical"], said);
  await project.write("evaluate.py", "print('accuracy: 94.10')\n");
  await project.task("new", ["--record", "--yes", "--", "python3", "evaluate.py"]);
  const further = await Deno.readTextFile(project.path("experiment.yaml"));
  assert.ok(further.startsWith(text.slice(0, text.indexOf("claims:") - 1)), further);
  assert.match(further, /evaluate:\n {4}run: \["?python"?, "?evaluate\.py"?\]/);
  assert.match(further, /value: 94\.10\n/);
});

Deno.test("new --record makes nothing of a command that fails", async () => {
  await using project = await Project.make({ "train.py": "raise SystemExit(3)\n" });
  const { code, stderr } = await project.task("new", ["--record", "--yes", "--", "python3", "train.py"]);
  assert.equal(code, 1);
  assert.match(stderr, /ended with exit code 3/);
  assert.deepEqual(Object.keys(await snapshot(project)), ["train.py"]);
});

Deno.test("reproduce without an experiment.yaml shows what new would write, and writes nothing unasked", async () => {
  await using project = await Project.make({ "train.py": "open('a.txt', 'w').write('1')\n" });
  const { code, stdout, stderr } = await project.task("reproduce");
  assert.equal(code, 2);
  assert.match(stdout, /experiment\.yaml, new:[\s\S]*run: \[python, train\.py\]/);
  assert.match(stderr, /Cannot find experiment\.yaml[\s\S]*deno task new --yes/);
  assert.deepEqual(Object.keys(await snapshot(project)), ["train.py"]);
});

Deno.test("new --ci adds a workflow and, for a repository on GitHub, a badge below the heading, and undoes both", async () => {
  const files = { "train.py": "open('a.txt', 'w')\n", "README.md": "# Paper\r\n\r\nText.\r\n" };
  await using project = await Project.make(files);
  await git(project, "init", "-q");
  await git(project, "remote", "add", "origin", "git@github.com:ada/paper.git");
  const { code, stdout } = await project.task("new", ["--ci", "--yes"]);
  assert.equal(code, 0);
  assert.match(stdout, /README\.md, changed:/);
  const { "README.md": readme, ".github/workflows/reproduce.yml": workflow } = await snapshot(project);
  assert.match(
    readme!,
    /^# Paper\r\n\r\n\[!\[reproduce\]\(https:\/\/github\.com\/ada\/paper\/actions[^\n]*\)\r\n\r\nText/,
  );
  assert.match(workflow!, /pipx run gpu-jupyter-tasks==\d+\.\d+\.\d+ reproduce/);
  const released = parse(workflowText({ version: "0.3.0", homepage: "https://github.com/ada/tasks" }));
  const { uses, with: inputs } = released.jobs.reproduce.steps.at(-1);
  assert.equal(uses, "ada/tasks@v0.3.0");
  const action = parse(await Deno.readTextFile(join(ROOT, "action.yml")));
  for (const name of Object.keys(inputs)) assert.ok(name in action.inputs, name);
  await project.task("new", ["--undo"]);
  assert.deepEqual(await snapshot(project), files);
});

/** Types a word where the question is asked, on a real terminal. */
async function typed(project: Project, task: string, question: string, word: string) {
  const command = [Deno.execPath(), "task", "--quiet", "--config", join(ROOT, "deno.json"), task];
  return await ended(
    new Deno.Command("python3", {
      args: [join(ROOT, "test/support/terminal.py"), question, word, ...command],
      env: { INIT_CWD: project.root, NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
}

Deno.test("new asks on a terminal, and writes nothing for a no", async () => {
  await using project = await Project.make({
    "train.py": "print('loss: 0.5')\nopen('a.txt', 'w').write('1')\n",
  });
  const no = await typed(project, "new", "Write this?", "n");
  assert.equal(no.code, 130, no.stdout);
  assert.deepEqual(Object.keys(await snapshot(project)), ["train.py"]);
  const yes = await typed(project, "new", "Write this?", "y");
  assert.equal(yes.code, 0, yes.stdout);
  assert.ok((await snapshot(project))["experiment.yaml"]);
});

Deno.test("reproduce writes what new proposes for a yes, and runs it", async () => {
  await using project = await Project.make({ "train.py": "open('a.txt', 'w').write('1')\n" });
  const { code, stdout } = await typed(project, "reproduce", "Write this, and run it?", "y");
  assert.equal(code, 0, stdout);
  assert.match(stdout, /Written: experiment\.yaml[\s\S]*step 1 of 1: train/);
});
