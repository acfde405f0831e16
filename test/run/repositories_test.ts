/** Whole repositories, made as existing research is: each is reproduced with the verdicts that it should have. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { findPython } from "../../tasks/lib/environment/python.ts";
import { findUv } from "../../tasks/lib/environment/uv.ts";
import { isOnPath } from "../../tasks/lib/system/on_path.ts";
import { copyTree } from "../../tasks/lib/system/files.ts";
import { git, Project, ROOT } from "../support/project.ts";

const FIXTURES = join(ROOT, "test", "fixtures", "repositories");

async function copyOf(name: string): Promise<Project> {
  const project = await Project.make({});
  for await (const entry of Deno.readDir(join(FIXTURES, name))) {
    await copyTree(join(FIXTURES, name, entry.name), project.path(entry.name));
  }
  await git(project, "init", "-q");
  await git(project, "add", "-A");
  await git(project, "commit", "-qm", "as published");
  return project;
}

/** Why a repository can't be tried on this machine. */
async function whyNot(
  { needs = [], without = [] }: { needs?: string[]; without?: string[] },
): Promise<string | undefined> {
  const there = without.find(isOnPath);
  if (there !== undefined) return `${there} is here`;
  if (needs.includes("uv") && await findUv() === undefined) {
    return "uv is not here; deno task machine installs it";
  }
  if (needs.includes("a package index") && !await reachesIndex()) return "no package index can be reached";
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

for await (const { name, isDirectory } of Deno.readDir(FIXTURES)) {
  if (!isDirectory) continue;
  const expected = JSON.parse(await Deno.readTextFile(join(FIXTURES, name, "expected.json")));
  const reason = await whyNot(expected);
  if (reason !== undefined) console.log(`ignored: the repository ${name}, since ${reason}`);
  const test = `the repository ${name} has its expected verdicts, and is as it was`;
  Deno.test(test, { ignore: reason !== undefined }, async () => {
    await using project = await copyOf(name);
    await Deno.remove(project.path("expected.json"));
    await git(project, "commit", "-qam", "without what is expected");
    const { code, stdout, stderr } = await project.task("reproduce", ["--engine", "host", "--json"]);
    if (expected.message !== undefined) {
      assert.ok(JSON.parse(stdout).error.message.includes(expected.message), stdout);
      assert.equal(code, expected.exitCode);
      return;
    }
    assert.ok(stderr.includes(expected.said ?? ""), stderr);
    const { checks } = JSON.parse(stdout);
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
    assert.doesNotMatch(stderr, /Edited while/);
    assert.equal(await git(project, "status", "--porcelain", "--untracked-files=all"), "");
  });
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
