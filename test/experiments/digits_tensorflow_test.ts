/** The digits with Keras, in an environment of their own with the real TensorFlow. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { sha256File } from "../../tasks/lib/system/files.ts";
import { ROOT } from "../support/project.ts";
import { pythonWithTensorFlow } from "../support/tensorflow.ts";

const FOLDER = join(ROOT, "experiments/digits_tensorflow");

const found = await pythonWithTensorFlow();

const python = found instanceof Error ? undefined : found;

if (found instanceof Error) {
  console.log(`ignored: the tests with the real TensorFlow, since: ${found.message}`);
}

/** Trains as the experiment declares, under the recorder; returns what that recorded and the SHA-256 of each file. */
async function train(out: string) {
  await Deno.mkdir(out, { recursive: true });
  const record = join(out, "step.json");
  const command = ["python", join(FOLDER, "train.py"), "--epochs", "8", "--seed", "23", "--out", out];
  const args = [join(ROOT, "tasks/inside/run_step.py"), "--record", record, "--", ...command];
  const { success, stderr } = await new Deno.Command(python!, { args, stdout: "null", cwd: ROOT }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const hash = async (name: string) => await sha256File(join(out, name));
  const hashes = await Promise.all(["model.safetensors", "history.csv", "metrics.json"].map(hash));
  const { validation_accuracy } = JSON.parse(await Deno.readTextFile(join(out, "metrics.json")));
  const { environment } = JSON.parse(await Deno.readTextFile(record));
  return { hashes, environment, validation_accuracy };
}

Deno.test({
  name:
    "trained twice, it reaches 98.5 % with the same weights each time, and TensorFlow and its settings are recorded",
  ignore: python === undefined,
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "digits-tensorflow-" });
    try {
      // Each takes one processor.
      const [first, second] = await Promise.all([
        train(join(folder, "first")),
        train(join(folder, "second")),
      ]);
      assert.deepEqual(first.hashes, second.hashes);
      assert.ok(first.validation_accuracy >= 98.5, `${first.validation_accuracy} %`);
      const { tensorflow, torch } = first.environment;
      assert.equal(torch, undefined);
      assert.equal(tensorflow.version, "2.21.0");
      assert.deepEqual(tensorflow.devices, ["/physical_device:CPU:0"]);
      assert.deepEqual(
        [tensorflow.deterministic_algorithms, tensorflow.threads, tensorflow.default_dtype],
        [true, 1, "float64"],
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "a look at this machine's hardware asks TensorFlow, too",
  ignore: python === undefined,
  fn: async () => {
    const code = `from src.hardware.frameworks import FRAMEWORKS, look_at
look = look_at(FRAMEWORKS[1], 0.05)
print(look.failure, look.found["cpu"]["speeds"]["float32"] > 0)`;
    const { stdout, stderr } = await new Deno.Command(python!, { args: ["-c", code], cwd: ROOT }).output();
    assert.equal(new TextDecoder().decode(stdout), "None True\n", new TextDecoder().decode(stderr));
  },
});

Deno.test("the published run reached at least 98.5 % and recorded its framework", async () => {
  const read = async (path: string) => JSON.parse(await Deno.readTextFile(join(FOLDER, "published", path)));
  assert.ok((await read("train/metrics.json")).validation_accuracy >= 98.5);
  const { steps } = await read("evidence.json");
  assert.equal(steps.train.status, "done");
  assert.equal(steps.train.recorded.environment.tensorflow.version, "2.21.0");
});
