/** `deno task notebook` on real notebooks, in the project's own environment. */

import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { ended, Project, ROOT } from "../support/project.ts";

const CELLS = (sources: string[]) =>
  JSON.stringify({
    cells: sources.map((source, index) => ({
      cell_type: "code",
      execution_count: null,
      metadata: index === 0 ? { tags: ["parameters"] } : {},
      outputs: [],
      source,
    })),
    metadata: { kernelspec: { name: "python3", display_name: "Python 3", language: "python" } },
    nbformat: 4,
    nbformat_minor: 4,
  });

/** Runs `deno task notebook` of this project on notebooks elsewhere, with the runs elsewhere too. */
async function notebook(project: Project, args: string[]) {
  return await task(["notebook", ...args, "--runs", project.path("runs")]);
}

async function task(args: string[]) {
  return await ended(
    new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", ...args],
      cwd: ROOT,
      env: { NO_COLOR: "1", INIT_CWD: ROOT },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
}

async function executed(project: Project, name: string) {
  const run = await project.run("digits-resnet");
  return JSON.parse(await Deno.readTextFile(join(run, "_notebooks", name)));
}

Deno.test("notebook executes a notebook with parameters and leaves the source as it was", async () => {
  const source = CELLS(["epochs = 1\nname = 'x'", "print(f'{epochs + 1} epochs of {name}')"]);
  await using project = await Project.make({ "one.ipynb": source, "values.yaml": "name: it's $(me)\n" });
  const args = [project.path("one.ipynb"), "-p", "epochs=41", "-f", project.path("values.yaml")];
  const { code, stdout, stderr } = await notebook(project, args);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /42 epochs of it's \$\(me\)/);
  assert.match(stdout, /cell 2 of 3/);
  assert.equal(await Deno.readTextFile(project.path("one.ipynb")), source);
  const { cells } = await executed(project, "one.ipynb");
  assert.deepEqual(cells[1].metadata.tags, ["injected-parameters"]);
});

Deno.test("notebook has recorded the code before the first cell runs", async () => {
  await using project = await Project.make({});
  const look = `import glob, json
[file] = glob.glob(${JSON.stringify(project.path("runs"))} + "/*/*/evidence.json")
evidence = json.load(open(file))
print(evidence["steps"]["_notebooks"]["status"], len(evidence["attempts"][0]["code"]["files"]) > 100)`;
  await Deno.writeTextFile(project.path("look.ipynb"), CELLS([look]));
  const { code, stdout, stderr } = await notebook(project, [project.path("look.ipynb"), "--engine", "host"]);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /^running True$/m);
});

Deno.test("notebook executes all that a pattern matches, in one call", async () => {
  await using project = await Project.make({ "a.ipynb": CELLS(["1"]), "b.ipynb": CELLS(["2"]), "c.txt": "" });
  const { code, stdout, stderr } = await notebook(project, [
    project.path("*.ipynb"),
    "--jobs",
    "2",
    "--html",
  ]);
  assert.equal(code, 0, stdout + stderr);
  const run = await project.run("digits-resnet");
  for (const name of ["a.ipynb", "a.html", "b.ipynb", "b.html"]) {
    await Deno.stat(join(run, "_notebooks", name));
  }
});

Deno.test("a run of notebooks that were named is verified, reported, compared and taken as the one before", async () => {
  await using project = await Project.make({ "a.ipynb": CELLS(["1"]) });
  const first = await notebook(project, [project.path("a.ipynb"), "--engine", "host"]);
  assert.equal(first.code, 0, first.stdout + first.stderr);
  const run = await project.run("digits-resnet");
  for (const args of [["verify", run], ["report", run], ["receipt", run], ["compare", run, run]]) {
    const read = await task(args);
    assert.equal(read.code, 0, `${args[0]}: ${read.stdout}${read.stderr}`);
  }
  const next = await notebook(project, [project.path("a.ipynb"), "--plan"]);
  assert.equal(next.code, 0, next.stderr);
  assert.match(next.stdout, new RegExp(`engine: host \\(as in ${basename(run)};`));
});

Deno.test("notebook gives a parameter that --results names a folder of its own in the run folder", async () => {
  const source = CELLS(["out = 'elsewhere'", "import pathlib\npathlib.Path(out).mkdir()\nprint(out)"]);
  await using project = await Project.make({ "a.ipynb": source, "b.ipynb": source });
  const { code, stdout, stderr } = await notebook(project, [
    project.path("a.ipynb"),
    project.path("b.ipynb"),
    ...["--results", "out"],
  ]);
  assert.equal(code, 0, stdout + stderr);
  const run = await project.run("digits-resnet");
  for (const name of ["a", "b"]) assert.ok((await Deno.stat(join(run, "_notebooks", name))).isDirectory);
});

Deno.test("notebook leaves a stranger's `out` alone, and takes parameters with their types", async () => {
  const source = CELLS(["out = 'mine'\nx = y = z = None", "print(out, repr(x), repr(y), repr(z))"]);
  await using project = await Project.make({ "a.ipynb": source, "v.yaml": "y: [9007199254740993, -0.0]\n" });
  const values = ["-p", "x=.nan", "-f", project.path("v.yaml"), "-p", "z={1: 1e3}"];
  const { code, stdout, stderr } = await notebook(project, [project.path("a.ipynb"), ...values]);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /^mine nan \[9007199254740993, -0\.0\] \{1: 1000\.0\}$/m);
  const run = await project.run("digits-resnet");
  const record = await Deno.readTextFile(join(run, "evidence.json"));
  assert.match(record, /9007199254740993, -0\.0/);
});

Deno.test("notebook lists parameters without executing anything", async () => {
  const source = CELLS(["epochs = 1  # passes\nrate: float = 1e-3", "1 / 0"]);
  await using project = await Project.make({ "a.ipynb": source });
  const args = [project.path("a.ipynb"), "--list-parameters"];
  const { code, stdout, stderr } = await notebook(project, args);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /^ {2}epochs = 1\n {2}rate = 1e-3$/m);
  const json = await notebook(project, [...args, "--json"]);
  assert.deepEqual(JSON.parse(json.stdout), { [args[0]!]: { epochs: "1", rate: "1e-3" } });
});

Deno.test("notebook works where --cwd says, with the kernel that --kernel names", async () => {
  await using project = await Project.make({
    "a.ipynb": CELLS(["x = 1", "import os\nprint(sorted(os.listdir()))"]).replaceAll("python3", "theirs")
      .replaceAll('"python"', '"R"'),
    "here/b.txt": "",
  });
  const missing = await notebook(project, [project.path("a.ipynb")]);
  assert.equal(missing.code, 2);
  assert.match(missing.stdout, /current value is "theirs"; choose with --kernel NAME/);
  const given = ["--kernel", "python3", "--cwd", project.path("here"), "--start-timeout", "50"];
  const { code, stdout, stderr } = await notebook(project, [project.path("a.ipynb"), ...given]);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /^\['b\.txt'\]$/m);
});

Deno.test("notebook says which cell failed, and why, and exits 1", async () => {
  await using project = await Project.make({
    "bad.ipynb": CELLS(["x = 1", "def f():\n    return 1 / 0\nf()"]),
  });
  const { code, stdout } = await notebook(project, [project.path("bad.ipynb")]);
  assert.equal(code, 1);
  assert.match(stdout, /cell 2/);
  assert.match(stdout, /ZeroDivisionError: division by zero/);
  assert.doesNotMatch(stdout, /nbclient|site-packages/);
});

Deno.test("notebook exits 2 for what is no notebook, and for wrong options", async (t) => {
  await using project = await Project.make({ "not.ipynb": "not json", "a.ipynb": CELLS(["1"]) });
  const a = project.path("a.ipynb");
  const cases: [args: string[], message: RegExp][] = [
    [[project.path("not.ipynb")], /not\.ipynb/],
    [[project.path("missing.ipynb")], /missing\.ipynb/],
    [[project.path("none*.ipynb")], /No notebook matches/],
    [[a, "-p", "epochs"], /-p must be NAME=VALUE/],
    [[a, "--timeout", "soon"], /--timeout must be a number of seconds/],
    [[a, "--timeout", "0"], /--timeout must be a number of seconds above 0/],
    [[a, "--start-timeout", "0.0"], /--start-timeout must be a number of seconds above 0/],
    [[a, "--cwd", "nowhere"], /--cwd must be a folder that is there/],
    [[a, "--out", "x"], /has no option --out(?!, did you mean "--out")/],
    [[a, "--jobs", "0"], /--jobs must be a whole number from 1/],
    [[a, "-f", project.path("nothing.yaml")], /Cannot read the parameters in/],
    [[a, "eurosat"], /"eurosat" must be a notebook like the others/],
  ];
  for (const [args, message] of cases) {
    await t.step(args.join(" "), async () => {
      const { code, stdout, stderr } = await notebook(project, args);
      assert.equal(code, 2, stdout + stderr);
      assert.match(stdout + stderr, message);
    });
  }
});
