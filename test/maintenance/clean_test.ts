import assert from "node:assert/strict";
import { join } from "node:path";
import { readStamp } from "../../tasks/lib/environment/stamp.ts";
import { makeStepCache } from "../../tasks/lib/plan/step_cache.ts";
import type { Plan } from "../../tasks/lib/plan/plan.ts";
import { acquireRun } from "../../tasks/lib/record/run_lock.ts";
import { exists } from "../../tasks/lib/system/files.ts";
import { ended, experiment, Project, ROOT } from "../support/project.ts";

const STAMP = JSON.stringify({
  ...{
    format: 1,
    lock: "requirements.lock",
    lockSha256: "0",
    requirementsSha256: "0",
    platform: "linux x64",
  },
  ...{ python: { version: "3.11.2", base: "/usr/bin/python3" }, directory: "/somewhere/.venv" },
  ...{ installer: "pip 24.2", packages: 1, made: "2026-01-01T00:00:00.000Z", seconds: 1 },
});

const FIRST = "20260101T000000Z-aaaa";

const SECOND = "20260102T000000Z-bbbb";

/** What the tasks make in a project: an environment, caches, two runs. */
const MADE = {
  ".venv/environment.json": STAMP,
  ".venv/pyvenv.cfg": "",
  ".venv.state/lock": "process 1\n",
  ".ruff_cache/x": "",
  "src/__pycache__/x.pyc": "",
};

const RUNS = {
  [`runs/test/${FIRST}/.lock`]: "",
  [`runs/test/${FIRST}/evidence.json`]: "{}",
  [`runs/test/${SECOND}/.lock`]: "",
  [`runs/test/${SECOND}/plan.json`]: "{}",
};

function madePlan(python: string, cache?: string): Plan {
  const step = { name: "train", argv: [], cwd: "/", env: {}, out: "/out", produces: [], needs: {}, cache };
  return {
    ...{ schema: 1, task: "train", run: FIRST, directory: "/runs", parameters: {}, changed: [] },
    experiment: { name: "test", file: "/experiment.yaml", root: "/", text: "" },
    engine: { name: "host", because: "a test says so" },
    environment: { python, gpus: "none" },
    ...{ onlyParameters: true, steps: cache === undefined ? [] : [step] },
  };
}

const SOURCES = { "experiment.yaml": experiment(), "src/x.py": "" };

async function filesOf(project: Project, folder = "."): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(project.path(folder))) {
    const path = join(folder, name);
    found.push(...isDirectory ? await filesOf(project, path) : [path]);
  }
  return found.sort();
}

/** Types an answer where the task asks. */
async function answer(project: Project, word: string) {
  const command = [
    Deno.execPath(),
    "task",
    "--quiet",
    "--config",
    join(ROOT, "deno.json"),
    "clean",
    "--runs",
  ];
  const child = new Deno.Command("python3", {
    args: [join(ROOT, "test/support/terminal.py"), "restored", word, ...command],
    env: { INIT_CWD: project.root, NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  });
  return await ended(child.spawn());
}

Deno.test("clean removes environments and caches that the tasks made, and no run", async () => {
  await using project = await Project.make({ ...SOURCES, ...MADE, ...RUNS });
  assert.ok(await readStamp(project.path(".venv")));
  const { code, stdout, stderr } = await project.task("clean");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Removed \d/);
  assert.deepEqual(await filesOf(project), [...Object.keys(SOURCES), ...Object.keys(RUNS)].sort());
  assert.match((await project.task("clean")).stdout, /^Nothing to remove\n$/);
});

Deno.test("clean leaves the user's own virtual environments alone", async () => {
  const own = {
    ".venv/pyvenv.cfg": "",
    ".venv/lib/__pycache__/x.pyc": "",
    "env/pyvenv.cfg": "",
    "env/lib/__pycache__/x.pyc": "",
  };
  await using project = await Project.make({ ...SOURCES, ...own });
  assert.match((await project.task("clean", ["--runs", "--yes"])).stdout, /^Nothing to remove\n$/);
  assert.deepEqual(await filesOf(project), [...Object.keys(SOURCES), ...Object.keys(own)].sort());
});

Deno.test("clean --plan says what would go, and removes nothing", async () => {
  await using project = await Project.make({ ...SOURCES, ...MADE, ...RUNS });
  const { code, stdout } = await project.task("clean", ["--runs", "--plan"]);
  assert.equal(code, 0);
  for (const part of [".venv", ".venv.state", ".ruff_cache", "src/__pycache__", FIRST, SECOND]) {
    assert.ok(stdout.includes(part), part);
  }
  for (const path of [...Object.keys(MADE), ...Object.keys(RUNS)]) {
    assert.ok(await exists(project.path(path)), path);
  }
});

Deno.test("clean cleans the project that the user stands in", async () => {
  const inner = { "inner/experiment.yaml": experiment(), "inner/deep/x.txt": "" };
  await using project = await Project.make({
    ...SOURCES,
    ...inner,
    ".ruff_cache/x": "",
    "inner/.ruff_cache/x": "",
  });
  await project.task("clean", [], { INIT_CWD: project.path("inner/deep") });
  assert.deepEqual(
    await filesOf(project),
    [...Object.keys(SOURCES), ...Object.keys(inner), ".ruff_cache/x"].sort(),
  );
});

Deno.test("clean refuses a folder that is in no project", async () => {
  await using project = await Project.make({ ".ruff_cache/x": "" });
  const { code, stderr } = await project.task("clean");
  assert.equal(code, 2);
  assert.match(stderr, /no project is there/);
  assert.ok(await exists(project.path(".ruff_cache/x")));
});

Deno.test("clean --runs --yes removes the runs, their link and the folders that are empty then", async () => {
  await using project = await Project.make({ ...SOURCES, ...RUNS });
  await Deno.symlink(SECOND, project.path("runs/test/latest"));
  const { code, stderr } = await project.task("clean", ["--runs", "--yes"]);
  assert.equal(code, 0, stderr);
  assert.equal(await exists(project.path("runs")), false);
});

Deno.test("clean --runs removes nothing from RUNS_DIR but runs", async () => {
  const foreign = [
    "mine/thesis.tex",
    `mine/test/${FIRST}/notes.txt`,
    "mine/test/results/evidence.json",
    `mine/plain/${SECOND}`,
    `mine/deep/down/${SECOND}/evidence.json`,
    "mine/latest/x",
  ];
  await using project = await Project.make({
    ...SOURCES,
    ...Object.fromEntries(foreign.map((path) => [path, ""])),
    [`mine/test/${SECOND}/evidence.json`]: "{}",
    [`mine/other/${SECOND}/plan.json`]: "{}",
  });
  await Deno.symlink("..", project.path("mine/linked"));
  const { code, stderr } = await project.task("clean", ["--runs", "--yes"], {
    RUNS_DIR: project.path("mine"),
  });
  assert.equal(code, 0, stderr);
  assert.deepEqual(await filesOf(project), [...Object.keys(SOURCES), ...foreign, "mine/linked"].sort());
  assert.equal(await exists(project.path("mine/other")), false);
});

Deno.test("clean --runs keeps RUNS_DIR itself, also when it is empty then", async () => {
  await using project = await Project.make({ ...SOURCES, [`mine/test/${FIRST}/evidence.json`]: "{}" });
  await project.task("clean", ["--runs", "--yes"], { RUNS_DIR: "mine" });
  assert.deepEqual([...Deno.readDirSync(project.path("mine"))], []);
});

Deno.test("clean --runs without a terminal to ask on is exit code 2 and removes nothing", async () => {
  await using project = await Project.make({ ...SOURCES, ...MADE, ...RUNS });
  const { code, stderr } = await project.task("clean", ["--runs"]);
  assert.equal(code, 2);
  assert.match(stderr, /needs a confirmation[\s\S]*deno task clean --runs --yes/);
  assert.equal((await filesOf(project)).length, Object.keys({ ...SOURCES, ...MADE, ...RUNS }).length);
});

Deno.test("clean --runs asks on a terminal and removes nothing unless the answer is yes", async (t) => {
  await using project = await Project.make({ ...SOURCES, ...MADE, ...RUNS });
  await t.step("n", async () => {
    const { code, stdout } = await answer(project, "n");
    assert.equal(code, 130, stdout);
    assert.match(stdout, /Remove these 2 runs\?[\s\S]*Nothing was removed/);
    assert.equal((await filesOf(project)).length, Object.keys({ ...SOURCES, ...MADE, ...RUNS }).length);
  });
  await t.step("y", async () => {
    const { code, stdout } = await answer(project, "y");
    assert.equal(code, 0, stdout);
    assert.deepEqual(await filesOf(project), Object.keys(SOURCES).sort());
  });
});

Deno.test("clean --runs keeps a run in progress, and its link", async () => {
  await using project = await Project.make({ ...SOURCES, ...RUNS });
  await Deno.symlink(SECOND, project.path("runs/test/latest"));
  const lock = await acquireRun(project.path("runs/test", SECOND));
  const { code, stderr } = await project.task("clean", ["--runs", "--yes"]);
  lock[Symbol.dispose]();
  assert.equal(code, 0, stderr);
  assert.match(stderr, new RegExp(`Kept .*${SECOND}: The run ${SECOND} is locked by process ${Deno.pid}`));
  assert.deepEqual(
    [...Deno.readDirSync(project.path("runs/test"))].map(({ name }) => name).sort(),
    [SECOND, "latest"],
  );
});

Deno.test("clean keeps an environment that is being made", async () => {
  await using project = await Project.make({ ...SOURCES, ...MADE });
  using file = await Deno.open(project.path(".venv.state/lock"), { read: true, write: true });
  await file.lock(true);
  const { code, stdout, stderr } = await project.task("clean", ["--json"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Kept .*\.venv: it is locked by another process/);
  const { removed, kept } = JSON.parse(stdout);
  assert.deepEqual([removed.length, kept.length], [2, 2]);
  assert.ok(await exists(project.path(".venv/environment.json")));
});

Deno.test("clean keeps the environment that a run in progress uses", async () => {
  await using project = await Project.make({ ...SOURCES, ...MADE, ".venv-test/environment.json": STAMP });
  await project.write(
    `runs/test/${FIRST}/plan.json`,
    JSON.stringify(madePlan(project.path(".venv/bin/python"))),
  );
  const lock = await acquireRun(project.path("runs/test", FIRST));
  const { code, stderr } = await project.task("clean");
  lock[Symbol.dispose]();
  assert.equal(code, 0, stderr);
  assert.match(stderr, new RegExp(`Kept .*\\.venv: the run ${FIRST} is using it`));
  assert.ok(await exists(project.path(".venv/environment.json")));
  assert.ok(await exists(project.path(".venv.state")));
  assert.equal(await exists(project.path(".venv-test")), false);
});

Deno.test("clean keeps what steps keep in .cache while a run uses it", async () => {
  await using project = await Project.make(SOURCES);
  const cache = project.path(".cache/test");
  await makeStepCache(cache);
  await project.write(
    `runs/test/${FIRST}/plan.json`,
    JSON.stringify(madePlan(project.path(".venv/bin/python"), cache)),
  );
  const lock = await acquireRun(project.path("runs/test", FIRST));
  const { stderr } = await project.task("clean");
  lock[Symbol.dispose]();
  assert.match(stderr, new RegExp(`Kept .*\\.cache: the run ${FIRST} is using it`));
  assert.ok(await exists(cache));
  assert.equal((await project.task("clean")).code, 0);
  assert.equal(await exists(project.path(".cache")), false);
});

Deno.test("clean --shared removes the environments in the user's cache, and only those that the tasks made", async () => {
  const cache = "cache/experiment-environments/0123456789abcdef";
  await using project = await Project.make({
    ...SOURCES,
    [`${cache}/.venv/environment.json`]: STAMP,
    "cache/experiment-environments/notes.txt": "",
    "cache/other/x": "",
  });
  const denoDir = new TextDecoder().decode(
    (await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output()).stdout,
  );
  const env = { XDG_CACHE_HOME: project.path("cache"), DENO_DIR: JSON.parse(denoDir).denoDir };
  assert.equal((await project.task("clean", [], env)).code, 0);
  assert.ok(await exists(project.path(cache, ".venv")));
  assert.equal((await project.task("clean", ["--shared"], env)).code, 0);
  assert.deepEqual(await filesOf(project, "cache"), [
    "cache/experiment-environments/notes.txt",
    "cache/other/x",
  ]);
});
