import assert from "node:assert/strict";
import { join } from "node:path";
import type { PlainClaim } from "../../tasks/lib/experiment/plain_claim.ts";
import { claimsHeldBy } from "../../tasks/lib/record/remarks.ts";
import { experiment, Project } from "../support/project.ts";

function claim(value: PlainClaim["value"], more: Partial<PlainClaim> = {}): PlainClaim {
  const type = Array.isArray(value) ? "curve" : "number";
  return { name: "accuracy", from: "train/m.json#/a", type, value, tolerance: [], ...more };
}

Deno.test("claimsHeldBy() finds a claimed value by more than chance", async (t) => {
  const hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const many = Array.from({ length: 500 }, (_, n) => (n * 0.2).toFixed(2)).join(",");
  const cases: [name: string, text: string, PlainClaim, held: boolean][] = [
    ["as printed", '{"a": 99.44}', claim("99.44"), true],
    ["with more digits", '{"a": 99.44444444444444}', claim("99.44"), true],
    ["as a fraction of a percentage", '{"a": 0.99444}', claim("99.44", { unit: "%" }), true],
    ["as a fraction of what is no percentage", '{"a": 0.99444}', claim("99.44"), false],
    ["another number", '{"a": 99.46}', claim("99.44"), false],
    ["a part of a longer number", '{"a": 199.44}', claim("99.44"), false],
    ["a version", "requests==2.99.44.1", claim("99.44"), false],
    ["in code", "ACCURACY = 99.44  # %\n", claim("99.44"), true],
    ["two digits are everywhere", '{"a": 0.5, "b": 94}', claim("94"), false],
    ["a round number is everywhere", '{"a": 1000}', claim("1000"), false],
    ["among hundreds of numbers", many, claim("99.40"), false],
    ["every point of a curve", "1,48.89\n2,68.15\n", claim(["48.89", "68.15"]), true],
    ["some points of a curve", "1,48.89\n2,68.16\n", claim(["48.89", "68.15"]), false],
    ["a hash", `sum: ${hash.toUpperCase()}`, claim(hash, { type: "text", from: "train/m#sha256" }), true],
    ["a text", "resnet18", claim("resnet18", { type: "text" }), false],
  ];
  const path = await Deno.makeTempFile();
  for (const [name, text, one, held] of cases) {
    await t.step(name, async () => {
      await Deno.writeTextFile(path, text);
      assert.deepEqual(claimsHeldBy(path, [one]), held ? ["accuracy"] : []);
    });
  }
  await t.step("bytes that are no text", async () => {
    await Deno.writeFile(path, new Uint8Array([0xff, 0x39, 0x39]));
    assert.deepEqual(claimsHeldBy(path, [claim("99.44")]), []);
  });
  await Deno.remove(path);
  await t.step("a file that is gone", () => assert.deepEqual(claimsHeldBy(path, [claim("99.44")]), []));
});

Deno.test("what somebody puts into the folder of a step that goes on is not computed in this run", async () => {
  const train = `
import os, sys
out = sys.argv[1]
if "--resume" not in sys.argv:
    open(out + "/begun.json", "w").write("{}")
    sys.exit(1)
open(out + "/own.json", "w").write("[1]")
`;
  const more = "    resume: [--resume]\nclaims:\n" +
    "  - { name: own, from: train/own.json#/0, value: 1 }\n  - { name: put, from: train/put.json#/0, value: 2 }\n";
  await using project = await Project.make({
    ...{ "experiment.yaml": experiment(more, '[python, train.py, "{out}"]'), "train.py": train },
  });
  assert.equal((await project.task("reproduce", ["--engine", "host"])).code, 1);
  const run = await project.run();
  await Deno.writeTextFile(join(run, "train/put.json"), "[2]");
  const { code, stdout } = await project.task("reproduce", ["--resume"]);
  assert.equal(code, 1, stdout);
  const { checks } = JSON.parse(await Deno.readTextFile(join(run, "verdict.json")));
  assert.deepEqual(checks.map(({ verdict }: { verdict: string }) => verdict), ["identical", "missing"]);
  assert.match(
    checks[1].detail,
    /put\.json was there before and was not written: it is not computed in this run/,
  );
});
