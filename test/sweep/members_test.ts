import assert from "node:assert/strict";
import { Failure } from "../../tasks/lib/cli/failure.ts";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import { listMembers, moreSeeds } from "../../tasks/lib/sweep/members.ts";
import { dealOut } from "../../tasks/lib/sweep/workers.ts";
import { HOST } from "../support/plan_request.ts";

const PARAMETERS = "parameters: { seed: 1, lr: 0.1, epochs: 3, sizes: [1, 2] }\n";

function experiment(more = "", parameters = PARAMETERS) {
  const text = `name: test\n${parameters}steps: { train: { run: [python, train.py] } }\n${more}`;
  return parseExperiment(text, "/p/experiment.yaml", "/p");
}

function members(
  more: string,
  request: { seeds?: string; set?: string[]; parameters?: Record<string, string> },
) {
  return listMembers(experiment(more), { set: [], parameters: {}, ...request }).members;
}

function refusal(more: string, request: Parameters<typeof members>[1], parameters = PARAMETERS): string {
  try {
    listMembers(experiment(more, parameters), { set: [], parameters: {}, ...request });
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.exitCode, 2);
    return error.message;
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
}

Deno.test("listMembers() combines seeds, grids and lists", () => {
  assert.deepEqual(members("", { seeds: "3" }), [{ seed: "1" }, { seed: "2" }, { seed: "3" }]);
  assert.deepEqual(members("", { seeds: "5,1" }), [{ seed: "5" }, { seed: "1" }]);
  assert.deepEqual(members("", { set: ["lr=0.1,0.01"], seeds: "1" }), [
    { lr: "0.1", seed: "1" },
    { lr: "0.01", seed: "1" },
  ]);
  assert.deepEqual(members("", { set: ["sizes=[1, 2],[3]"] }), [{ sizes: "[1, 2]" }, { sizes: "[3]" }]);
  assert.deepEqual(members("sweep: { seeds: 2, grid: { lr: [0.10, 1e-3] } }\n", {}), [
    { lr: "0.10", seed: "1" },
    { lr: "0.10", seed: "2" },
    { lr: "1e-3", seed: "1" },
    { lr: "1e-3", seed: "2" },
  ]);
  assert.deepEqual(members("sweep: { list: [{ lr: 1, epochs: 2 }, { lr: 2, sizes: [3] }] }\n", {}), [
    { lr: "1", epochs: "2" },
    { lr: "2", sizes: "[3]" },
  ]);
  const set = listMembers(experiment("sweep: { seeds: 5 }\n"), { set: ["seed=3,4"], parameters: {} });
  assert.deepEqual(set, { seed: "seed", members: [{ seed: "3" }, { seed: "4" }] });
  assert.deepEqual(members("sweep: { seeds: [7] }\n", { parameters: { epochs: "9" } }), [{
    epochs: "9",
    seed: "7",
  }]);
});

Deno.test("listMembers() finds a parameter by its key in the file where it stands", () => {
  const params = "parameters: { lr: 0.1 }\nparams: { rate: params.yaml#train.lr }\n";
  const parsed = experiment("", params);
  parsed.parameters.rate = { value: 0.1, text: "0.1" };
  const { members } = listMembers(parsed, { set: ["train.lr=0.1,0.01"], parameters: {} });
  assert.deepEqual(members, [{ rate: "0.1" }, { rate: "0.01" }]);
});

Deno.test("listMembers() says what is wrong, and counts before it makes anything", async (t) => {
  const thousand = Array.from({ length: 1000 }, (_, index) => index).join(",");
  const cases: [more: string, request: Parameters<typeof members>[1], message: RegExp][] = [
    ["", {}, /says neither seeds nor values/],
    ["", { seeds: "0" }, /--seeds must be a whole number from 1 to 10,000, current value is "0"/],
    ["", { seeds: "1,5,1" }, /each seed once, 1 stands there twice/],
    ["", { seeds: "1,1.0" }, /each seed once/],
    ["", { seeds: "1,1.5" }, /--seed must be a whole number such as 1, current value is "1.5"/],
    ["", { set: ["lr=0.1,0.1"] }, /Each member must be another, two have lr = 0.1/],
    ["", { set: ["lr"] }, /--set must be NAME=VALUE,VALUE such as lr=0.1,0.01, current value is "lr"/],
    ["", { set: ["lrr=1"] }, /declares no parameter lrr, did you mean "lr"\?/],
    ["", { set: ["lr=1", "lr=2"] }, /--set lr must be given once/],
    ["", { set: ["lr=high"] }, /--lr must be a number such as 0.1, current value is "high"/],
    ["", { set: ["seed=1,2"], seeds: "2" }, /seed can't be set beside the seeds/],
    [
      "",
      { set: [`lr=${thousand}`, `epochs=${thousand}`], seeds: thousand },
      /Cannot sweep over 1,000,000,000 members \(1000 × 1000 × 1000\), at most 10,000 are made/,
    ],
  ];
  for (const [more, request, message] of cases) {
    await t.step(message.source, () => assert.match(refusal(more, request), message));
  }
  assert.match(refusal("", { seeds: "3" }, "parameters: { lr: 1 }\n"), /test declares no parameter seed/);
});

Deno.test("moreSeeds() gives seeds that are not there yet", () => {
  assert.deepEqual(moreSeeds(["1", "3", "10"], 3), ["2", "4", "5"]);
});

Deno.test("dealOut() gives each worker a GPU, or a share, and divides the threads", () => {
  const gpu = { name: "GPU", memory: 1, driver: "1", uuid: "" };
  const host = { ...HOST, cores: 8, gpus: [{ ...gpu, uuid: "GPU-a" }, { ...gpu, uuid: "GPU-b" }] };
  const onGpu = experiment("environment: { gpus: optional }\n");
  const deal = (options: Partial<Parameters<typeof dealOut>[3]>, on = host, what = onGpu) =>
    dealOut(what, ["train"], on, { hasThreads: false, ...options });
  assert.deepEqual(deal({}), { jobs: 2, gpus: ["0", "1"], threads: 4 });
  assert.deepEqual(deal({ perGpu: "2" }), { jobs: 4, gpus: ["0", "1", "0", "1"], threads: 2 });
  assert.deepEqual(deal({ jobs: "1" }), { jobs: 1, gpus: ["0"] });
  assert.deepEqual(deal({ perGpu: "2", jobs: "3" }), { jobs: 3, gpus: ["0", "1", "0"], threads: 2 });
  assert.deepEqual(deal({ visible: "GPU-b" }), { jobs: 1, gpus: ["GPU-b"] });
  assert.deepEqual(deal({ visible: "" }), { jobs: 1 });
  assert.deepEqual(deal({ gpus: ["1"] }), { jobs: 1, gpus: ["1"] });
  assert.deepEqual(deal({ hasThreads: true }), { jobs: 2, gpus: ["0", "1"] });
  assert.deepEqual(deal({ jobs: "2" }, { ...host, gpus: [] }), { jobs: 2, threads: 4 });
  assert.deepEqual(deal({ jobs: "16" }, { ...host, gpus: [] }), { jobs: 16, threads: 1 });
  assert.deepEqual(deal({}, host, experiment()), { jobs: 1 });
  assert.throws(() => deal({ jobs: "3" }), /--jobs 3 needs 3 shares of GPUs, and there are 2 \(2 × 1\)/);
  assert.throws(() => deal({ perGpu: "2" }, host, experiment()), /--per-gpu needs a GPU/);
});
