/** A notebook that would replace its parameters is refused before anything runs. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { exists } from "../../tasks/lib/system/files.ts";
import { Project } from "../support/project.ts";

function notebook(...sources: string[]): string {
  const cells = sources.map((source) => ({
    cell_type: "code",
    metadata: {},
    source,
    outputs: [],
    execution_count: null,
  }));
  const kernelspec = { name: "python3", language: "python", display_name: "Python 3" };
  return JSON.stringify({ cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 4 });
}

const EXPERIMENT = `name: test
parameters: { n: 3 }
steps:
  first: { run: [python, -c, "print('it runs')"] }
  second: { notebook: b.ipynb, needs: [first] }
`;

Deno.test("a notebook that replaces a parameter is refused before the first step, with its cell and the remedy", async () => {
  await using project = await Project.make({
    "experiment.yaml": EXPERIMENT,
    "b.ipynb": notebook("import os", "!echo \\\n  x\nif os:\n    n = 10\nelse:\n    n = 20"),
  });
  const { code, stdout, stderr } = await project.task("reproduce", ["--engine", "host"]);
  assert.equal(code, 2, stderr);
  assert.match(
    stderr,
    /Cannot set parameter n: cell 2 assigns it in line 4, before it is used, so the value would have no effect; tag that cell "parameters", so that values are set after it, or remove the assignment \(b\.ipynb\)/,
  );
  assert.doesNotMatch(stdout + stderr, /it runs|Traceback/);
  assert.equal(await exists(join(project.root, "runs/test/latest")), false);
});
