/** Planted cheats and honest mistakes: each folder of test/fixtures/cheats is one, laid over the folder `common`. */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { listFiles } from "../../tasks/lib/system/files.ts";
import { git, Project, ROOT } from "../support/project.ts";

const CHEATS = join(ROOT, "test/fixtures/cheats");

interface Expected {
  about: string;
  /** By the verdict, by a remark beside it, or not at all: then it is in docs/evidence.md. */
  caught: "verdict" | "remark" | "not seen" | "nothing to catch";
  /** The reason that is given. */
  says?: string;
}

async function makeProject(name: string): Promise<Project> {
  const project = await Project.make({ ".gitignore": "runs/\n" });
  const yesterday = new Date(Date.now() - 24 * 3600 * 1000);
  for (const folder of ["common", name]) {
    for (const { path } of await listFiles(join(CHEATS, folder))) {
      if (path === "expected.json") continue;
      const target = project.path(place(path));
      await Deno.mkdir(dirname(target), { recursive: true });
      await Deno.copyFile(join(CHEATS, folder, path), target);
      await Deno.utime(target, yesterday, yesterday);
    }
  }
  for (const command of ["init -q", "add .", "commit -qm Begin"]) await git(project, ...command.split(" "));
  return project;
}

/** What this repository itself would ignore is called otherwise here. */
function place(path: string): string {
  return path.replace(/^gitignore$/, ".gitignore").replace(
    /^earlier\//,
    "runs/test/20250101T000000Z-aaaa/train/",
  );
}

const names = [...Deno.readDirSync(CHEATS)].map(({ name }) => name).filter((name) => name !== "common")
  .sort();

Deno.test("cheats are caught by the verdict or remarked on, with the reason; what is honest is not", async (t) => {
  const caught: Expected["caught"][] = [];
  for (const name of names) {
    const expected: Expected = JSON.parse(await Deno.readTextFile(join(CHEATS, name, "expected.json")));
    await t.step(`${name}: ${expected.about}: ${expected.caught}`, async () => {
      await using project = await makeProject(name);
      const { code, stdout, stderr } = await project.task("reproduce", ["--engine", "host"]);
      const run = await project.run();
      const { checks, remarks = [] } = JSON.parse(await Deno.readTextFile(join(run, "verdict.json")));
      const reasons = expected.caught === "remark"
        ? remarks.map(({ remark }: { remark: string }) => remark)
        : checks.map(({ detail }: { detail: string }) => detail);
      const isHeld = expected.caught !== "verdict";
      assert.equal(code, isHeld ? 0 : 1, stdout + stderr + JSON.stringify(checks));
      if (expected.says !== undefined) {
        const steps = Object.values((await project.evidence()).steps) as { problem?: string }[];
        const all = [...reasons, ...steps.map(({ problem }) => problem ?? "")];
        assert.ok(all.some((reason) => new RegExp(expected.says!).test(reason)), JSON.stringify(all));
      } else assert.deepEqual(remarks, []);
      if (expected.caught === "remark") {
        assert.match(stdout, new RegExp(`Remark: the step "train" .*${expected.says}`));
        assert.match(
          await Deno.readTextFile(join(run, "report.html")),
          /Remarks on how the numbers came about/,
        );
      }
      caught.push(expected.caught);
    });
  }
  assert.ok(caught.filter((one) => one === "verdict" || one === "remark").length >= 16);
  assert.ok(caught.filter((one) => one !== "nothing to catch").length >= 20);
});
