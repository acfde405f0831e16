/** Whole repositories, made as existing research is: each is reproduced with the verdicts that it should have. */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { findPython } from "../../tasks/lib/environment/python.ts";
import { findUv } from "../../tasks/lib/environment/uv.ts";
import { isOnPath } from "../../tasks/lib/system/on_path.ts";
import { madeEnvironment } from "../support/made_environment.ts";
import { reasonToIgnore, RELEASES, TREES } from "../support/other_pythons.ts";
import { git, type Project, ROOT } from "../support/project.ts";
import { copyOf, REPOSITORIES } from "../support/repositories.ts";
import { pythonWithTensorFlow } from "../support/tensorflow.ts";

/** What a repository is expected to come to. */
interface Expected {
  exitCode: number;
  verdicts: Record<string, string>;
  /** Parts of what is said of claims, by name. */
  details?: Record<string, string>;
  /** Part of an error's message: nothing ran. */
  message?: string;
  /** Part of what is said on the way. */
  said?: string;
  /** The framework that its steps are recorded with. */
  framework?: string;
}

interface Fixture extends Expected {
  /** What this machine must have. */
  needs?: (keyof typeof NEEDS)[];
  /** Programs that it must not have. */
  without?: string[];
  /** Projects in folders of the repository, instead of one in its root. */
  folders?: Record<string, Expected>;
}

/** By what a repository may need: why it is not here. */
const NEEDS = {
  uv: async () => await findUv() === undefined ? "uv is not here; deno task machine installs it" : undefined,
  "a package index": async () => await reachesIndex() ? undefined : "no package index can be reached",
  "no channel of conda's": async () =>
    (await new Deno.Command("getent", { args: ["hosts", "conda.anaconda.org"] }).output()).success
      ? "conda-forge can be reached, and what it has changes"
      : undefined,
  Rscript: () => isOnPath("Rscript") ? undefined : "R is not here; deno task machine installs it",
  TensorFlow: async () => {
    const found = await pythonWithTensorFlow();
    return found instanceof Error ? `TensorFlow can't be had: ${found.message}` : undefined;
  },
  trackers: async () => {
    const made = await madeEnvironment("trackers");
    return "missing" in made ? made.missing : undefined;
  },
};

/** Why a repository can't be tried on this machine. */
async function whyNot({ needs = [], without = [] }: Fixture): Promise<string | undefined> {
  const there = without.find(isOnPath);
  if (there !== undefined) return `${there} is here`;
  for (const need of needs) {
    const reason = await NEEDS[need]();
    if (reason !== undefined) return reason;
  }
}

let reached: Promise<boolean> | undefined;

async function reachesIndex(): Promise<boolean> {
  reached ??= (async () => {
    const [folder, python] = await Promise.all([Deno.makeTempDir({ prefix: "index-" }), findPython()]);
    const args = [
      "-m",
      "pip",
      "download",
      "-q",
      "--no-deps",
      "--retries=1",
      "--timeout=10",
      "-d",
      folder,
      "setuptools",
    ];
    const { success } = await new Deno.Command(python.path, { args, stdout: "null", stderr: "null" })
      .output();
    await Deno.remove(folder, { recursive: true });
    return success;
  })();
  return await reached;
}

for await (const { name, isDirectory } of Deno.readDir(REPOSITORIES)) {
  if (!isDirectory) continue;
  const fixture: Fixture = JSON.parse(await Deno.readTextFile(join(REPOSITORIES, name, "expected.json")));
  const reason = await whyNot(fixture);
  if (reason !== undefined) console.log(`ignored: the repository ${name}, since ${reason}`);
  const test = `the repository ${name} has its expected verdicts, and is as it was`;
  Deno.test(test, { ignore: reason !== undefined }, async () => {
    await using project = await copyOf(name);
    await Deno.remove(project.path("expected.json"));
    await git(project, "commit", "-qam", "without what is expected");
    const all = Object.entries(fixture.folders ?? { ".": fixture });
    for (const [folder, expected] of all) await reproduce(project, folder, expected, fixture.needs);
  });
}

/** The Python in which a repository runs that names no requirements. */
async function pythonFor(needs: Fixture["needs"] = []): Promise<{ PYTHON?: string }> {
  if (needs.includes("TensorFlow")) return { PYTHON: String(await pythonWithTensorFlow()) };
  const made = needs.includes("trackers") ? await madeEnvironment("trackers") : undefined;
  return made !== undefined && "bin" in made ? { PYTHON: join(made.bin, "python") } : {};
}

async function reproduce(project: Project, folder: string, expected: Expected, needs: Fixture["needs"]) {
  const env = { INIT_CWD: project.path(folder), ...await pythonFor(needs) };
  const { code, stdout, stderr } = await project.task("reproduce", ["--engine", "host", "--json"], env);
  assert.ok(stderr.includes(expected.said ?? ""), stderr);
  assert.doesNotMatch(stderr, /Edited while/);
  assert.equal(await git(project, "status", "--porcelain", "--untracked-files=all"), "");
  if (expected.message !== undefined) {
    assert.ok(JSON.parse(stdout).error.message.includes(expected.message), stdout);
    assert.equal(code, expected.exitCode);
    return;
  }
  const { checks, directory, remarks = [] } = JSON.parse(stdout);
  const isStale = Object.values(expected.details ?? {}).some((detail) => /not computed/.test(detail));
  if (!isStale) assert.deepEqual(remarks, []);
  assert.deepEqual(
    Object.fromEntries(checks.map(({ claim, verdict }: Record<string, string>) => [claim, verdict])),
    expected.verdicts,
    stderr,
  );
  for (const [claim, detail] of Object.entries(expected.details ?? {})) {
    const check = checks.find((one: Record<string, string>) => one.claim === claim);
    assert.ok(check.detail.includes(detail), check.detail);
  }
  assert.equal(code, expected.exitCode);
  const { attempts: [{ code: { commit, dirty } }], steps } = JSON.parse(
    await Deno.readTextFile(join(directory, "evidence.json")),
  );
  assert.deepEqual([commit, dirty], [(await git(project, "rev-parse", "HEAD")).trim(), []]);
  if (expected.framework !== undefined) {
    assert.ok(steps.train.recorded.environment[expected.framework].version, "the framework is recorded");
  }
}

Deno.test("the repository dvc: another parameter, an edit and --reuse give what a run from the beginning gives", async () => {
  await using project = await copyOf("dvc");
  const args = ["--engine", "host", "--json"];
  const mae = async () =>
    JSON.parse(await Deno.readTextFile(join(await project.run("dvc"), "evaluate/eval/metrics.json"))).mae;
  await project.task("reproduce", args);
  const first = await mae();
  await project.task("reproduce", [...args, "--n_steps", "3"]);
  assert.notEqual(await mae(), first);
  await project.write(
    "src/evaluate.py",
    (await Deno.readTextFile(project.path("src/evaluate.py"))).replace("Mean absolute", "The mean absolute"),
  );
  const { stderr } = await project.task("reproduce", [...args, "--reuse"]);
  assert.match(stderr, /prepare, unchanged: copied/);
  assert.match(stderr, /train, unchanged: copied/);
  assert.equal(await mae(), first);
});

Deno.test("the repository own_tasks: a change to its own tasks/ is named as the cause of a difference", async () => {
  await using project = await copyOf("own_tasks");
  await project.task("reproduce", ["--engine", "host", "--json"]);
  await project.write("tasks/conf.py", "STEPS = 21\nRATE = 0.1\n");
  await project.task("reproduce", ["--engine", "host", "--json"]);
  const [first, second] = [await project.run("own-tasks", 0), await project.run("own-tasks", 1)];
  const { stdout } = await project.task("compare", [first, second, "--json"]);
  const { environment } = JSON.parse(stdout);
  assert.deepEqual(
    environment.map((
      { aspect, likelihood, values }: Record<string, unknown>,
    ) => [aspect, likelihood, values]),
    [["code", "possible", environment[0].values]],
  );
  assert.equal(environment[0].values[0].name, "tasks/conf.py");
});

Deno.test("the repository constants_notebook: an upper-case parameter is given", async () => {
  const reason = await whyNot({ needs: ["uv", "a package index"], exitCode: 0, verdicts: {} });
  if (reason !== undefined) return console.log(`not tried, since ${reason}`);
  await using project = await copyOf("constants_notebook");
  await project.task("reproduce", ["--engine", "host", "--N_STEPS", "3"]);
  const results = join(await project.run("constants-notebook"), "fit/notebooks/results.csv");
  assert.match(await Deno.readTextFile(results), /^steps,slope\n3,0\.7/);
});

const withoutOldConda = await whyNot({ needs: ["uv", "a package index"], exitCode: 0, verdicts: {} }) ??
  reasonToIgnore("bullseye");
if (withoutOldConda !== undefined) {
  console.log(`ignored: environment.yml from a channel of this disk, since ${withoutOldConda}`);
}

Deno.test({
  name: "the repository environment_yml: from a channel with its old Python and numpy, the claim holds",
  ignore: withoutOldConda !== undefined,
  fn: async () => {
    await using project = await copyOf("environment_yml");
    const { path: python } = await findPython();
    const output = async (...args: string[]) => {
      const { success, stderr } = await new Deno.Command(python, { args, stdout: "null" }).output();
      assert.ok(success, new TextDecoder().decode(stderr));
    };
    const away = await Deno.makeTempDir({ prefix: "channel-" });
    try {
      const wheels = join(away, "wheels");
      const old = ["--only-binary", ":all:", "--python-version", RELEASES.bullseye, "numpy==1.19.5"];
      await output("-m", "pip", "download", "-q", "--no-deps", "-d", wheels, ...old);
      const [wheel] = [...Deno.readDirSync(wheels)].map(({ name }) => join(wheels, name));
      const script = join(ROOT, "test/fixtures/environment/make_channel.py");
      await output(script, join(away, "channel"), join(TREES, "bullseye"), wheel!);
      const file = await Deno.readTextFile(project.path("environment.yml"));
      await project.write("environment.yml", file.replace("conda-forge", `file://${away}/channel`));
      const { code, stdout, stderr } = await project.task("reproduce", ["--engine", "host", "--json"], {
        XDG_CACHE_HOME: join(away, "cache"),
        UV: (await findUv())!.path,
        // No program of conda's.
        PATH: `${dirname(python)}:/usr/bin:/bin`,
      });
      assert.equal(code, 0, stderr);
      const { checks, directory } = JSON.parse(stdout);
      assert.deepEqual(checks.map(({ verdict }: Record<string, string>) => verdict), ["identical"]);
      const { steps } = JSON.parse(await Deno.readTextFile(join(directory, "evidence.json")));
      assert.match(steps.mean.recorded.environment.python, /^3\.9\./);
    } finally {
      await Deno.remove(away, { recursive: true });
    }
  },
});

Deno.test("a failed step names the files that Git LFS or git-annex stand in for", async () => {
  await using project = await copyOf("lfs_pointer");
  const yaml = await Deno.readTextFile(project.path("experiment.yaml"));
  await project.write("experiment.yaml", yaml.replace(", weights/model.pkl]", "]"));
  const { code, stdout } = await project.task("reproduce", ["--engine", "host"]);
  assert.equal(code, 1);
  assert.match(stdout, /invalid load key, 'v'/);
  const said = await project.evidence("lfs-pointer");
  assert.equal(said.steps.evaluate.problem, "exit code 1");
  assert.deepEqual(said.steps.evaluate.remarks, [
    "failed, and weights/model.pkl is a Git LFS pointer, not the file itself: git lfs pull",
  ]);
  assert.equal(stdout.match(/git lfs pull/g)?.length, 1, "once, and not for each claim");
  await Deno.remove(project.path("weights/model.pkl"));
  await Deno.symlink(
    "../.git/annex/objects/aa/bb/SHA256E-s9--00/SHA256E-s9--00",
    project.path("weights/model.pkl"),
  );
  await project.task("reproduce", ["--engine", "host"]);
  const { steps } = await project.evidence("lfs-pointer");
  assert.match(
    steps.evaluate.remarks.join(),
    /weights\/model\.pkl is a git-annex link, not the file itself: git annex get weights\/model\.pkl$/,
  );
  await project.write(
    "weights/other.pkl",
    "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
  );
  await project.task("reproduce", ["--engine", "host"]);
  const both = await project.evidence("lfs-pointer");
  assert.match(
    both.steps.evaluate.remarks.join(),
    /weights\/model\.pkl is a git-annex link, weights\/other\.pkl is a Git LFS pointer, not the files themselves: git lfs pull, and git annex get weights\/model\.pkl$/,
  );
});
