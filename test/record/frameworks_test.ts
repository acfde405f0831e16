import assert from "node:assert/strict";
import { recordedSchema } from "../../tasks/lib/record/evidence_schema.ts";
import { frameworksOf } from "../../tasks/lib/record/frameworks.ts";

Deno.test("frameworksOf() gives each framework that a process recorded, whatever its name", () => {
  const process = {
    ...{ python: "3.11.2", implementation: "CPython", packages: { jax: "0.6" } },
    ...{ jax: { version: "0.6", devices: ["cpu:0"] }, tensorflow: { version: "2.21.0" } },
  };
  assert.deepEqual(frameworksOf(process).map(({ name, version }) => `${name} ${version}`), [
    "jax 0.6",
    "tensorflow 2.21.0",
  ]);
  assert.deepEqual(frameworksOf(undefined), []);
});

Deno.test("a framework whose devices are none is refused with its name", () => {
  const read = (devices: unknown) => recordedSchema.safeParse({ environment: { other: { devices } } });
  assert.equal(read(["cpu:0"]).success, true);
  assert.deepEqual(read(7).error?.issues[0]?.path, ["environment", "other", "devices"]);
});
