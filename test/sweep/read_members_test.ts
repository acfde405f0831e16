/** What many members left, read by several threads. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import { numbersOf, readHere } from "../../tasks/lib/sweep/member_record.ts";
import { readMembers } from "../../tasks/lib/sweep/read_members.ts";
import { Project } from "../support/project.ts";
import { CLAIM_OVER_SEEDS } from "../support/sweeps.ts";

const YAML = `name: test
parameters: { seed: 1 }
steps:
  train:
    run: [python3, -c, "open('{out}/m.json', 'w').write('{{\\"accuracy\\": 94.{seed}}}')"]
    produces: [m.json]
${CLAIM_OVER_SEEDS}`;

const COUNT = 2100;

Deno.test("thousands of members are read as each alone is, in their order, damaged ones included", async () => {
  await using project = await Project.make({ "experiment.yaml": YAML });
  const made = await project.task("sweep", ["--seeds", "2", "--json"]);
  assert.equal(made.code, 0, made.stderr);
  const { directory, members } = JSON.parse(made.stdout);
  const runs = Array.from({ length: COUNT }, (_, index) => `copy-${index}`);
  for (const [index, run] of runs.entries()) {
    const from = join(directory, members[index % 2].run);
    Deno.mkdirSync(join(directory, run, "train"), { recursive: true });
    for (const file of ["evidence.json", "receipt.json", "train/m.json"]) {
      Deno.linkSync(join(from, file), join(directory, run, file));
    }
  }
  const replace = (index: number, file: string, text?: string) => {
    const path = join(directory, runs[index]!, file);
    Deno.removeSync(path);
    if (text !== undefined) Deno.writeTextFileSync(path, text);
  };
  for (const index of [1, 900, COUNT - 1]) {
    replace(index - 1, "evidence.json", "{");
    replace(index, "train/m.json", '{"accuracy": 99.9}');
  }
  replace(500, "receipt.json");
  Deno.removeSync(join(directory, runs[700]!), { recursive: true });
  const claims = numbersOf(parseExperiment(YAML, "experiment.yaml", "/").claims, ["train"]);
  const entries = await readMembers({ directory, runs, claims });
  const read = (index: number) => entries[index];
  assert.deepEqual([0, 899, COUNT - 2, 700].map(read), [undefined, undefined, undefined, undefined]);
  assert.deepEqual([1, 900, COUNT - 1].map((index) => read(index)?.found), [undefined, undefined, undefined]);
  assert.equal(read(500)?.receipt, undefined);
  assert.deepEqual([2, 3, 2001].map((index) => read(index)?.found?.["accuracy over seeds"]), [
    94.1,
    94.2,
    94.2,
  ]);
  assert.deepEqual(entries, await readHere({ directory, runs, claims }));
});
