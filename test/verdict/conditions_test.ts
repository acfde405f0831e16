import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import type { Conditions, When } from "../../tasks/lib/experiment/experiment.ts";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import { type Evidence, readEvidence } from "../../tasks/lib/record/evidence.ts";
import { authorsConditions, className, conditionsOf, matches } from "../../tasks/lib/verdict/conditions.ts";
import { ROOT } from "../support/project.ts";

const AUTHORS: Conditions = {
  image: { name: "gpu-jupyter:v1.8", digest: "sha256:a" },
  gpu: "NVIDIA A100",
  driver: "575.57",
  device: "cuda",
};

const CPU: Conditions = { image: { name: "none" }, gpu: "none", driver: "none", device: "cpu" };

Deno.test("matches() compares a run's environment with the authors'", async (t) => {
  const cases: [name: string, when: When, run: Conditions, expected: boolean, authors?: Conditions][] = [
    ["everything the same", { image: "same", gpu: "same", driver: "same", device: "same" }, AUTHORS, true],
    ["another GPU is not the same", { gpu: "same" }, { ...AUTHORS, gpu: "NVIDIA H100" }, false],
    ["another GPU", { gpu: "other" }, { ...AUTHORS, gpu: "NVIDIA H100" }, true],
    ["every condition must match", { image: "same", gpu: "other" }, AUTHORS, false],
    ["a CPU is another device", { device: "other", gpu: "other", image: "other" }, CPU, true],
    ["a CPU by its name", { device: "cpu" }, CPU, true],
    ["a GPU by its model", { gpu: "NVIDIA A100" }, AUTHORS, true],
    ["an unknown GPU is not the same", { gpu: "same" }, { device: "cuda" }, false],
    ["and not another", { gpu: "other" }, { device: "cuda" }, false],
    ["nor where the authors' is unknown", { gpu: "other" }, AUTHORS, false, {}],
    [
      "one digest under two names",
      { image: "same" },
      { image: { name: "mirror", digest: "sha256:a" } },
      true,
    ],
    ["two digests of one tag", { image: "other" }, {
      image: { name: "gpu-jupyter:v1.8", digest: "sha256:b" },
    }, true],
    [
      "a tag, where a digest is missing",
      { image: "same" },
      { image: { name: "gpu-jupyter:v1.8", id: "x" } },
      true,
    ],
    ["an image by its name", { image: "gpu-jupyter:v1.8" }, AUTHORS, true],
    ["an image by its digest", { image: "gpu-jupyter:v1.8@sha256:a" }, AUTHORS, true],
    ["no condition", {}, {}, true],
  ];
  for (const [name, when, run, expected, authors = AUTHORS] of cases) {
    await t.step(name, () => assert.equal(matches(when, run, authors), expected));
  }
});

Deno.test("className() names a class for people", () => {
  assert.equal(className({ gpu: "same", image: "same" }), "same image, same GPU model");
  assert.equal(className({ device: "cpu" }), "device cpu");
  assert.equal(className({ driver: "other" }), "other GPU driver");
  assert.equal(className(), "any environment");
});

Deno.test("conditionsOf() reads the authors' own run as one on a CPU, without an image", async () => {
  const evidence = await readEvidence(join(ROOT, "published"));
  assert.deepEqual(conditionsOf(evidence, "train"), CPU);
  assert.deepEqual(conditionsOf(evidence, "notebook"), CPU);
});

/** A run of one step on a machine with a GPU. */
function evidence(recorded: unknown, image?: object): Evidence {
  const host = { gpus: [{ name: "NVIDIA A100", driver: "575.57", memory: 1, uuid: "" }] };
  const attempt = { host, environment: { image, gpus: "", python: "" } };
  return { attempts: [attempt], steps: { train: { attempt: 0, recorded } } } as unknown as Evidence;
}

Deno.test("conditionsOf() tells the device from what the frameworks used, not from what the machine has", async (t) => {
  const cuda = { torch: { cuda_initialized: true, devices: [{ name: "NVIDIA A100" }] } };
  const cases: [name: string, recorded: unknown, expected: Conditions][] = [
    ["torch on the GPU", { environment: cuda }, { gpu: "NVIDIA A100", driver: "575.57", device: "cuda" }],
    ["torch on the CPU", { environment: { torch: { devices: [] } } }, {
      gpu: "none",
      driver: "none",
      device: "cpu",
    }],
    ["the kernel of a notebook", { environment: {}, notebooks: [{ kernel: cuda }] }, {
      gpu: "NVIDIA A100",
      driver: "575.57",
      device: "cuda",
    }],
    ["TensorFlow on the GPU", { environment: { tensorflow: { devices: ["/physical_device:GPU:0"] } } }, {
      gpu: "NVIDIA A100",
      driver: "575.57",
      device: "cuda",
    }],
    ["no framework", { environment: {} }, { gpu: undefined, driver: undefined, device: undefined }],
    ["nothing recorded", undefined, { gpu: undefined, driver: undefined, device: undefined }],
  ];
  for (const [name, recorded, expected] of cases) {
    await t.step(name, () => {
      assert.deepEqual(conditionsOf(evidence(recorded), "train"), { image: { name: "none" }, ...expected });
    });
  }
  const image = { name: "x:1", id: "sha256:i", digest: "sha256:d" };
  assert.deepEqual(conditionsOf(evidence(undefined, image), "train").image, image);
});

const CLAIM = `claims:
  - name: a
    from: train/m.json#/a
    value: 1
    tolerance: [{ when: { image: same }, samples: 1, because: b, provisional: true }]
`;

Deno.test("authorsConditions() takes what the experiment says, then the published evidence, then the image", async () => {
  const folder = await Deno.makeTempDir();
  const file = join(folder, "experiment.yaml");
  const parse = (more: string) =>
    parseExperiment(
      `name: a\nenvironment: { image: "x:1" }\nsteps: { train: { run: [python] } }\n${more}\n${CLAIM}`,
      file,
      dirname(file),
    );
  try {
    assert.deepEqual(await authorsConditions(parse("")), { train: { image: { name: "x:1" } } });
    await Deno.mkdir(join(folder, "published"));
    await Deno.copyFile(join(ROOT, "published/evidence.json"), join(folder, "published/evidence.json"));
    assert.deepEqual((await authorsConditions(parse(""))).train, CPU);
    const said = await authorsConditions(parse("authors: { image: y:2 }"));
    assert.deepEqual(said.train, { ...CPU, image: { name: "y:2" } });
    const indifferent = { ...parse(""), claims: [] };
    assert.deepEqual(await authorsConditions(indifferent), {});
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
