/** `deno task audit` as a user types it. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { documentation } from "../../tasks/lib/system/product.ts";
import type { Audit, Finding } from "../../tasks/lib/audit/audit.ts";
import type { Fix } from "../../tasks/lib/audit/fix_plan.ts";
import { call, otherUser } from "../support/users.ts";
import { ended, Project, ROOT } from "../support/project.ts";

const TRAIN = `import os
import random

files = os.listdir("images")
random.shuffle(files)
print(files)
`;

const NOTEBOOK = JSON.stringify({
  cells: [
    { cell_type: "markdown", source: "# Training" },
    {
      cell_type: "code",
      execution_count: 1,
      outputs: [],
      source: "import ssl\nssl._create_default_https_context = ssl._create_unverified_context",
    },
  ],
  metadata: {},
});

async function findings(project: Project, ...args: string[]): Promise<Audit & { root: string }> {
  const { stdout, stderr } = await project.task("audit", [...args, "--json"]);
  try {
    return JSON.parse(stdout);
  } catch {
    assert.fail(stderr);
  }
}

function places(found: Finding[]): string[] {
  return found.map(({ rule, file, line, cell }) => `${rule} ${file}:${cell ?? ""}:${line}`);
}

async function git(project: Project, ...args: string[]) {
  await call(["git", "-C", project.root, "-c", "user.name=a", "-c", "user.email=a@b", ...args]);
}

Deno.test("audit tells a person where, why, and what to do, and ends with 1", async () => {
  await using project = await Project.make({ "train.py": TRAIN, "a.ipynb": NOTEBOOK });
  const { code, stdout, stderr } = await project.task("audit");
  assert.equal(code, 1, stderr);
  assert.match(stdout, /^a\.ipynb:cell 2:2 {2}error R404\n {2}TLS verification is switched off/);
  assert.match(stdout, /\ntrain\.py:4 {2}warning R303\n.*\n {2}why: [\s\S]*\n {2}what to do: Sort: /);
  assert.match(stdout, /\nRead 1 Python file and 1 notebook: 2 errors, 1 warning\n$/);
  assert.ok(stdout.split("\n").every((line) => line.length <= 110));
});

Deno.test("audit --json gives each finding with its rule, place, reason, remedy and page", async () => {
  await using project = await Project.make({ "train.py": TRAIN });
  const { root, findings: found, ...rest } = await findings(project);
  assert.equal(root, project.root);
  assert.deepEqual(places(found), ["R303 train.py::4", "R101 train.py::5"]);
  assert.deepEqual(Object.keys(found[0]!).sort(), [
    ...["file", "line", "message", "page", "reason", "remedy", "rule", "severity", "title"],
  ]);
  assert.deepEqual(rest, { silenced: 0, sources: 1, notebooks: 0, skipped: [] });
  const [address, anchor] = found[0]!.page.split("#");
  assert.ok((await Deno.readTextFile(new URL(address!))).includes(`\n### ${anchor!.toUpperCase()}\n`));
});

Deno.test("documentation() leads to the repository that built the release, else to the file beside the tasks", () => {
  const page = "docs/audit.md#r101";
  assert.equal(
    documentation(page, { version: "0.3.0", homepage: "https://github.com/ada/tasks" }),
    "https://github.com/ada/tasks/blob/v0.3.0/docs/audit.md#r101",
  );
  assert.equal(documentation(page, { version: "0.3.0" }), `file://${ROOT}/docs/audit.md#r101`);
});

Deno.test("audit --fix-plan lists what to change, what matters most first", async () => {
  await using project = await Project.make({ "train.py": TRAIN, "b.py": TRAIN });
  const { code, stdout } = await project.task("audit", ["--fix-plan"]);
  assert.equal(code, 1);
  assert.match(stdout, /^1\. \[ \] Python's random numbers without a seed \(R101, 2 places\)\n/);
  assert.match(stdout, /\n2\. \[ \] Files in the order of the disk \(R303, 2 places\)\n/);
  await project.write("results.py", `import time\n\n${"open(str(time.time()), 'w')\n".repeat(3)}`);
  assert.match(
    (await project.task("audit", ["--fix-plan"])).stdout,
    / - results\.py:3 {2}The results' place .* \(and 2 more places in this file\)\n/,
  );
  await Deno.remove(project.path("results.py"));
  const { plan } = JSON.parse((await project.task("audit", ["--fix-plan", "--json"])).stdout) as {
    plan: Fix[];
  };
  assert.deepEqual(plan.map(({ rule, places }) => [rule, places.length]), [["R101", 2], ["R303", 2]]);
});

Deno.test("audit ends with 0 where nothing is found, or only notes", async () => {
  await using project = await Project.make({ "a.py": "print(1)\n" });
  const nothing = await project.task("audit");
  assert.deepEqual([nothing.code, nothing.stdout], [
    0,
    "Read 1 Python file and 0 notebooks: nothing was found\n",
  ]);
  await project.write("a.py", "import torch\n\ntorch.backends.cudnn.allow_tf32 = True\n");
  await project.write("requirements.txt", "torch==2.9.1\n");
  const note = await project.task("audit");
  assert.deepEqual([note.code, /1 note\n$/.test(note.stdout)], [0, true], note.stdout);
});

Deno.test("audit counts what a comment with a reason set aside", async () => {
  const line = 'files = os.listdir("images")';
  await using project = await Project.make({
    "a.py": `import os\n\n${line}  # audit: ignore R303 there is one file\nprint(files)\n`,
  });
  const { code, stdout } = await project.task("audit");
  assert.equal(code, 0);
  assert.match(stdout, /nothing was found; 1 finding ignored by comments\n$/);
});

Deno.test("audit reads what git has and what is not committed yet, and not what git ignores", async () => {
  await using project = await Project.make({
    ".gitignore": "ignored/\n",
    "committed.py": TRAIN,
    "new.py": TRAIN,
    "ignored/a.py": TRAIN,
    ".venv/lib/a.py": TRAIN,
    "tests/a.py": TRAIN,
  });
  await git(project, "init", "-q");
  await git(project, "add", "committed.py", ".gitignore");
  await git(project, "commit", "-qm", "a");
  const { findings: found } = await findings(project);
  assert.deepEqual([...new Set(found.map(({ file }) => file))], ["committed.py", "new.py"]);
});

Deno.test("audit leaves a submodule to its own repository", async () => {
  await using project = await Project.make({ "a.py": TRAIN, "sub/b.py": TRAIN });
  const inner = ["-C", project.path("sub")];
  await git(project, ...inner, "init", "-q");
  await git(project, ...inner, "add", ".");
  await git(project, ...inner, "commit", "-qm", "b");
  await git(project, "init", "-q");
  await git(project, "add", "a.py", "sub");
  const { findings: found, skipped } = await findings(project);
  assert.deepEqual([places(found), skipped], [["R303 a.py::4", "R101 a.py::5"], []]);
  assert.equal((await findings(project, "sub")).findings.length, 2);
});

Deno.test("audit judges a folder of a larger repository by itself", async () => {
  await using project = await Project.make({
    "requirements.txt": "numpy==2.3.1\n",
    "papers/one/a.py": "import numpy\nimport helper\n",
    "papers/one/helper.py": "",
    "papers/two/a.py": TRAIN,
  });
  await git(project, "init", "-q");
  await git(project, "add", ".");
  assert.deepEqual((await findings(project, "papers/one")).findings, []);
  assert.equal((await findings(project, "papers/two")).findings.length, 2);
});

Deno.test("audit names what it can't read, and goes on", async () => {
  await using project = await Project.make({
    "a.py": TRAIN,
    "environment.yml": "a: [\n",
    "sub/pyproject.toml": "[a\n",
    "compose.yaml": `${
      [..."abcdefghi"].map((name, i) => `${name}: &${name} [${`*${"abcdefghi"[i - 1]},`.repeat(i && 9)}1]`)
        .join("\n")
    }\n`,
    "broken.ipynb": "{",
    "old.py": "print 'a'\n",
    "setup.cfg": "no section\n",
  });
  const { findings: found, skipped } = await findings(project);
  assert.deepEqual(places(found), ["R303 a.py::4", "R101 a.py::5"]);
  assert.deepEqual(skipped.map(({ file }) => file), [
    ...["broken.ipynb", "compose.yaml", "environment.yml", "old.py", "setup.cfg", "sub/pyproject.toml"],
  ]);
  for (const { reason } of skipped) assert.match(reason, /^(it|is|holds) /);
});

Deno.test("audit follows no link out of the folder, and goes round in no circle", async () => {
  await using outside = await Project.make({
    "secret.py": TRAIN,
    "environment.yml": "dependencies: [numpy]\n",
  });
  await using project = await Project.make({ "a.py": "print(1)\n" });
  await Deno.symlink(outside.path("secret.py"), project.path("b.py"));
  await Deno.symlink(outside.path("environment.yml"), project.path("environment.yml"));
  await Deno.symlink(outside.root, project.path("folder"));
  await Deno.symlink(project.root, project.path("circle"));
  const { findings: found, skipped } = await findings(project);
  assert.deepEqual(found, []);
  assert.deepEqual(skipped.map(({ file }) => file), ["b.py", "environment.yml"]);
});

Deno.test("audit writes nothing", async () => {
  await using project = await Project.make({ "a.py": TRAIN, "requirements.txt": "numpy\n" });
  await project.task("audit");
  assert.deepEqual([...Deno.readDirSync(project.root)].map(({ name }) => name).sort(), [
    "a.py",
    "requirements.txt",
  ]);
});

Deno.test("audit refuses what is no folder, and options that it does not have", async (t) => {
  await using project = await Project.make({ "a.py": "" });
  const cases: [args: string[], message: RegExp][] = [
    [["nowhere"], /Cannot audit .*nowhere: it is not there/],
    [["a.py"], /Cannot audit .*a\.py: it is not a folder/],
    [["a", "b"], /takes one FOLDER/],
    [["--fix"], /has no option --fix, did you mean "--fix-plan"\?/],
  ];
  for (const [args, message] of cases) {
    await t.step(args.join(" "), async () => {
      const { code, stderr } = await project.task("audit", args);
      assert.equal(code, 2);
      assert.match(stderr, message);
    });
  }
});

Deno.test({
  name: "audit says that this user may not read the folder, and passes over one within",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    const user = await otherUser([]);
    await using project = await Project.make({ "open/a.py": TRAIN, "open/closed/b.py": TRAIN });
    await Deno.chmod(project.root, 0o755);
    await Deno.chmod(project.path("open/closed"), 0o700);
    const start = (folder: string) => {
      const { DENO, PROJECT, ...env } = user.env;
      const words = [
        DENO!,
        "task",
        "--quiet",
        "--config",
        join(PROJECT!, "deno.json"),
        "audit",
        folder,
        "--json",
      ];
      const [program, ...args] = user.as(words);
      const options = { args, env: { ...env, NO_COLOR: "1", INIT_CWD: project.root }, cwd: project.root };
      return ended(new Deno.Command(program!, { ...options, stdout: "piped", stderr: "piped" }).spawn());
    };
    const open = JSON.parse((await start("open")).stdout);
    assert.deepEqual(places(open.findings), ["R303 a.py::4", "R101 a.py::5"]);
    assert.deepEqual(open.skipped.map(({ file }: { file: string }) => file), ["closed/"]);
    const closed = await start("open/closed");
    assert.equal(closed.code, 2);
    assert.match(closed.stderr, /Cannot audit .*closed: this user may not read it/);
  },
});

Deno.test("audit finds a Python where python3 is not one, and says what to do where there is none", async () => {
  await using project = await Project.make({ "a.py": TRAIN, "bin/python3": "#!/bin/sh\nexit 127\n" });
  await Deno.chmod(project.path("bin/python3"), 0o755);
  const PATH = `${project.path("bin")}:${Deno.env.get("PATH")}`;
  assert.equal((await project.task("audit", [], { PATH })).code, 1);
  const none = await project.task("audit", [], { PATH: project.path("bin"), PYTHON: "", PYENV_ROOT: "" });
  assert.equal(none.code, 3, none.stderr);
  assert.match(none.stderr, /Cannot find Python 3\.8 or newer/);
});
