/** An image of a repository that has nothing of the task runner in it: built, run, and published. */

import assert from "node:assert/strict";
import { outdated } from "../../tasks/lib/engine/own_image.ts";
import { BASE, docker, missingEngine, said } from "../support/docker.ts";
import { git, Project } from "../support/project.ts";
import { call, said as saidBy } from "../support/users.ts";

const IMAGE = "foreign-test:cpu";

const reason = await missingEngine();

if (reason !== undefined) console.log(`ignored: the image of somebody's repository, since ${reason}`);

/** Its own `tasks`, `deno.json`, `.dockerignore`, requirements in two places, and itself as a package. */
const FILES = {
  "experiment.yaml": `name: foreign-test
environment:
  requirements: [requirements.txt, src/requirements.txt]
  install: [-e, .]
steps:
  train:
    run: [python, train.py, --out, "{out}"]
    produces: [metrics.json]
claims:
  - { name: score, from: train/metrics.json#/score, value: 42 }
`,
  "pyproject.toml": `[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"
[project]
name = "theirs"
version = "0.1"
[tool.setuptools.packages.find]
where = ["src"]
`,
  "src/theirs/__init__.py": "SCORE = 42\n",
  "requirements.txt": "tabulate==0.9.0\n",
  "src/requirements.txt": "colorama\n",
  "train.py": `import json, sys, tabulate, colorama, theirs
print(theirs.__file__)
json.dump({"score": theirs.SCORE}, open(sys.argv[sys.argv.index("--out") + 1] + "/metrics.json", "w"))
`,
  "tasks/conf.py": "raise SystemExit('theirs')\n",
  "deno.json": '{ "tasks": { "train": "echo theirs" } }\n',
  ".dockerignore": "**/.*\nnotes\n",
  ".gitignore": "*.pyc\n",
};

const project = reason === undefined ? await Project.make(FILES) : undefined!;

if (project !== undefined) {
  addEventListener("unload", () => Deno.removeSync(project.root, { recursive: true }));
  await git(project, "init", "--quiet");
  await git(project, "add", "-A");
  await git(project, "commit", "--quiet", "-m", "all");
}

function foreignTest(name: string, fn: () => Promise<void>) {
  Deno.test({ name, ignore: reason !== undefined, fn });
}

async function task(name: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await project.task(name, args);
  assert.equal(code, 0, stdout + stderr);
  return stdout + stderr;
}

foreignTest(
  "its wheels are downloaded and its image is built from them, and git sees nothing of it",
  async () => {
    await task("build", "--download-wheels");
    await task("build", "--cpu");
    assert.equal(await git(project, "status", "--porcelain", "--untracked-files=all"), "");
    const labels = JSON.parse(await said("image", "inspect", "--format", "{{json .Config.Labels}}", IMAGE));
    assert.equal(labels["experiment.requirements"], "requirements.txt:src/requirements.txt");
  },
);

foreignTest(
  "the image reproduces by the task runner that was put into it, also without a network",
  async () => {
    const printed = await said("run", "--rm", "--network", "none", IMAGE, "reproduce");
    assert.match(printed, /Reproduced: 1 of 1 claims hold/);
    assert.match(printed, /\/home\/jovyan\/work\/src\/theirs\/__init__\.py/);
    const help = await said("run", "--rm", "--network", "none", IMAGE, "gjt", "verify", "--help");
    assert.match(help, /^gjt verify/m);
    const { code, stderr } = await docker("run", "--rm", IMAGE, "gjt", "ok");
    assert.equal(code, 2);
    assert.match(stderr, /"gjt ok" is for who works on the task runner itself/);
    assert.match(await said("run", "--rm", IMAGE, "jupyter", "lab", "--version"), /^\d+\.\d+/);
  },
);

/** Why Podman can't build here, if it can't. */
async function missingPodman(): Promise<string | undefined> {
  if (reason !== undefined) return reason;
  if (Deno.uid() !== 0) return "without root Podman may copy each layer whole";
  const found = await call(["podman", "version"]).catch(() => undefined);
  return found?.code === 0 ? undefined : "there is no podman";
}

const noPodman = await missingPodman();

if (noPodman !== undefined) {
  console.log(`ignored: Podman's build of somebody's repository, since ${noPodman}`);
}

Deno.test({
  name: "Podman builds it from the same wheels, and it reproduces in what it built",
  ignore: noPodman !== undefined,
  async fn() {
    // Images of its own, all in one folder, so that none is left.
    const store = await Deno.makeTempDir({ prefix: "podman-" });
    const conf = `${store}/storage.conf`;
    await Deno.writeTextFile(
      conf,
      `[storage]\ndriver = "overlay"\ngraphroot = "${store}/graph"\nrunroot = "${store}/run"\n`,
    );
    const env = { CONTAINERS_STORAGE_CONF: conf };
    try {
      await saidBy(["docker", "save", "--output", `${store}/base.tar`, BASE]);
      await saidBy(["podman", "load", "--quiet", "--input", `${store}/base.tar`], env);
      const built = await project.task("build", ["--cpu", "--engine", "podman"], env);
      assert.equal(built.code, 0, built.stdout + built.stderr);
      assert.match(built.stdout, /^Building foreign-test:cpu on .*, by podman$/m);
      assert.match(built.stdout, /^foreign-test:cpu {2}configuration sha256:[0-9a-f]{64} .* unpacked$/m);
      const { code, stdout, stderr } = await project.task("reproduce", ["--engine", "podman"], env);
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /Reproduced: 1 of 1 claims hold/);
    } finally {
      // Podman keeps the store mounted.
      await call(["umount", `${store}/graph/overlay`]);
      await Deno.remove(store, { recursive: true });
    }
  },
});

foreignTest("a mounted checkout of it is what runs, and its code is imported as it is now", async () => {
  await project.write("src/theirs/__init__.py", "SCORE = 43\n");
  const { code, stdout } = await project.task("reproduce", ["--engine", "docker"]);
  assert.equal(code, 1);
  assert.match(stdout, /score +42 +43/);
  await git(project, "checkout", "--quiet", "src");
  assert.match(await task("reproduce", "--engine", "docker"), /Reproduced: 1 of 1 claims hold/);
  const labels = JSON.parse(await said("image", "inspect", "--format", "{{json .Config.Labels}}", IMAGE));
  assert.equal(await outdated(labels, project.root), false);
  await project.write("src/requirements.txt", "colorama>0\n");
  assert.equal(await outdated(labels, project.root), true);
  await git(project, "checkout", "--quiet", "src");
});

/**
 * Stands for GPU-Jupyter: Python packages of its own, which are to stay, among them what builds packages, and without some
 * that the experiment needs.
 */
const PACKAGED_BASE = `FROM ${IMAGE}
USER root
COPY *.whl /tmp/builders/
RUN pip install --quiet --no-index --upgrade /tmp/builders/*.whl
RUN pip uninstall --yes --quiet colorama theirs && rm -rf /home/jovyan/work/* /opt/experiment /etc/experiment-image
USER 1000
`;

foreignTest(
  "its GPU image keeps the packages of the base, adds what is missing, and reproduces",
  async () => {
    const base = await Project.make({ Dockerfile: PACKAGED_BASE });
    for (const { name } of Deno.readDirSync(project.path("wheelhouse"))) {
      if (!/^(?:setuptools|wheel|packaging)-/.test(name)) continue;
      await Deno.copyFile(project.path(`wheelhouse/${name}`), base.path(name));
    }
    await said("build", "--quiet", "--tag", "foreign-test:base", base.root);
    await base[Symbol.asyncDispose]();
    const args = ["--base", "foreign-test:base", "--wheelhouse", project.path("wheelhouse")];
    assert.match(await task("build", ...args), /Building foreign-test:gpu on foreign-test:base/);
    const printed = await said("run", "--rm", "--network", "none", "foreign-test:gpu", "reproduce");
    assert.match(printed, /Reproduced: 1 of 1 claims hold/);
    assert.match(printed, /\/home\/jovyan\/work\/src\/theirs\/__init__\.py/);
    assert.equal(
      await said("run", "--rm", "foreign-test:gpu", "cat", "/etc/experiment-image"),
      "foreign-test:gpu",
    );
    for (const name of ["foreign-test:gpu", "foreign-test:base"]) await said("image", "rm", name);
  },
);

foreignTest("publish makes an archive of its commit, and says the line for the paper", async () => {
  const archive = project.path("image.tar");
  const printed = await task("publish", "--cpu", "--tag", "foreign-test:1.0", "--archive", archive);
  assert.match(printed, /docker load --input image\.tar && docker run --rm foreign-test:1\.0 reproduce/);
  assert.ok((await Deno.stat(archive)).size > 1e8);
  for (const image of [IMAGE, "foreign-test:1.0"]) await said("image", "rm", image);
});
