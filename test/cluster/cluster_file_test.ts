/** hosts/*.yaml: its schema, and what is refused before anything is submitted; no Slurm is needed for it. */

import assert from "node:assert/strict";
import { parse } from "yaml";
import { clusterSchema } from "../../tasks/lib/cluster/cluster.ts";
import { Project } from "../support/project.ts";
import { validatorOf } from "../support/schemas.ts";

Deno.test("what torchrun can't start, and nodes that nothing would use, are refused with their place", async (t) => {
  const cases: [what: string, file: string, said: RegExp][] = [
    [
      "a shell",
      "torchrun: [shell]\n",
      /"shell" can't run on a cluster: torchrun starts what is written as "python script\.py"/,
    ],
    ["a module's text", "torchrun: [text]\n", /"text" can't run on a cluster: torchrun starts/],
    [
      "no step",
      "torchrun: [tarin]\n",
      /torchrun: in hosts\/big\.yaml names no step of test, but tarin[^]*shell, text/,
    ],
    [
      "nodes alone",
      "partition: gpu\nnodes: 2\n",
      /nodes must be 1 where torchrun names no step .* \(hosts\/big\.yaml:2:8\)/,
    ],
    [
      "a container",
      "torchrun: [shell]\nenvironment: apptainer\n",
      /environment must be host .* \(hosts\/big\.yaml:2:14\)/,
    ],
  ];
  for (const [what, file, said] of cases) {
    await t.step(what, async () => {
      await using project = await Project.make({
        "experiment.yaml":
          "name: test\nsteps:\n  shell: { run: [bash, run.sh] }\n  text: { run: [python3, -c, pass] }\n",
        "hosts/big.yaml": file,
      });
      const { code, stderr } = await project.task("reproduce", ["--on", "big"]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, said);
    });
  }
});

Deno.test("the schema of hosts/*.yaml takes what the code takes, and refuses what it refuses", async (t) => {
  const valid = validatorOf("hosts");
  const cases: [text: string, isRight: boolean][] = [
    ["{}", true],
    [
      '{ partition: gpu, time: "4:00:00", signal: 300, gpus: gpu:a100:1, modules: [cuda/12.9], options: [--exclusive] }',
      true,
    ],
    ["{ host: ada@login.example.org, folder: /scratch/ada, python: /opt/python3 }", true],
    ["{ host: -oProxyCommand=id, folder: /scratch }", false],
    ["{ times: 3 }", false],
    ["{ environment: docker }", false],
    ["{ modules: cuda }", false],
    ["{ options: [exclusive] }", false],
  ];
  for (const [text, isRight] of cases) {
    await t.step(text, () => {
      const value = parse(text);
      assert.equal(valid(value), isRight);
      assert.equal(clusterSchema.safeParse(value).success, isRight);
    });
  }
});
