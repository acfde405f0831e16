/** Images of repositories that bring a lock of uv, pip or Poetry: locked by the real program, built, and run. */

import assert from "node:assert/strict";
import { findPython } from "../../tasks/lib/environment/python.ts";
import { findOnPath } from "../../tasks/lib/system/on_path.ts";
import { missingEngine, said } from "../support/docker.ts";
import { git, Project } from "../support/project.ts";
import { makeWheels, serveWheels } from "../support/wheel_index.ts";

const IMAGE = "locked-test:cpu";

const reason = await missingEngine();

if (reason !== undefined) console.log(`ignored: the images of repositories with a lock, since ${reason}`);

const LOCKS: [lock: string, program: string, commands: string[][]][] = [
  ["uv.lock", "uv", [["uv", "lock", "--quiet"]]],
  ["pylock.toml", "uv", [[
    "uv",
    "export",
    "--quiet",
    "--format",
    "pylock.toml",
    "--output-file",
    "pylock.toml",
  ], [
    "rm",
    "uv.lock",
  ]]],
  ["poetry.lock", "poetry", [["poetry", "lock", "--quiet", "--no-interaction"]]],
];

function files(index: string): Record<string, string> {
  return {
    "experiment.yaml": `name: locked-test
steps:
  train:
    run: [python, train.py, --out, "{out}"]
    produces: [metrics.json]
claims:
  - { name: score, from: train/metrics.json#/score, value: 42 }
`,
    "pyproject.toml": `[project]
name = "theirs"
version = "0.1"
requires-python = ">=3.9"
dependencies = ["alpha"]
[tool.poetry]
package-mode = false
[[tool.poetry.source]]
name = "ours"
url = "${index}"
[[tool.uv.index]]
url = "${index}"
default = true
`,
    "train.py": `import json, sys, alpha
from importlib.metadata import version
score = 42 if version("alpha") == "1.0" else 0
json.dump({"score": score}, open(sys.argv[sys.argv.index("--out") + 1] + "/metrics.json", "w"))
`,
  };
}

async function run([program, ...args]: string[], cwd: string) {
  const env = { POETRY_VIRTUALENVS_CREATE: "false" };
  const { success, stderr } = await new Deno.Command(program!, { args, cwd, env }).output();
  assert.ok(success, `${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** Wheels of JupyterLab, which every image has, downloaded once, and ours. */
let wheelhouse: string | undefined;

async function wheelsFor(project: Project, wheels: string): Promise<string> {
  if (wheelhouse === undefined) {
    const folder = wheelhouse = await Deno.makeTempDir({ prefix: "wheelhouse-" });
    addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
    const find = { PIP_FIND_LINKS: [wheels, Deno.env.get("PIP_FIND_LINKS") ?? ""].join(" ").trim() };
    const { code, stderr } = await project.task("build", ["--download-wheels", "--wheelhouse", folder], find);
    assert.equal(code, 0, stderr);
  }
  return wheelhouse;
}

for (const [lock, program, commands] of LOCKS) {
  const missing = reason ??
    (findOnPath(program) === undefined ? `there is no ${program} on PATH` : undefined);
  if (missing !== reason) console.log(`ignored: the image of a repository with ${lock}, since ${missing}`);
  Deno.test({
    name: `${lock}: the image of a repository that has it holds what it pins, and the steps run in it`,
    ignore: missing !== undefined,
    async fn() {
      const wheels = await Deno.makeTempDir({ prefix: "wheels-" });
      await makeWheels((await findPython()).path, wheels);
      await using index = serveWheels(wheels);
      await using project = await Project.make(files(`http://127.0.0.1:${index.addr.port}/simple/`));
      for (const command of commands) await run(command, project.root);
      for (const args of [["init", "--quiet"], ["add", "-A"], ["commit", "--quiet", "-m", "all"]]) {
        await git(project, ...args);
      }
      const from = await wheelsFor(project, wheels);
      const built = await project.task("build", ["--cpu", "--wheelhouse", from]);
      assert.equal(built.code, 0, built.stdout + built.stderr);
      assert.match(built.stdout, new RegExp(`Packages of ${lock.replace(".", "\\.")}, from `));
      const labels = JSON.parse(await said("image", "inspect", "--format", "{{json .Config.Labels}}", IMAGE));
      assert.equal(labels["experiment.requirements"], lock);
      const { code, stdout, stderr } = await project.task("reproduce", ["--engine", "docker"]);
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /Reproduced: 1 of 1 claims hold/);
      await said("image", "rm", "--force", IMAGE);
      await Deno.remove(wheels, { recursive: true });
    },
  });
}
