/** What only maintainers need is offered in no project of anybody's. */

import assert from "node:assert/strict";
import { allTasks } from "../../tasks/generate.ts";
import { experiment, Project } from "../support/project.ts";

Deno.test("maintainers' tasks do nothing in somebody's project, and say in one line why", async (t) => {
  await using project = await Project.make({ "experiment.yaml": experiment() });
  const own = (await allTasks()).filter(({ maintainers }) => maintainers).map(({ name }) => name);
  assert.deepEqual(own.sort(), ["generate", "gpu", "machine", "ok", "package", "test"]);
  for (const name of own) {
    await t.step(name, async () => {
      const { code, stdout, stderr } = await project.task(name);
      assert.equal(code, 2, stdout + stderr);
      assert.match(stderr, new RegExp(`"deno task ${name}" is for who works on the task runner itself`));
    });
  }
  assert.deepEqual([...Deno.readDirSync(project.root)].map(({ name }) => name), ["experiment.yaml"]);
});
