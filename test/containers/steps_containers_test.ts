/** What a step gets around its command, in containers of the real Docker and Podman: outputs, secrets, a terminal, children. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { IMAGE, said, startAs, testEngines } from "../support/engines.ts";
import { ended, git, Project } from "../support/project.ts";

const engines = await testEngines();

for (const { name, missing } of engines) {
  if (missing !== undefined) console.log(`ignored: the surroundings of steps with ${name}, since ${missing}`);
}

const YAML = `name: test
parameters: { n: 3 }
params: { rate: conf.toml#rate }
data:
  own: { to: data/own.txt }
steps:
  make:
    run: [python, make.py, "{n}", "{data.own}"]
    outputs: [results/, model.json]
    secrets: [SERVICE_TOKEN]
    env: { PLACE: "{out}" }
    cwd: code
  look:
    needs: [make]
    tty: true
    run: [python, code/look.py]
  children:
    needs: [make]
    shell: |
      python3 -c "import numbers; print('child', $n)"
      cat results/table.csv > "$out/table.csv"
claims:
  - { name: value, from: "make/results/table.csv#value[0]", value: 9 }
  - { name: rate, from: "make/model.json#/rate", value: 0.50 }
  - { name: columns, from: 'look~/columns (\\d+)/', value: 80 }
`;

const MAKE = `
import json, os, pathlib, sys
root = pathlib.Path(__file__).parents[1]
(root / "results").mkdir(exist_ok=True)
(root / "results/table.csv").write_text(f"value\\n{int(sys.argv[1]) ** 2}\\n")
rate = (root / "conf.toml").read_text().split("=")[1].strip()
(root / "model.json").write_text('{"rate": ' + rate + "}")
(pathlib.Path(os.environ["PLACE"]) / "cwd.txt").write_text(os.getcwd())
pathlib.Path(sys.argv[2]).parent.mkdir(exist_ok=True)
pathlib.Path(sys.argv[2]).write_text("fetched")
print("token", os.environ["SERVICE_TOKEN"])
`;

const LOOK = `
import os, sys
from helper import NAME
print("columns", os.get_terminal_size().columns, sys.stdout.isatty(), NAME)
print(open("results/table.csv").read())
`;

for (const { name, program, user, missing } of engines) {
  Deno.test({
    name: `${name}: outputs, secrets, a terminal, children, parameters of a file and own downloads`,
    ignore: missing !== undefined,
    async fn(t) {
      await using project = await Project.make({
        "experiment.yaml": YAML,
        "conf.toml": "rate = 0.50\n",
        "code/make.py": MAKE,
        "code/look.py": LOOK,
        "code/helper.py": 'NAME = "helper"\n',
        "results/table.csv": "value\n1\n",
        ".gitignore": "runs\ndata\n",
      });
      await git(project, "init", "-q");
      await git(project, "add", "-A");
      await git(project, "commit", "-qm", "as published");
      await said(["chown", "-R", `${user.uid}:${user.gid}`, project.root]);
      const env = { ...user.env, SERVICE_TOKEN: "hunter2-secret" };
      const run = (...args: string[]) =>
        ended(startAs(user, project, "reproduce", ["--engine", program, "--image", IMAGE, ...args], env));
      await t.step("a run", async () => {
        const { code, stdout, stderr } = await run();
        assert.equal(code, 0, stdout + stderr);
        assert.match(stdout, /token \*\*\*/);
        assert.match(stdout, /columns 80 True helper/);
        const { steps } = await project.evidence();
        assert.deepEqual(
          steps.make.outputs.map(({ path }: { path: string }) => path).filter((path: string) =>
            path !== "step.json"
          ),
          ["cwd.txt", "model.json", "results/table.csv"],
        );
        assert.equal(steps.make.data.own.source, "downloaded by the step");
        const directory = await project.run();
        assert.equal(await Deno.readTextFile(join(directory, "make/cwd.txt")), project.path("code"));
        assert.equal(await Deno.readTextFile(join(directory, "children/table.csv")), "value\n9\n");
        assert.equal(steps.children.recorded.children.length, 1);
        assert.equal(steps.children.recorded.children[0].argv.at(-2), "-c");
      });
      await t.step("the secret is in no file of the run", async () => {
        const found = await said([
          "sh",
          "-c",
          'grep -rl hunter2-secret "$1" || true',
          "sh",
          await project.run(),
        ]);
        assert.equal(found, "");
      });
      await t.step("the project is as it was, and nothing in it belongs to somebody else", async () => {
        assert.equal(await git(project, "status", "--porcelain"), "");
        const strange = await said(["find", project.root, "!", "-uid", String(user.uid)]);
        assert.equal(strange, "");
        assert.equal(await said(["find", project.root, "-name", "__pycache__"]), "");
      });
      await t.step("another parameter, one of the file too, and one step alone on it", async () => {
        const changed = await run("--n", "4", "--rate", "0.25");
        assert.equal(changed.code, 0, changed.stdout + changed.stderr);
        const directory = await project.run();
        assert.equal(await Deno.readTextFile(join(directory, "make/results/table.csv")), "value\n16\n");
        assert.equal(await Deno.readTextFile(join(directory, "make/model.json")), '{"rate": 0.25}');
        const args = ["look", "--engine", program, "--image", IMAGE, "--n", "4", "--rate", "0.25"];
        const alone = await ended(startAs(user, project, "step", args, env));
        assert.equal(alone.code, 0, alone.stdout + alone.stderr);
        assert.match(alone.stdout, /\n16\n/);
        assert.equal(await git(project, "status", "--porcelain"), "");
      });
    },
  });
}
