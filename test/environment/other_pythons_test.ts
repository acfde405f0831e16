/** On machines whose Python is another: what runs beside the steps, and a whole reproduction. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { inTree, reasonToIgnore, type Release, RELEASES, TREES } from "../support/other_pythons.ts";
import { Project, ROOT } from "../support/project.ts";

/** As in pyproject.toml, which the oldest pytest does not read this from. */
const PYTHONPATH = ["tasks/inside", "tasks/inside/ownership", "test/support"]
  .map((folder) => join(ROOT, folder)).join(":");

/** What any environment of any age may have to run. */
const INSIDE = ["run_step", "ownership", "opened", "audit_rules"].map((name) =>
  `test/inside/${name}_test.py`
);

for (const [release, version] of Object.entries(RELEASES) as [Release, string][]) {
  const reason = reasonToIgnore(release);
  if (reason !== undefined) console.log(`ignored: the tests on Python ${version}, since ${reason}`);

  Deno.test({
    name:
      `Python ${version}: steps and what they open are recorded, sources audited, owners found and repaired`,
    ignore: reason !== undefined,
    fn: async () => {
      const env = { PYTHONPATH, PYTHONDONTWRITEBYTECODE: "1" };
      const argv = ["python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", ...INSIDE];
      const { code, stdout, stderr } = await inTree(release, argv, { env });
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /\d\d passed/);
      const { stdout: found } = await inTree(release, ["python3", "-V"]);
      assert.ok(found.startsWith(`Python ${version}.`), found);
    },
  });

  Deno.test({
    name: `Python ${version}: the judge agrees with all vectors, without a warning`,
    ignore: reason !== undefined,
    fn: async () => {
      const argv = ["python3", "-W", "error", "tasks/inside/judge.py", "--vectors", "test/vectors"];
      const { code, stdout, stderr } = await inTree(release, argv);
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /^(\d+) of \1 vectors agree/);
    },
  });
}

/** Debian's sid has the next Python beside its own, without packages: what needs none must run there. */
const NEXT = join(TREES, "sid", "usr/bin/python3.15");
const withoutNext = reasonToIgnore("sid") ??
  (existsSync(NEXT) ? undefined : "there is no python3.15 in the tree of sid");
if (withoutNext !== undefined) console.log(`ignored: the test on Python 3.15, since ${withoutNext}`);

Deno.test({
  name:
    "Python 3.15: a step is recorded, a notebook's source audited and every vector judged, without a warning",
  ignore: withoutNext !== undefined,
  fn: async () => {
    await using small = await Project.make({
      "train.py": "import pickle\nprint(6 * 7)\n",
      "n.ipynb": JSON.stringify({
        ...{ nbformat: 4, nbformat_minor: 5, metadata: {} },
        cells: [{
          cell_type: "code",
          id: "a",
          metadata: {},
          outputs: [],
          execution_count: null,
          source: "a = 1.0",
        }],
      }),
    });
    const python = (...argv: string[]) =>
      inTree("sid", ["python3.15", "-W", "error", ...argv], { cwd: small.root });
    const inside = (name: string) => join(ROOT, "tasks/inside", name);
    const step = await python(inside("run_step.py"), "--record", "step.json", "--", "python", "train.py");
    assert.deepEqual([step.code, step.stdout], [0, "42\n"], step.stderr);
    const record = JSON.parse(await Deno.readTextFile(small.path("step.json")));
    assert.match(record.environment.python, /^3\.15\./);
    const judged = await python(inside("judge.py"), "--vectors", join(ROOT, "test/vectors"));
    assert.match(judged.stdout, /^(\d+) of \1 vectors agree/, judged.stderr);
    await small.write("request.json", JSON.stringify({ root: small.root, files: ["train.py", "n.ipynb"] }));
    const argv = ["/bin/sh", "-c", 'exec python3.15 -W error "$0" < request.json', inside("run_audit.py")];
    const audited = await inTree("sid", argv, { cwd: small.root });
    assert.equal(audited.code, 0, audited.stderr);
    assert.equal(JSON.parse(audited.stdout).notebooks, 1);
  },
});

const TRAIN = `
import json, sys
import alpha
json.dump({"accuracy": 99.44, "python": sys.version_info[:2]}, open(sys.argv[1] + "/metrics.json", "w"))
`;

const EXPERIMENT = `
name: small
environment: { requirements: requirements.txt, gpus: none }
steps:
  train: { run: [python, train.py, "{out}"], produces: [metrics.json] }
claims:
  - { name: accuracy, from: train/metrics.json#/accuracy, value: 99.44 }
`;

/** A project whose packages lie beside it, with a lock. */
async function project(lockHeader: string): Promise<Project> {
  const small = await Project.make({
    "experiment.yaml": EXPERIMENT,
    "train.py": TRAIN,
    "requirements.txt": "alpha==1.0\n",
  });
  const args = [join(ROOT, "test/fixtures/environment/make_wheels.py"), small.path("wheels")];
  const { stdout } = await new Deno.Command("python3", { args }).output();
  const lock = new TextDecoder().decode(stdout);
  await small.write("requirements-cpu.lock", `${lockHeader}\n${lock.slice(0, lock.indexOf("beta"))}`);
  return small;
}

async function reproduce(release: Release, small: Project) {
  const argv = [Deno.execPath(), "task", "--quiet", "--config", join(ROOT, "deno.json"), "reproduce"];
  const env = {
    ...{ INIT_CWD: small.root, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    ...{ PIP_NO_INDEX: "1", PIP_FIND_LINKS: small.path("wheels"), XDG_CACHE_HOME: small.path("cache") },
  };
  return await inTree(release, argv, { cwd: small.root, env });
}

const SID = reasonToIgnore("sid");

Deno.test({
  name: "on a machine that has only Python 3.14, an experiment is reproduced from its lock",
  ignore: SID !== undefined,
  fn: async () => {
    await using small = await project("# python: 3.11 to 3.14");
    const { code, stdout, stderr } = await reproduce("sid", small);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /on Python 3\.14\./);
    assert.doesNotMatch(stdout + stderr, /newer than the lock/);
    const { attempts } = await small.evidence("small");
    assert.match(attempts[0].environment.pythonVersion, /^3\.14\./);
  },
});

Deno.test({
  name: "a Python that is newer than the lock knows is tried, and said; an older one is refused",
  ignore: SID !== undefined || reasonToIgnore("bullseye") !== undefined,
  fn: async () => {
    await using small = await project("# python: 3.11 to 3.13");
    const newer = await reproduce("sid", small);
    assert.equal(newer.code, 0, newer.stdout + newer.stderr);
    assert.match(newer.stdout, /Python 3\.14\.\d+ is newer than the lock, which is for 3\.11 to 3\.13/);
    await Deno.remove(small.path(".venv"), { recursive: true });
    const older = await reproduce("bullseye", small);
    assert.equal(older.code, 3);
    assert.match(older.stderr, /Cannot find Python 3\.11 to 3\.13: found only \/usr\/bin\/python3 is 3\.9\./);
  },
});
