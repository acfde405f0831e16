/** Where the product's own files are, also when the tasks lie in a package that no project of their own is around. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { readCitation } from "../../tasks/lib/crate/citation.ts";
import { INSIDE, ROOT } from "../../tasks/lib/system/product.ts";
import { ended, experiment, Project, TRAIN } from "../support/project.ts";

Deno.test("ROOT holds the tasks, and INSIDE the recorder", async () => {
  for (const file of [join(ROOT, "deno.json"), join(ROOT, "tasks/train.ts"), join(INSIDE, "run_step.py")]) {
    assert.ok((await Deno.stat(file)).isFile, file);
  }
});

Deno.test("tasks in a package of another folder run a project's step, and name nobody else as its authors", async () => {
  await using product = await Project.make({});
  await using project = await Project.make({ "experiment.yaml": experiment(), "train.py": TRAIN });
  await copyFolder(join(ROOT, "tasks"), product.path("package/tasks"));
  for (const name of ["deno.json", "deno.lock", "CITATION.cff"]) {
    await Deno.copyFile(join(ROOT, name), product.path("package", name));
  }
  const task = async (...args: string[]) => {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "--config", product.path("package/deno.json"), ...args],
      cwd: project.root,
      env: { NO_COLOR: "1", INIT_CWD: project.root },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
    const { code, stdout, stderr } = await ended(command.spawn());
    assert.equal(code, 0, stdout + stderr);
  };

  await task("train");
  assert.equal((await project.evidence()).status, "done");
  await task("report", "--crate", project.path("run.zip"));
  const crate = await Deno.readTextFile(join(await project.run(), "ro-crate-metadata.json"));
  const ours = await readCitation(ROOT);
  assert.ok(!crate.includes(ours!.authors[0]!.name!));
});

async function copyFolder(from: string, to: string) {
  await Deno.mkdir(to, { recursive: true });
  for await (const entry of Deno.readDir(from)) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory) await copyFolder(source, target);
    else await Deno.copyFile(source, target);
  }
}
