/** `environment.as_of`: the packages of a day. */

import assert from "node:assert/strict";
import type { Failure } from "../../tasks/lib/cli/failure.ts";
import { broughtThen, dayFor, pythonsOn, uvArguments } from "../../tasks/lib/environment/packages_of_then.ts";
import { environmentRequest } from "../../tasks/lib/environment/environment.ts";
import { findSource } from "../../tasks/lib/environment/source.ts";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import type { Host } from "../../tasks/lib/system/host.ts";
import { findPython } from "../../tasks/lib/environment/python.ts";
import { findUv } from "../../tasks/lib/environment/uv.ts";
import { type DatedPackage, serveDated } from "../support/dated_index.ts";
import { Project } from "../support/project.ts";

const experiment = (asOf: string) =>
  `name: a\nenvironment:\n  requirements: requirements.txt\n  as_of: ${asOf}\nsteps: { a: { run: [python, a.py] } }\n`;

Deno.test("pythonsOn() and dayFor() keep a day and a Python that had packages then together", () => {
  assert.deepEqual(pythonsOn("2022-09-29"), { oldest: "3.8", newest: "3.10" });
  assert.deepEqual(pythonsOn("2015-01-01"), { oldest: "3.8", newest: "3.8" });
  assert.deepEqual(pythonsOn("2030-01-01").newest, "3.14");
  assert.equal(dayFor("2022-09-29", "3.10.13"), "2022-09-29");
  assert.equal(dayFor("2022-09-29", "3.11.7"), "2023-04-24"); // 3.11 came out a month later
  assert.equal(dayFor("2015-01-01", "3.8.18"), "2020-01-15");
  assert.equal(dayFor("2022-09-29", "3.99.0"), "2022-09-29");
});

Deno.test("uvArguments() limits all but PyTorch, whose index tells no days, and what builds folders in place", () => {
  assert.deepEqual(uvArguments(undefined, "3.11.7"), []);
  const words = uvArguments("2021-04-16", "3.9.18");
  assert.deepEqual(words.slice(0, 2), ["--exclude-newer", "2021-04-16T23:59:59Z"]);
  assert.ok(words.includes("torch=false"));
  assert.ok(words.includes("setuptools=2022-09-01T23:59:59Z"));
  assert.ok(!uvArguments("2024-01-01", "3.11.7").some((word) => word.startsWith("setuptools")));
});

Deno.test("broughtThen() is what environments had by themselves before Python 3.12", () => {
  assert.deepEqual(broughtThen("2021-04-16", "3.8.18"), ["setuptools"]);
  assert.deepEqual(broughtThen("2024-04-16", "3.12.1"), []);
  assert.deepEqual(broughtThen(undefined, "3.8.18"), []);
});

Deno.test("as_of reaches the environment, and is refused where it is no day", async () => {
  await using project = await Project.make({ "requirements.txt": "six\n" });
  const file = project.path("experiment.yaml");
  const parsed = parseExperiment(experiment("2022-09-29"), file, project.root);
  assert.equal(environmentRequest(parsed, { gpus: [] } as unknown as Host).asOf, "2022-09-29");
  for (const wrong of ["2022", "2022-13-01", "yesterday", "20220929"]) {
    assert.throws(
      () => parseExperiment(experiment(wrong), file, project.root),
      (error: Failure) => /as_of must be a day in the past/.test(error.details.problems![0]!.message),
    );
  }
});

Deno.test("as_of is refused for what is made by its own tool", async () => {
  const files = {
    "environment.yml": "dependencies: [numpy]\n",
    "requirements.txt": "six\n",
    "Pipfile.lock": "{}",
  };
  await using project = await Project.make(files);
  const look = (file: string) => findSource(project.root, [file], { asOf: "2022-09-29" }, () => {});
  for (const file of ["environment.yml", "Pipfile.lock"]) {
    await assert.rejects(look(file), /as_of must be left out, since \S+ is resolved by its own tool/);
  }
  assert.deepEqual((await look("requirements.txt")).files, [project.path("requirements.txt")]);
});

/** Runs a step that imports a module, with the packages of a day from an index of these alone. */
async function withIndex(packages: DatedPackage[], asOf: string, module: string) {
  const project = await Project.make({
    "experiment.yaml": `name: a\nenvironment:\n  install: [${module}]\n  as_of: ${asOf}\n` +
      "steps: { a: { run: [python, a.py] } }\n",
    "a.py":
      `import importlib.util, ${module}\nprint(${module}.value, importlib.util.find_spec("nvidia_nccl_cu12"))\n`,
  });
  const server = await serveDated(project.path("index"), packages);
  const env = { UV_DEFAULT_INDEX: `http://127.0.0.1:${(server.addr as Deno.NetAddr).port}/simple/` };
  const ended = await project.task("reproduce", ["--engine", "host", "--yes"], env);
  await server.shutdown();
  return { project, ended };
}

const SETUPTOOLS = { name: "setuptools", tag: "py3-none-any" };

const onlyHere = async (version: string) =>
  await findPython({ range: { oldest: version, newest: version, isExact: true } }).then(
    (python) => python.version.startsWith(`${version}.`),
    () => false,
  );
const withoutUv = await findUv() === undefined ? "there is no uv" : undefined;
const withoutOld = withoutUv ??
  (await onlyHere("3.8") && await onlyHere("3.9") ? undefined : "Pythons 3.8 and 3.9 are not both here");
if (withoutOld !== undefined) console.log(`ignored: the test of an older Python, since ${withoutOld}`);

Deno.test({
  name:
    "a package of then that has no file for the Python of that day gets the older one that it has one for",
  ignore: withoutOld !== undefined,
  fn: async () => {
    const packages = [{ name: "pinned", tag: "cp38-none-any" }, { name: "pinned" }, SETUPTOOLS];
    const { project, ended } = await withIndex(packages, "2021-06-01", "pinned");
    await using _ = project;
    assert.equal(ended.code, 0, ended.stdout + ended.stderr);
    const said = ended.stdout + ended.stderr;
    assert.match(
      said,
      /pinned==1\.0 has no ready-made file for Python 3\.9\.\d+ .*: Python 3\.8\.\d+ is tried/,
    );
    assert.match(said, /^7 None$/m);
  },
});

Deno.test({
  name: "xgboost's NCCL is left out without a GPU, and is no CUDA that stops the run",
  ignore: withoutUv !== undefined || Deno.build.os !== "linux",
  fn: async () => {
    const packages = [
      { name: "boosted", tag: "py3-none-any", requires: ["nvidia-nccl-cu12"] },
      { name: "nvidia_nccl_cu12", tag: "py3-none-any" },
      SETUPTOOLS,
    ];
    const { project, ended } = await withIndex(packages, "2025-11-01", "boosted");
    await using _ = project;
    assert.equal(ended.code, 0, ended.stdout + ended.stderr);
    assert.match(ended.stdout + ended.stderr, /^7 None$/m);
  },
});

Deno.test({
  name: "a package that no index has, or that can't be built, keeps optional steps without it from nothing",
  ignore: withoutUv !== undefined,
  fn: async (t) => {
    const files = (optional: string) => ({
      "experiment.yaml": "name: a\nenvironment:\n  install: [usable, my_lab_tools, unbuildable]\n" +
        "  as_of: 2025-06-01\nsteps:\n" +
        `  a: { run: [python, a.py], optional: true }\n  b: { run: [python, b.py]${optional} }\n`,
      "a.py": "import usable\nprint(usable.value)\n",
      "b.py": "import my_lab_tools\n",
    });
    const packages = [{ name: "usable", tag: "py3-none-any" }, { name: "unbuildable" }, SETUPTOOLS];
    for (const optional of [", optional: true", ""]) {
      await t.step(optional || "not optional", async () => {
        await using project = await Project.make(files(optional));
        const server = await serveDated(project.path("index"), packages);
        const env = { UV_DEFAULT_INDEX: `http://127.0.0.1:${(server.addr as Deno.NetAddr).port}/simple/` };
        const { code, stdout, stderr } = await project.task("reproduce", ["--engine", "host", "--yes"], env);
        await server.shutdown();
        const said = stdout + stderr;
        assert.match(said, /finds no package of the name my-lab-tools/);
        if (optional === "") return assert.equal(code, 3, said);
        assert.match(said, /my-lab-tools: it is left out, and steps that import it will fail/);
        assert.match(said, /unbuildable\S* has no ready-made file .*: it is left out/);
        assert.match(said, /^7$/m);
        assert.match(said, /No module named 'my_lab_tools'/);
      });
    }
  },
});

Deno.test({
  name: "what pip freeze listed on Windows for Windows alone is no package elsewhere",
  ignore: withoutUv !== undefined || Deno.build.os === "windows",
  fn: async () => {
    await using project = await Project.make({
      "experiment.yaml": "name: a\nenvironment: { requirements: requirements.txt, as_of: 2025-06-01 }\n" +
        "steps: { a: { run: [python, a.py] } }\n",
      "requirements.txt": "usable==1.0\npywinpty==1.0\n",
      "a.py": "import usable\nprint(usable.value)\n",
    });
    const packages = [{ name: "usable", tag: "py3-none-any" }, { name: "pywinpty" }, SETUPTOOLS];
    const server = await serveDated(project.path("index"), packages);
    const env = { UV_DEFAULT_INDEX: `http://127.0.0.1:${(server.addr as Deno.NetAddr).port}/simple/` };
    const { code, stdout, stderr } = await project.task("reproduce", ["--engine", "host", "--yes"], env);
    await server.shutdown();
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /^7$/m);
  },
});
