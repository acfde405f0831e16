/** What differs in the environments of two runs, and in which order it is suspected. */

import assert from "node:assert/strict";
import { compareEnvironments } from "../../tasks/lib/compare/environments.ts";
import type { Evidence } from "../../tasks/lib/record/evidence.ts";

/** Evidence of one step, with what is given in place of the usual. */
// deno-lint-ignore no-explicit-any
function evidence(change: (evidence: any) => void = () => {}): Evidence {
  const torch = {
    version: "2.13.0",
    cuda: "12.9",
    cudnn: 91002,
    devices: [{ name: "H100", sm_count: 132 }],
    threads: 1,
  };
  const made = {
    run: "A1",
    parameters: { seed: 23 },
    engine: { name: "docker" },
    attempts: [{
      host: { cpu: "EPYC", architecture: "x64", os: "linux", kernel: "6", gpus: [{ driver: "580.1" }] },
      environment: {},
      variables: { OMP_NUM_THREADS: "1", LANG: "C" },
      code: { files: { "src/train.py": "a".repeat(64), "README.md": "b".repeat(64) } },
    }],
    steps: {
      train: {
        ...{ attempt: 0, argv: ["python", "--out", "/here/runs/x/A1/train"], needs: {} },
        recorded: {
          cpu: { instruction_sets: ["avx", "avx2"] },
          environment: {
            python: "3.11.7",
            packages: { numpy: "2.4.6", attrs: "26.1.0" },
            torch: { ...torch, cudnn_allow_tf32: false },
          },
        },
      },
    },
  };
  change(made);
  return made as unknown as Evidence;
}

Deno.test("differences of environments are ranked by how likely they explain another result", async (t) => {
  // deno-lint-ignore no-explicit-any
  const cases: [aspect: string, likelihood: string, change: (evidence: any) => void, value: string][] = [
    ["parameters", "likely", (e) => e.parameters.seed = 24, "seed: 23 → 24"],
    [
      "command",
      "likely",
      (e) => e.steps.train.argv[1] = "--fast",
      ": python --out <run>/train → python --fast <run>/train",
    ],
    [
      "device",
      "likely",
      (e) => e.steps.train.recorded.environment.torch.devices = [],
      ": H100 (compute capability unknown, 132 multiprocessors) → CPU",
    ],
    [
      "framework",
      "likely",
      (e) => e.steps.train.recorded.environment.torch.version = "2.14",
      "torch: 2.13.0 → 2.14",
    ],
    [
      "CUDA and cuDNN",
      "likely",
      (e) => e.steps.train.recorded.environment.torch.cudnn = 91100,
      "cudnn: 91002 → 91100",
    ],
    [
      "precision",
      "likely",
      (e) => e.steps.train.recorded.environment.torch.cudnn_allow_tf32 = true,
      "cudnn_allow_tf32: false → true",
    ],
    ["processor", "likely", (e) => e.attempts[0].host.cpu = "Xeon", "model: EPYC → Xeon"],
    [
      "instruction sets",
      "likely",
      (e) => e.steps.train.recorded.cpu.instruction_sets.pop(),
      "avx2: yes → none",
    ],
    ["threads", "likely", (e) => e.steps.train.recorded.environment.torch.threads = 2, "threads: 1 → 2"],
    [
      "code",
      "possible",
      (e) => e.attempts[0].code.files["src/train.py"] = "c".repeat(64),
      "src/train.py: aaaaaaaaaaaa → cccccccccccc",
    ],
    [
      "numerical packages",
      "possible",
      (e) => e.steps.train.recorded.environment.packages.numpy = "2.5",
      "numpy: 2.4.6 → 2.5",
    ],
    [
      "environment variables",
      "possible",
      (e) => delete e.attempts[0].variables.OMP_NUM_THREADS,
      "OMP_NUM_THREADS: 1 → none",
    ],
    ["GPU driver", "possible", (e) => e.attempts[0].host.gpus[0].driver = "570", ": 580.1 → 570"],
    ["Python", "possible", (e) => e.steps.train.recorded.environment.python = "3.12", ": 3.11.7 → 3.12"],
    ["image and engine", "unlikely", (e) => e.engine.name = "podman", "engine: docker → podman"],
    [
      "other packages",
      "unlikely",
      (e) => e.steps.train.recorded.environment.packages.attrs = "27",
      "attrs: 26.1.0 → 27",
    ],
    ["language and time zone", "unlikely", (e) => e.attempts[0].variables.LANG = "de", "LANG: C → de"],
    ["operating system", "unlikely", (e) => e.attempts[0].host.kernel = "7", "kernel: 6 → 7"],
    [
      "files beside the code",
      "unlikely",
      (e) => e.attempts[0].code.files["README.md"] = "d".repeat(64),
      "README.md: bbbbbbbbbbbb → dddddddddddd",
    ],
  ];
  const names: [string[], string[]] = [["/here/runs/x/A1"], ["/here/runs/x/A1"]];
  for (const [aspect, likelihood, change, value] of cases) {
    await t.step(aspect, () => {
      const found = compareEnvironments(evidence(), evidence(change), ...names);
      assert.deepEqual(found.map((one) => [one.aspect, one.likelihood, one.steps]), [[aspect, likelihood, [
        "train",
      ]]]);
      const { name, a, b } = found[0]!.values[0]!;
      assert.equal(`${name}${name && ": "}${a} → ${b}`, value.replace(/^: /, ""));
    });
  }
  await t.step("all at once, in this order", () => {
    const all = evidence((made) => cases.forEach(([, , change]) => change(made)));
    assert.deepEqual(
      compareEnvironments(evidence(), all, ...names).map(({ aspect }) => aspect),
      cases.map(([aspect]) => aspect),
    );
  });
  await t.step("the tasks, tests, documents and settings of whoever wrote the experiment are code", () => {
    const theirs = [
      "tasks/conf.py",
      "test/x.py",
      "bench/x.py",
      "docs/x.csv",
      "requirements.txt",
      "pyproject.toml",
    ];
    for (const path of theirs) {
      const changed = evidence((made) => made.attempts[0].code.files[path] = "d".repeat(64));
      const found = compareEnvironments(evidence(), changed, ...names);
      assert.deepEqual(
        found.map(({ aspect, likelihood }) => [aspect, likelihood]),
        [["code", "possible"]],
        path,
      );
    }
  });
  await t.step("other data that were fetched are named", () => {
    const [a, b] = ["1", "2"].map((hash) =>
      evidence((made) => {
        made.steps.train.data = { images: { sha256: hash.repeat(64) } };
      })
    );
    const [found] = compareEnvironments(a!, b!, [], []);
    assert.equal(found!.aspect, "data and declared inputs");
    assert.deepEqual(found!.values, [{ name: "data.images", a: "1".repeat(12), b: "2".repeat(12) }]);
  });
  await t.step("a step with declared inputs is explained by those, not by other files", () => {
    const withInputs = (hash: string) =>
      evidence((made) => {
        made.steps.train.inputs = { "data.csv": hash.repeat(64) };
        made.attempts[0].code.files["src/train.py"] = hash.repeat(64);
      });
    const found = compareEnvironments(withInputs("1"), withInputs("2"), ...names);
    assert.deepEqual(found.map(({ aspect }) => aspect), ["data and declared inputs"]);
  });
  await t.step("a step that left no record is not taken for another environment", () => {
    const killed = evidence((made) => delete made.steps.train.recorded);
    assert.deepEqual(compareEnvironments(evidence(), killed, ...names), []);
  });
  await t.step("what is so for two steps is said once", () => {
    const two = (threads: number) =>
      evidence((made) => {
        made.steps.train.recorded.environment.torch.threads = threads;
        made.steps.infer = made.steps.train;
      });
    const found = compareEnvironments(two(1), two(2), ...names);
    assert.deepEqual(found.map(({ aspect, steps }) => [aspect, steps]), [["threads", ["train", "infer"]]]);
  });
});
