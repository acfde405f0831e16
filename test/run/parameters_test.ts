/** Parameters of all names and kinds, and those that stand in the repository's own files. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { replaceValues } from "../../tasks/lib/experiment/parameter_files.ts";
import { Project } from "../support/project.ts";

const HOST = ["--engine", "host"];

const PRINT = 'import json, sys; json.dump(sys.argv[2:], open(sys.argv[1] + "/given.json", "w"))';

async function given(project: Project) {
  return JSON.parse(await Deno.readTextFile(join(await project.run(), "a/given.json")));
}

Deno.test("upper-case names and hyphens, lists, null and mappings are parameters, with their digits", async () => {
  await using project = await Project.make({
    "experiment.yaml": `name: test
parameters:
  N_EPOCHS: 10
  learning-rate: 1e-3
  layers: [64, 0.10]
  schedule:
    warm: 1.0
    name: cosine
  limit: null
steps:
  a: { run: [python, print.py, "{out}", "{N_EPOCHS}", "{learning-rate}", "{layers}", "{schedule}", "{limit}"] }
`,
    "print.py": PRINT,
  });
  const { code, stdout, stderr } = await project.task("reproduce", HOST);
  assert.equal(code, 0, stdout + stderr);
  assert.deepEqual(await given(project), [
    "10",
    "1e-3",
    "[64, 0.10]",
    '{"warm": 1.0, "name": "cosine"}',
    "null",
  ]);
  const changed = await project.task("reproduce", [
    ...HOST,
    ...["--N_EPOCHS", "3", "--layers", "[32,32]", "--limit", "5"],
  ]);
  assert.equal(changed.code, 0, changed.stdout + changed.stderr);
  assert.deepEqual((await given(project)).filter((_: string, index: number) => index !== 3), [
    "3",
    "1e-3",
    "[32, 32]",
    "5",
  ]);
  assert.equal((await project.evidence()).changed.length, 3);
  const refused = await project.task("reproduce", [...HOST, "--layers", "64"]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /--layers must be a list such as '\[64, 0\.10\]', current value is "64"/);
});

Deno.test("a name that Python or the shell can't have is refused with its line where a step gets it", async () => {
  const text = (names: string, step: string) => `name: test\nparameters:\n${names}steps:\n  a: ${step}\n`;
  await using project = await Project.make({ "n.ipynb": "{}" });
  for (
    const [names, step, expected] of [
      [
        "  learning-rate: 1\n",
        "{ notebook: n.ipynb }",
        /experiment\.yaml:3:3 .*"learning-rate" .* is no name in Python, and the notebook/,
      ],
      [
        "  lambda: 1\n",
        "{ notebook: n.ipynb }",
        /experiment\.yaml:3:3 .*"lambda" .* is a word of Python's own/,
      ],
      ["  PATH: x\n", "{ shell: ls }", /experiment\.yaml:3:3 .*the shell has a variable of that name/],
      ["  a-b: 1\n  a_b: 1\n", "{ shell: ls }", /experiment\.yaml:3:3 .*"a_b" is the same variable, \$a_b/],
    ] as const
  ) {
    await project.write("experiment.yaml", text(names, step));
    const { code, stderr } = await project.task("reproduce", HOST);
    assert.equal(code, 2);
    assert.match(stderr, expected);
  }
  await project.write("experiment.yaml", text("  learning-rate: 1\n", "{ run: [python, -c, pass] }"));
  assert.equal((await project.task("reproduce", HOST)).code, 0);
});

const PARAMS = `# How to train
train:
  lr: 0.010 # found by a search
  layers:
    - 64
    - 32
  name: "a"
`;

Deno.test("parameters come from params.yaml, and other values are written into a copy that the steps see", async () => {
  await using project = await Project.make({
    "experiment.yaml": `name: test
params: { lr: params.yaml#train.lr, layers: params.yaml#train.layers, name: params.yaml#train.name }
steps:
  a: { run: [python, print.py, "{out}", "{lr}"], outputs: [seen.yaml] }
`,
    "params.yaml": PARAMS,
    "print.py": `${PRINT}\nopen("seen.yaml", "w").write(open("params.yaml").read())`,
  });
  const { code, stdout, stderr } = await project.task("reproduce", HOST);
  assert.equal(code, 0, stdout + stderr);
  assert.deepEqual(await given(project), ["0.010"]);
  const seen = async () => await Deno.readTextFile(join(await project.run(), "a/seen.yaml"));
  assert.equal(await seen(), PARAMS);
  const changed = await project.task("reproduce", [
    ...HOST,
    "--lr",
    "0.5",
    "--layers",
    "[8]",
    "--keep-outputs",
  ]);
  assert.equal(await Deno.readTextFile(project.path("seen.yaml")), await seen());
  await Deno.remove(project.path("seen.yaml"));
  assert.equal(changed.code, 0, changed.stdout + changed.stderr);
  assert.doesNotMatch(changed.stderr, /Edited while/);
  const copy = PARAMS.replace("0.010", "0.5").replace("- 64\n    - 32", "[8]");
  assert.equal(await seen(), copy);
  assert.equal(await Deno.readTextFile(project.path("params.yaml")), PARAMS);
  const { parameters, changed: differs } = await project.evidence();
  assert.deepEqual(parameters, { lr: 0.5, layers: "[8]", name: "a" });
  assert.equal(differs.length, 2);
  await project.write(
    "experiment.yaml",
    "name: test\nparams: { lr: params.yaml#train.rate, x: params.ini#a, y: ../p.yaml#a }\nsteps: { a: { run: [python] } }\n",
  );
  const wrong = await project.task("reproduce", HOST);
  assert.match(wrong.stderr, /params\.x must name a YAML, JSON or TOML file/);
  assert.match(wrong.stderr, /params\.y must name a file inside the project/);
  await project.write(
    "experiment.yaml",
    "name: test\nparams: { lr: params.yaml#train.rate }\nsteps: { a: { run: [python] } }\n",
  );
  const missing = await project.task("reproduce", HOST);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /Cannot read the parameter lr: params\.yaml has no train\.rate/);
});

Deno.test("replaceValues() changes what it is told and no other byte, in JSON, too", async () => {
  const json = '{"a": 1.0,\n  "b": {"c": "x", "d": [1, 2]}}\n';
  assert.equal(
    await replaceValues(json, "p.json", [{ keys: ["b", "c"], text: '"y: z"' }, {
      keys: ["b", "d", "1"],
      text: "3",
    }]),
    '{"a": 1.0,\n  "b": {"c": "y: z", "d": [1, 3]}}\n',
  );
});

const TOML = `# How to train
seed = 1_000
[train]
lr = 1e-2 # found by a search
layers = [64, 32]
name = 'a "b"'
"odd.key".inner = true
optimizer = { beta = [0.9, 0.99], kind = "adam" }
started = 2024-01-02
[[runs]]
n = 1
[[runs]]
n = 2
`;

Deno.test("parameters come from a TOML file, and other values are written into a copy of it", async () => {
  await using project = await Project.make({
    "experiment.yaml": `name: test
params:
  lr: conf.toml#train.lr
  layers: conf.toml#train.layers
  name: conf.toml#train.name
  seed: conf.toml#seed
  beta: conf.toml#train.optimizer.beta.1
  n: conf.toml#runs.1.n
steps:
  a: { run: [python, print.py, "{out}", "{lr}", "{seed}", "{name}", "{beta}", "{n}"], outputs: [seen.toml] }
`,
    "conf.toml": TOML,
    "print.py": `${PRINT}\nopen("seen.toml", "w").write(open("conf.toml").read())`,
  });
  const { code, stdout, stderr } = await project.task("reproduce", HOST);
  assert.equal(code, 0, stdout + stderr);
  assert.deepEqual(await given(project), ["1e-2", "1000", 'a "b"', "0.99", "2"]);
  const args = ["--lr", ".5", "--layers", "[8, 1.50]", "--name", "c\\d", "--n", "3"];
  const changed = await project.task("reproduce", [...HOST, ...args]);
  assert.equal(changed.code, 0, changed.stdout + changed.stderr);
  assert.equal(
    await Deno.readTextFile(join(await project.run(), "a/seen.toml")),
    TOML.replace("1e-2", "0.5").replace("[64, 32]", "[8, 1.5]").replace(`'a "b"'`, '"c\\\\d"')
      .replace("n = 2", "n = 3"),
  );
  assert.equal(await Deno.readTextFile(project.path("conf.toml")), TOML);
  await project.write("conf.toml", "lr = \n");
  const wrong = await project.task("reproduce", HOST);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /Cannot read conf\.toml: .* \(line \d\)/);
});

Deno.test("replaceValues() writes what TOML can say", async () => {
  const write = async (text: string) => await replaceValues("a = 1\n", "p.toml", [{ keys: ["a"], text }]);
  assert.equal(await write('{"b": [true, "x"], "c d": 1e-3}'), 'a = { b = [true, "x"], "c d" = 1e-3 }\n');
  await assert.rejects(write("null"), {
    exitCode: 2,
    message: "Cannot write a into p.toml: TOML has no null",
  });
});
