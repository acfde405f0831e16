/** Environments from the files that repositories have, made by the real uv, pip and Poetry. */

import assert from "node:assert/strict";
import { readEnvironmentFile } from "../../tasks/lib/environment/conda_packages.ts";
import { join } from "node:path";
import { Failure } from "../../tasks/lib/cli/failure.ts";
import { ensureEnvironment, type EnvironmentOptions } from "../../tasks/lib/environment/environment.ts";
import { forThisMachine } from "../../tasks/lib/environment/exported.ts";
import { pythonsIn } from "../../tasks/lib/environment/format.ts";
import { FORMATS } from "../../tasks/lib/environment/formats/index.ts";
import { parsePipfileLock } from "../../tasks/lib/environment/formats/pipfile_lock.ts";
import { installArguments, installLines } from "../../tasks/lib/environment/install_arguments.ts";
import { findPython } from "../../tasks/lib/environment/python.ts";
import { findSource, pythonsFor } from "../../tasks/lib/environment/source.ts";
import { findUv } from "../../tasks/lib/environment/uv.ts";
import { readExperiment } from "../../tasks/lib/experiment/read.ts";
import { findOnPath } from "../../tasks/lib/system/on_path.ts";
import { Project } from "../support/project.ts";
import { makeWheels, serveWheels } from "../support/wheel_index.ts";

const MAKE_CHANNEL = join(import.meta.dirname!, "..", "fixtures/environment/make_channel.py");

const python = await findPython();

const uv = await findUv();

const poetry = findOnPath("poetry");

for (const [name, there] of [["uv", uv], ["poetry", poetry]]) {
  if (there === undefined) {
    console.log(`ignored: the tests with the real ${name}; deno task machine installs it`);
  }
}

const wheels = await Deno.makeTempDir({ prefix: "wheels-" });

addEventListener("unload", () => Deno.removeSync(wheels, { recursive: true }));

/** A line for each of alpha, beta and torch, with hashes. */
const LOCK = await makeWheels(python.path, wheels);

/** Nothing is asked but the folder of wheels. */
const OFFLINE = {
  ...{ PIP_CONFIG_FILE: "/dev/null", PIP_NO_INDEX: "1", PIP_FIND_LINKS: wheels, PYTHON: python.path },
  ...{ UV_NO_INDEX: "1", UV_FIND_LINKS: wheels, UV_NO_CONFIG: "1" },
};

async function run([program, ...args]: string[], options: Deno.CommandOptions = {}): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command(program!, { args, ...options }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** A folder of files, with the environment's own variables. */
class Repository implements AsyncDisposable {
  readonly said: string[] = [];
  readonly #before = new Map<string, string | undefined>();

  private constructor(readonly root: string) {}

  static async make(
    files: Record<string, string>,
    env: Record<string, string> = OFFLINE,
  ): Promise<Repository> {
    const repository = new Repository(await Deno.realPath(await Deno.makeTempDir({ prefix: "repository-" })));
    for (const [name, value] of Object.entries({ VENV_DIR: "", ...env })) {
      repository.#before.set(name, Deno.env.get(name));
      Deno.env.set(name, value);
    }
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(repository.root, name), text);
    }
    return repository;
  }

  async ensure(options: Partial<EnvironmentOptions>) {
    return await ensureEnvironment({
      ...{ root: this.root, gpu: false, announce: (line) => this.said.push(line) },
      ...options,
    });
  }

  async failure(options: Partial<EnvironmentOptions>): Promise<Failure> {
    const error = await this.ensure(options).then(() => undefined, (error) => error);
    assert.ok(error instanceof Failure, `Expected a Failure, current value is ${error?.stack ?? error}`);
    return error;
  }

  async [Symbol.asyncDispose]() {
    for (const [name, value] of this.#before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
    await Deno.remove(this.root, { recursive: true });
  }
}

const PROJECT = `[project]
name = "mine"
version = "1.0"
requires-python = ">=3.8"
dependencies = ["alpha"]
[project.optional-dependencies]
more = ["beta"]
[dependency-groups]
experiments = ["beta"]
`;

Deno.test("every format is known by a name of its own, and locks come first", () => {
  const names = FORMATS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(FORMATS.map(({ isLock }) => isLock), FORMATS.map(({ isLock }) => isLock).sort().reverse());
});

Deno.test("findSource() in a folder takes a lock before a specification, and says what it passed over", async () => {
  const cases: [files: string[], taken: string, passed: string[]][] = [
    [["requirements.txt", "requirements-dev.txt"], "requirements.txt", ["requirements-dev.txt"]],
    [["environment.yml", "pyproject.toml", "uv.lock"], "uv.lock", ["environment.yml"]],
    [["Pipfile", "Pipfile.lock"], "Pipfile.lock", []],
    [["environment.yml", "conda-lock.yml", "setup.py"], "conda-lock.yml", ["setup.py"]],
    [["pixi.lock", "pixi.toml"], "pixi.lock", []],
    [["environment.yml", "setup.py"], "environment.yml", ["setup.py"]],
  ];
  for (const [files, taken, passed] of cases) {
    const texts = files.map((name) => [name, name.startsWith("setup") ? "setup()" : PROJECT]);
    await using repository = await Repository.make(Object.fromEntries(texts));
    const notes: string[] = [];
    const source = await findSource(repository.root, ["."], {}, (line) => notes.push(line));
    assert.equal(source.lock, join(repository.root, taken));
    const said = /passed over: (.*) \(/.exec(notes.join())?.[1]?.split(", ") ?? [];
    assert.deepEqual(said, passed, taken);
  }
});

Deno.test("a lock that is named is what it is, and not locked by itself", async () => {
  await using repository = await Repository.make({
    "pixi.lock": "version: 6\n",
    "pixi.toml": "[workspace]\n",
  });
  for (
    const [named, said] of [["pixi.lock", []], ["pixi.toml", [
      "pixi.toml is locked by pixi.lock, which is used",
    ]]] as const
  ) {
    const notes: string[] = [];
    const source = await findSource(repository.root, [named], {}, (line) => notes.push(line));
    assert.deepEqual([source.lock, notes], [join(repository.root, "pixi.lock"), said]);
  }
});

Deno.test("a plan says which files the environment would be made from, and what is passed over", async () => {
  await using project = await Project.make({
    "experiment.yaml": "name: test\nenvironment: { requirements: . }\nsteps: { a: { run: [python, -V] } }\n",
    "requirements.txt": "alpha==1.0\n",
    "environment.yml": "dependencies: [python]\n",
  });
  const { code, stderr } = await project.task("reproduce", ["--plan", "--engine", "host"]);
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /The environment is made from .*; passed over: .* \(environment\.requirements names another\)/,
  );
});

Deno.test("findSource() names what there is to do where a folder has nothing, or files don't go together", async () => {
  await using repository = await Repository.make({
    "pyproject.toml": "[tool.black]\n",
    "environment.yml": "",
  });
  const empty = join(repository.root, "src");
  await Deno.mkdir(empty);
  await assert.rejects(findSource(repository.root, ["src"], {}, () => {}), {
    exitCode: 2,
    message: /in src$/,
  });
  await assert.rejects(findSource(repository.root, ["requirements.txt", "environment.yml"], {}, () => {}), {
    exitCode: 2,
    message: "environment.yml must be the only one of environment.requirements",
  });
});

Deno.test("extras or groups of a format that has none are refused, with the place in experiment.yaml", async (t) => {
  const cases: [environment: string, files: Record<string, string>, message: RegExp | undefined][] = [
    [
      "requirements: r.txt\n  extras: [cpu]",
      { "r.txt": "" },
      /extras must be left out.*r\.txt has no extras \(experiment\.yaml:4:11\)/,
    ],
    [
      "requirements: [r.txt]\n  groups: [dev]",
      { "r.txt": "" },
      /groups must be left out.*r\.txt has no groups \(experiment\.yaml:4:11\)/,
    ],
    [
      "requirements: environment.yml\n  extras: [cpu]",
      { "environment.yml": "" },
      /environment\.yml has no extras/,
    ],
    ["requirements: Pipfile.lock\n  extras: [cpu]", { "Pipfile.lock": "{}" }, /Pipfile\.lock has no extras/],
    ["requirements: pixi.lock\n  extras: [cpu]", { "pixi.lock": "" }, /pixi\.lock has no extras/],
    ["requirements: setup.py\n  groups: [dev]", { "setup.py": "setup()" }, /setup\.py has no groups/],
    ["install: [tqdm]\n  extras: [cpu]", {}, /install has no extras/],
    [
      "requirements: [r.txt, pyproject.toml]\n  extras: [cpu]",
      { "r.txt": "", "pyproject.toml": PROJECT },
      undefined,
    ],
    ["requirements: uv.lock\n  groups: [dev]", { "uv.lock": "" }, undefined],
  ];
  for (const [text, files, message] of cases) {
    await t.step(text.replaceAll("\n ", ","), async () => {
      const yaml = `name: test\nenvironment:\n  ${text}\nsteps: { a: { run: [python] } }\n`;
      await using repository = await Repository.make({ "experiment.yaml": yaml, ...files });
      const { root, environment } = await readExperiment(repository.root, repository.root);
      const found = findSource(root, environment.requirements ?? [], environment, () => {});
      if (message === undefined) await found;
      else await assert.rejects(found, { exitCode: 2, message });
    });
  }
});

Deno.test("pythonsFor() takes what experiment.yaml says, else what any of the files asks for", async () => {
  await using repository = await Repository.make({ "r.txt": "", "pyproject.toml": PROJECT });
  const source = await findSource(repository.root, ["r.txt", "pyproject.toml"], {}, () => {});
  assert.deepEqual(await pythonsFor(source), { oldest: "3.8" });
  assert.deepEqual(await pythonsFor(source, "3.10"), { oldest: "3.10", newest: "3.10", isExact: true });
});

Deno.test("pythonsIn() reads the range of a pyproject.toml and of locks", () => {
  assert.deepEqual(pythonsIn('requires-python = ">=3.10,<3.13"'), { oldest: "3.10", newest: "3.12" });
  assert.deepEqual(pythonsIn('python-versions = "^3.9"'), { oldest: "3.9" });
  assert.deepEqual(pythonsIn('requires-python = "==3.8.*"'), { oldest: "3.8", newest: "3.8" });
  assert.equal(pythonsIn('name = "x"'), undefined);
});

Deno.test("installArguments() makes folders absolute, and nothing else", () => {
  assert.deepEqual(installArguments("/p", ["-e", ".[dev]", "./lib", "alpha==1", "git+https://e.org/x"]), [
    ...["-e", "/p[dev]", "/p/lib", "alpha==1", "git+https://e.org/x"],
  ]);
  assert.deepEqual(installLines("/p", ["-e", ".", "alpha"]), ["-e /p", "alpha"]);
});

Deno.test({
  name: "forThisMachine() makes of a lock for GPUs one for a CPU",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const entry = (name: string, version: string) => ({ name, version, marker: "", hashes: ["sha256:aa"] });
    const packages = [entry("alpha", "1"), entry("torch", "2.5.1"), entry("nvidia-nccl-cu12", "2")];
    const versions = (gpu: boolean, torch?: string) =>
      forThisMachine(packages, { gpu, torch }).kept.map(({ name, version }) => `${name} ${version}`);
    assert.deepEqual(versions(false), ["alpha 1", "torch 2.5.1+cpu"]);
    assert.deepEqual(versions(true), ["alpha 1", "torch 2.5.1", "nvidia-nccl-cu12 2"]);
    assert.deepEqual(versions(true, "cpu"), ["alpha 1", "torch 2.5.1+cpu"]);
    assert.match(
      forThisMachine(packages, { gpu: false }).note ?? "",
      /another build of torch 2\.5\.1; .* cpu$/,
    );
  },
});

Deno.test("parsePipfileLock() reads packages with their hashes, and what comes from elsewhere", () => {
  const lock = {
    default: {
      Alpha_X: { version: "==1.0", hashes: ["sha256:aa"], markers: "python_version >= '3.8'" },
      other: { git: "https://e.org/other", ref: "abc" },
      mine: { editable: true, path: "." },
    },
    develop: { beta: { version: "==2.0", hashes: [] } },
  };
  const alpha = { name: "alpha-x", version: "1.0", marker: "python_version >= '3.8'", hashes: ["sha256:aa"] };
  assert.deepEqual(parsePipfileLock(JSON.stringify(lock), []), {
    packages: [alpha],
    local: ["other @ git+https://e.org/other@abc", "-e", "."],
  });
  assert.equal(parsePipfileLock(JSON.stringify(lock), ["develop"]).packages.length, 2);
  assert.throws(() => parsePipfileLock("no", []), { exitCode: 2 });
});

Deno.test("several requirements files make one environment, with pip", async () => {
  const env = { ...OFFLINE, UV: "/nothing/uv" };
  await using repository = await Repository.make({
    "requirements.txt": "alpha\n",
    "requirements-b.txt": "beta\n",
  }, env);
  const made = await repository.ensure({ requirements: ["requirements.txt", "requirements-b.txt"] });
  await run([made.python, "-c", "import alpha, beta"]);
  assert.match(repository.said.join("\n"), /Resolving requirements\.txt, requirements-b\.txt/);
  await Deno.writeTextFile(join(repository.root, "requirements-b.txt"), "beta==2.0\n");
  const again = await repository.ensure({ requirements: ["requirements.txt", "requirements-b.txt"] });
  assert.equal(again.made, true);
  assert.equal((await repository.ensure({ requirements: ["requirements.txt"] })).made, true);
});

Deno.test("Pipfile.lock is installed with its hashes, with pip", async () => {
  const hash = /alpha==1\.0 \\\s+--hash=(\S+)/.exec(LOCK)![1]!;
  const lock = (digest: string) =>
    JSON.stringify({ default: { alpha: { version: "==1.0", hashes: [digest] } } });
  const env = { ...OFFLINE, UV: "/nothing/uv" };
  await using repository = await Repository.make({ Pipfile: "", "Pipfile.lock": lock(hash) }, env);
  const made = await repository.ensure({ requirements: "Pipfile" });
  assert.equal(made.locked, true);
  await run([made.python, "-c", "import alpha"]);
  assert.match(repository.said.join("\n"), /Pipfile is locked by Pipfile\.lock, which is used/);
  await Deno.writeTextFile(join(repository.root, "Pipfile.lock"), lock(`sha256:${"0".repeat(64)}`));
  const { exitCode, message } = await repository.failure({ requirements: "Pipfile.lock" });
  assert.deepEqual([exitCode, /alpha/.test(message)], [3, true]);
});

/** Packages of the environment, by importing them. */
async function imports(python: string, ...modules: string[]): Promise<boolean[]> {
  const code = "import importlib.util as u, sys; print([u.find_spec(m) is not None for m in sys.argv[1:]])";
  return JSON.parse((await run([python, "-c", code, ...modules], { cwd: "/" })).toLowerCase());
}

Deno.test({
  name: "pyproject.toml: dependencies, extras and groups, with the real uv",
  ignore: uv === undefined,
  fn: async () => {
    await using repository = await Repository.make({ "pyproject.toml": PROJECT });
    const plain = await repository.ensure({ requirements: "pyproject.toml" });
    assert.deepEqual(await imports(plain.python, "alpha", "beta"), [true, false]);
    const extra = await repository.ensure({ requirements: "pyproject.toml", extras: ["more"] });
    assert.deepEqual(await imports(extra.python, "alpha", "beta"), [true, true]);
    const group = await repository.ensure({ requirements: "pyproject.toml", groups: ["experiments"] });
    assert.deepEqual(await imports(group.python, "alpha", "beta"), [true, true]);
    const { exitCode, message } = await repository.failure({
      requirements: "pyproject.toml",
      extras: ["none"],
    });
    assert.deepEqual([exitCode, /none/.test(message)], [3, true], message);
  },
});

Deno.test({
  name: "uv.lock: what uv exports of it, conflicting extras too, and the lock stays as it is",
  ignore: uv === undefined,
  fn: async () => {
    const conflicting = `${
      PROJECT.replace("[dependency-groups]", 'less = ["alpha==1.0"]\n[dependency-groups]')
    }
[tool.uv]
conflicts = [[{ extra = "more" }, { extra = "less" }]]
`;
    await using repository = await Repository.make({ "pyproject.toml": conflicting });
    await run([uv!.path, "lock", "--directory", repository.root, "--python", python.path]);
    const lock = await Deno.readTextFile(join(repository.root, "uv.lock"));
    const made = await repository.ensure({ requirements: ".", extras: ["more"] });
    assert.deepEqual([made.lock, made.locked], [join(repository.root, "uv.lock"), true]);
    assert.deepEqual(await imports(made.python, "alpha", "beta", "mine"), [true, true, false]);
    const both = await repository.failure({ requirements: "uv.lock", extras: ["more", "less"] });
    assert.equal(both.exitCode, 3);
    assert.match(both.message, /[Ee]xtras? .*(?:less|more)/);
    assert.equal(await Deno.readTextFile(join(repository.root, "uv.lock")), lock);
  },
});

Deno.test({
  name: "pylock.toml: installed as it is, with the real uv",
  ignore: uv === undefined,
  fn: async () => {
    await using repository = await Repository.make({ "pyproject.toml": PROJECT });
    const { root } = repository;
    const argv = [
      uv!.path,
      "pip",
      "compile",
      "pyproject.toml",
      "--format",
      "pylock.toml",
      "-o",
      "pylock.toml",
      "-q",
    ];
    await run([...argv, "--python", python.path], { cwd: root });
    const made = await repository.ensure({ requirements: "pyproject.toml" });
    assert.deepEqual([made.lock, made.locked], [join(root, "pylock.toml"), true]);
    assert.deepEqual(await imports(made.python, "alpha", "beta"), [true, false]);
  },
});

Deno.test({
  name: "install: [-e, .] adds the project itself, beside requirements or alone",
  ignore: uv === undefined,
  fn: async () => {
    // Setuptools comes from the package index; without it nothing can be built.
    const { UV_NO_INDEX: _, PIP_NO_INDEX: __, ...env } = OFFLINE;
    const setup =
      "from setuptools import setup\nsetup(name='mine', version='1', py_modules=['mine'], install_requires=['alpha'])";
    const files = { "setup.py": setup, "mine.py": "import alpha\n", "requirements.txt": "beta\n" };
    await using repository = await Repository.make(files, env);
    const alone = await repository.ensure({ install: ["-e", "."] });
    assert.deepEqual(await imports(alone.python, "alpha", "beta", "mine"), [true, false, true]);
    const beside = await repository.ensure({ requirements: "requirements.txt", install: ["-e", "."] });
    assert.deepEqual(await imports(beside.python, "alpha", "beta", "mine"), [true, true, true]);
    assert.doesNotMatch(repository.said.join("\n"), /versions open \([^)]*mine/);
  },
});

Deno.test({
  name:
    "git add -A adds nothing of what makes the environment, with a .gitignore of one line and without any",
  ignore: uv === undefined,
  fn: async () => {
    const { UV_NO_INDEX: _, PIP_NO_INDEX: __, ...env } = OFFLINE;
    const setup =
      "from setuptools import setup\nsetup(name='mine', version='1', package_dir={'': 'src'}, packages=['mine'])";
    for (const ignored of [undefined, "*.pyc\n"]) {
      const files = { "setup.py": setup, ...(ignored !== undefined && { ".gitignore": ignored }) };
      await using repository = await Repository.make(files, env);
      const { root } = repository;
      await Deno.mkdir(join(root, "src/mine"), { recursive: true });
      await Deno.writeTextFile(join(root, "src/mine/__init__.py"), "");
      const git = (...args: string[]) => run(["git", "-C", root, ...args]);
      await git("init", "--quiet");
      await git("add", "-A");
      const before = await git("ls-files");
      for (const install of [["-e", "."], ["."]]) await repository.ensure({ install });
      await git("add", "-A");
      assert.equal(await git("ls-files"), before);
    }
  },
});

Deno.test({
  name: "poetry.lock: what the real Poetry exports of it",
  ignore: uv === undefined || poetry === undefined,
  fn: async () => {
    const { UV_NO_INDEX: _, PIP_NO_INDEX: __, UV_FIND_LINKS: ___, PIP_FIND_LINKS: ____, ...env } = OFFLINE;
    await using index = serveWheels(wheels);
    const { port } = index.addr;
    const project = `[project]
name = "mine"
version = "1.0"
requires-python = ">=3.10"
dependencies = ["alpha"]
[tool.poetry]
package-mode = false
[tool.poetry.group.tests.dependencies]
beta = { path = "beta-2.0-py3-none-any.whl" }
[[tool.poetry.source]]
name = "ours"
url = "http://127.0.0.1:${port}/simple/"
`;
    await using repository = await Repository.make({ "pyproject.toml": project }, env);
    await Deno.copyFile(
      join(wheels, "beta-2.0-py3-none-any.whl"),
      join(repository.root, "beta-2.0-py3-none-any.whl"),
    );
    await run([poetry!, "lock", "--directory", repository.root, "--no-interaction"], {
      env: { POETRY_VIRTUALENVS_CREATE: "false" },
    });
    const made = await repository.ensure({ requirements: "pyproject.toml" });
    assert.deepEqual([made.lock, made.locked], [join(repository.root, "poetry.lock"), true]);
    assert.deepEqual(await imports(made.python, "alpha", "beta"), [true, false]);
    const more = await repository.ensure({ requirements: "poetry.lock", groups: ["tests"] });
    assert.deepEqual(await imports(more.python, "alpha", "beta"), [true, true]);
  },
});

Deno.test({
  name: "torch: its build comes from the index that has it, as the real uv is told",
  ignore: uv === undefined,
  fn: async (t) => {
    const cases: [torch: string, index: string, gpu: boolean][] = [
      ["cu128", "https://download.pytorch.org/whl/cu128/torch/", false],
      ["cpu", "https://download.pytorch.org/whl/cpu/torch/", true],
      ["auto", "https://download.pytorch.org/whl/cpu/torch/", false],
    ];
    for (const [torch, index, gpu] of cases) {
      await t.step(torch, async () => {
        // Nothing can be reached, so that what uv asks for first is the last that it says.
        const nowhere = { HTTPS_PROXY: "http://127.0.0.1:9", HTTP_PROXY: "http://127.0.0.1:9" };
        const { UV_NO_INDEX: _, UV_FIND_LINKS: __, ...env } = OFFLINE;
        await using repository = await Repository.make({ "requirements.txt": "torch\n" }, {
          ...{ ...env, ...nowhere, UV_HTTP_RETRIES: "0", PIP_FIND_LINKS: "", PIP_NO_INDEX: "" },
          UV_CACHE_DIR: await Deno.makeTempDir({ dir: wheels }),
        });
        const failure = await repository.failure({ requirements: "requirements.txt", torch, gpu });
        assert.equal(failure.exitCode, 3);
        const log = await Deno.readTextFile(failure.details.log!);
        assert.match(
          log,
          new RegExp(`uv pip compile .*--torch-backend ${torch === "auto" ? "cpu" : torch}\n`),
        );
        const asked = [...log.matchAll(/Failed to fetch: (\S+)/g)].map(([, address]) => address);
        assert.equal(asked[0], index, log);
      });
    }
  },
});

Deno.test("a format whose program is not on PATH is refused with the way to get it", async () => {
  const files = {
    "environment.yml": "",
    "pixi.toml": "",
    "poetry.lock": "",
    Pipfile: "",
    "conda-lock.yml": "",
  };
  await using repository = await Repository.make(files, { ...OFFLINE, UV: "/nothing/uv", PATH: "/nothing" });
  const cases: [file: string, message: RegExp, remedy: RegExp][] = [
    ["environment.yml", /locked|none of micromamba, mamba and conda is on PATH/, /micromamba/],
    ["conda-lock.yml", /none of micromamba, mamba and conda is on PATH/, /micromamba/],
    ["pixi.toml", /pixi is not on PATH/, /pixi\.prefix\.dev/],
    ["poetry.lock", /poetry is not on PATH/, /poetry-plugin-export/],
    ["Pipfile", /pipenv is not on PATH/, /pipenv/],
  ];
  for (const [file, message, remedy] of cases) {
    const failure = await repository.failure({ requirements: file });
    assert.equal(failure.exitCode, 3);
    assert.match(failure.message, message);
    assert.match(failure.details.remedy ?? "", remedy);
  }
});

/**
 * conda can't be had where these tests run: this stand-in takes the arguments that micromamba documents, and makes a
 * virtual environment in the prefix.
 */
Deno.test("environment.yml is given to micromamba, which makes the environment where it stays", async () => {
  await using repository = await Repository.make({ "environment.yml": "dependencies: [python]\n" });
  const bin = join(repository.root, "bin");
  await Deno.mkdir(bin);
  const fake = `#!/bin/sh
echo "$@" > ${repository.root}/asked
while [ "$1" != --prefix ]; do shift; done
[ -e ${repository.root}/broken ] && mkdir -p "$2" && echo "critical libmamba: no such package" >&2 && exit 1
exec ${python.path} -m venv --without-pip "$2"
`;
  await Deno.writeTextFile(join(bin, "micromamba"), fake, { mode: 0o755 });
  const before = Deno.env.get("PATH")!;
  Deno.env.set("PATH", `${bin}:${before}`);
  try {
    const made = await repository.ensure({ requirements: "environment.yml" });
    const { root } = repository;
    assert.equal(
      await Deno.readTextFile(join(root, "asked")),
      `create --file ${root}/environment.yml --prefix ${root}/.venv --yes\n`,
    );
    assert.equal((await repository.ensure({ requirements: "environment.yml" })).made, false);
    await Deno.writeTextFile(join(root, "broken"), "");
    await Deno.writeTextFile(join(root, "environment.yml"), "dependencies: [python, nothing]\n");
    const { exitCode, message } = await repository.failure({ requirements: "environment.yml" });
    assert.equal(exitCode, 3);
    assert.match(message, /no such package/);
    assert.match(made.python, /\.venv\/bin\/python$/);
  } finally {
    Deno.env.set("PATH", before);
  }
});

Deno.test("readEnvironmentFile() reads conda's specifications, and what pip is to add", async () => {
  const text =
    "name: mine\nchannels: [pytorch, nodefaults]\ndependencies:\n  - python=3.9\n  - numpy=1.26=py39_0\n" +
    "  - scipy>=1.10\n  - conda-forge::xyz\n  - pip\n  - pip:\n    - -r more.txt\n    - -e .\n    - ./lib\n    - tqdm==4\n";
  await using repository = await Repository.make({ "environment.yml": text, "bad.yml": "dependencies: 3\n" });
  const { root } = repository;
  assert.deepEqual(await readEnvironmentFile(join(root, "environment.yml")), {
    channels: ["pytorch", "nodefaults"],
    specs: ["python 3.9.*", "numpy ==1.26 py39_0", "scipy>=1.10", "conda-forge::xyz", "pip"],
    pip: [`-r ${root}/more.txt`, `-e ${root}`, `${root}/lib`, "tqdm==4"],
  });
  await assert.rejects(readEnvironmentFile(join(root, "bad.yml")), {
    exitCode: 2,
    message: /list of dependencies/,
  });
});

Deno.test({
  name:
    "environment.yml without any program of conda's: py-rattler makes it from a channel, and pip adds the rest",
  ignore: uv === undefined || Deno.build.os !== "linux",
  fn: async () => {
    const { UV_NO_INDEX: _, PIP_NO_INDEX: __, ...env } = OFFLINE;
    await using repository = await Repository.make({}, {
      ...env,
      PATH: "/usr/bin:/bin",
      UV: findOnPath(uv!.path) ?? uv!.path,
    });
    const { root } = repository;
    Deno.env.set("XDG_CACHE_HOME", join(root, "cache"));
    const version = (await run([python.path, MAKE_CHANNEL, join(root, "channel")])).trim();
    const file = (tiny: string) =>
      `channels: [file://${root}/channel]\ndependencies: [python, tiny${tiny}, pip: [tabulate==0.9.0]]\n`;
    await Deno.writeTextFile(join(root, "environment.yml"), file("=1"));
    const made = await repository.ensure({ requirements: "environment.yml" });
    const show = "import sys, tiny, tabulate; print(sys.prefix, tiny.VERSION, sys.version.split()[0])";
    assert.equal(await run([made.python, "-c", show]), `${root}/.venv 1.0 ${version}\n`);
    assert.match(repository.said.join("\n"), /Solving environment\.yml with py-rattler, since no micromamba/);
    assert.match(
      repository.said.join("\n"),
      /from environment\.yml \(about [\d.]+ MB to download\), with py-rattler/,
    );
    assert.equal((await repository.ensure({ requirements: "environment.yml" })).made, false);

    await Deno.writeTextFile(join(root, "environment.yml"), file("=3"));
    const failure = await repository.failure({ requirements: "environment.yml" });
    assert.equal(failure.exitCode, 3);
    assert.match(failure.message, /tiny/);
    assert.equal(await run([made.python, "-c", show]), `${root}/.venv 1.0 ${version}\n`);
  },
});
