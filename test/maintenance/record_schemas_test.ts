import assert from "node:assert/strict";
import { join } from "node:path";
import { jsonSchema } from "../../tasks/lib/experiment/json_schema.ts";
import { recordSchemas } from "../../tasks/lib/maintenance/record_schemas.ts";
import { ROOT } from "../../tasks/lib/system/product.ts";
import { Project, TRAIN } from "../support/project.ts";
import { recordProblems, validatorOf } from "../support/schemas.ts";

// deno-lint-ignore no-explicit-any
type Json = any;

/** Fields of which nothing is said, by their paths. */
function silent(json: Json, path: string): string[] {
  if (typeof json !== "object" || json === null) return [];
  const fields: [string, Json][] = Object.entries(json.properties ?? {});
  return [
    ...fields.filter(([, field]) => !/^.+\S$/.test(field.description ?? "")).map(([key]) => `${path}.${key}`),
    ...fields.flatMap(([key, field]) => silent(field, `${path}.${key}`)),
    ...[json.items, json.additionalProperties, ...(json.anyOf ?? []), ...(json.allOf ?? [])].flatMap((
      inner,
    ) => silent(inner, `${path}[]`)),
  ];
}

Deno.test("schemas/ is what the code says, with a sentence for each field, and each is a valid schema", async (t) => {
  const files = Object.entries({ "schemas/experiment.schema.json": jsonSchema(), ...await recordSchemas() });
  const names = files.map(([path]) => path.replace(/^schemas\/|\.schema\.json$/g, "")).sort();
  assert.deepEqual(names, [
    ...[
      "evidence.v1",
      "experiment",
      "hosts",
      "plan.v1",
      "receipt.v1",
      "receipt.v2",
      "sweep.v1",
      "sweep_receipt.v2",
    ],
    "verdict.v1",
  ]);
  for (const [path, text] of files) {
    await t.step(path, async () => {
      assert.equal(await Deno.readTextFile(join(ROOT, path)), text);
      assert.deepEqual(silent(JSON.parse(text), ""), []);
      validatorOf(path.replace(/^schemas\/|\.schema\.json$/g, ""));
    });
  }
});

Deno.test("the published records of this repository are valid, and one that lacks a field is not", async () => {
  const folders = ["published", "experiments/digits_tensorflow/published"].map((path) => join(ROOT, path));
  for (const folder of folders) assert.deepEqual(recordProblems(folder), []);
  const evidence = JSON.parse(await Deno.readTextFile(join(folders[0]!, "evidence.json")));
  const { planSha256: _, ...lacking } = evidence;
  assert.equal(validatorOf("evidence.v1")(lacking), false);
});

Deno.test("the records of a run are valid, signed or not, and so is its experiment", async () => {
  const text = "name: test\nsteps: { train: { run: [python, train.py, --out, '{out}'] } }\n" +
    "claims: [{ name: a, from: 'train/metrics.json#/accuracy', value: [90.0, 99.44], tolerance: { absolute: 1, because: b } }]\n";
  await using project = await Project.make({ "experiment.yaml": text, "train.py": TRAIN });
  const { code, stderr } = await project.task("reproduce", ["--engine", "host"]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(recordProblems(await project.run()), []);
});
