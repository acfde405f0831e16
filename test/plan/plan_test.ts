import assert from "node:assert/strict";
import type { NotebookOptions } from "../../tasks/lib/plan/plan.ts";
import { Failure } from "../../tasks/lib/cli/failure.ts";
import { engineCommand } from "../../tasks/lib/engine/index.ts";
import type { Experiment } from "../../tasks/lib/experiment/experiment.ts";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import { makePlan, type PlanRequest } from "../../tasks/lib/plan/make_plan.ts";
import type { Gpu } from "../../tasks/lib/system/host.ts";
import { HOST, planRequest } from "../support/plan_request.ts";

const TEXT = `name: test
environment: { gpus: optional }
parameters: { rate: 1e-3, word: "a b" }
steps:
  train:
    run: [python, t.py, --rate, "{rate}", "{word}", --out, "{out}"]
    resume: [--resume, "{out}/checkpoint"]
  infer:
    run: [python, i.py, "{steps.train}/model"]
    needs: [train]
  notebook:
    notebook: n.ipynb
`;

function experiment(text = TEXT): Experiment {
  return parseExperiment(text, "/project/experiment.yaml", "/project");
}

function request(changes: Partial<PlanRequest> = {}): PlanRequest {
  return { ...planRequest(TEXT), ...changes };
}

Deno.test("makePlan() fills placeholders, with parameters as they are written", async () => {
  const { steps } = await makePlan(experiment(), HOST, request());
  const out = "/project/runs/test/R/train";
  assert.deepEqual(steps[0]!.argv, ["python", "t.py", "--rate", "1e-3", "a b", "--out", out]);
  assert.deepEqual(steps[0]!.resume, ["--resume", `${out}/checkpoint`]);
  assert.deepEqual(steps[1]!.argv, ["python", "i.py", `${out}/model`]);
});

Deno.test("makePlan() is plain data: it survives JSON", async () => {
  const plan = await makePlan(experiment(), HOST, request());
  assert.deepEqual(JSON.parse(JSON.stringify(plan)).steps, JSON.parse(JSON.stringify(plan.steps)));
});

Deno.test("makePlan() gives the notebook the declared parameters and its folder", async () => {
  const { steps } = await makePlan(experiment(), HOST, request());
  const argv = steps[2]!.argv;
  assert.deepEqual(JSON.parse(argv[argv.indexOf("--parameters") + 1]!), { rate: 0.001, word: "a b" });
  const folder = argv.slice(argv.indexOf("--results"), argv.indexOf("--parameters"));
  assert.deepEqual(folder, ["--results", "out", "--results-dir", "/project/runs/test/R/notebook"]);
});

Deno.test("makePlan() gives a stranger's notebook no folder in the place of its `out`", async () => {
  const of = async (options: Partial<NotebookOptions>) => {
    const notebook = { notebooks: ["/a.ipynb", "/b.ipynb"], flags: [], ...options };
    const { steps } = await makePlan(experiment(), HOST, request({ steps: ["notebook"], notebook }));
    return steps[0]!.argv.slice(steps[0]!.argv.indexOf("--out") + 2);
  };
  assert.deepEqual(await of({}), []);
  assert.deepEqual(await of({ own: ["/b.ipynb"] }), ["--results", "out", "--results-for", "/b.ipynb"]);
  assert.deepEqual(await of({ own: ["/b.ipynb"], results: "folder" }), ["--results", "folder"]);
});

Deno.test("makePlan() keeps the digits and the type of what experiment.yaml declares", async () => {
  const text = TEXT.replace("rate: 1e-3", "rate: 1.0, big: 9007199254740993, count: 1000");
  const planned = async (overrides: Record<string, string>) => {
    const plan = await makePlan(experiment(text), HOST, request({ overrides }));
    const argv = plan.steps[2]!.argv;
    return { plan, given: argv[argv.indexOf("--parameters") + 1] };
  };
  const { plan, given } = await planned({});
  assert.equal(given, '{"rate": 1.0, "big": 9007199254740993, "count": 1000, "word": "a b"}');
  assert.equal(plan.parameters.big, "9007199254740993");
  const other = await planned({ big: "9007199254740992", rate: "2", count: "1e3" });
  assert.equal(other.given, '{"rate": 2.0, "big": 9007199254740992, "count": 1000, "word": "a b"}');
  assert.deepEqual(other.plan.changed, [
    "rate = 2 (declared: 1.0)",
    "big = 9007199254740992 (declared: 9007199254740993)",
  ]);
});

Deno.test("makePlan() lists what is not as the authors declared it", async () => {
  const plan = await makePlan(experiment(), HOST, request({ overrides: { rate: "0.01" }, rest: ["-v"] }));
  assert.deepEqual(plan.changed, ["rate = 0.01 (declared: 1e-3)", "arguments added: -v"]);
  const same = await makePlan(experiment(), HOST, request({ overrides: { rate: "0.001" } }));
  assert.deepEqual(same.changed, []);
});

Deno.test("makePlan() binds a need to an earlier run, or offers to make it", async () => {
  const need = { run: "E", directory: "/project/runs/test/E/train" };
  const found = await makePlan(
    experiment(),
    HOST,
    request({ steps: ["infer"], findStep: () => Promise.resolve(need) }),
  );
  assert.deepEqual(found.steps[0]!.argv, ["python", "i.py", "/project/runs/test/E/train/model"]);
  await assert.rejects(makePlan(experiment(), HOST, request({ steps: ["infer"] })), (error) => {
    assert.ok(error instanceof Failure && error.exitCode === 2);
    assert.match(error.details.remedy!, /deno task step train/);
    return true;
  });
});

Deno.test("makePlan() shows the steps the GPUs that the experiment asks for, or says what is missing", async (t) => {
  const gpu = (index: number): Gpu => ({ name: "Card", memory: 1, driver: "1", uuid: `GPU-${index}` });
  const cases: [gpus: string, here: number, devices: string | undefined | RegExp][] = [
    ["none", 2, ""],
    ["optional", 0, undefined],
    ["optional", 2, undefined],
    ["all", 2, undefined],
    ["all", 0, /demands a GPU, and nvidia-smi finds none/],
    ["2", 3, "0,1"],
    ["2", 1, /demands 2 GPUs, and nvidia-smi finds 1/],
    ['["1"]', 2, "1"],
    ['["3"]', 2, /demands GPU 3/],
  ];
  for (const [gpus, here, devices] of cases) {
    await t.step(`gpus: ${gpus} with ${here}`, async () => {
      const asked = experiment(TEXT.replace("gpus: optional", `gpus: ${gpus}`));
      const planned = makePlan(
        asked,
        { ...HOST, gpus: Array.from({ length: here }, (_, i) => gpu(i)) },
        request(),
      );
      if (devices instanceof RegExp) {
        await assert.rejects(
          planned,
          (error) => error instanceof Failure && error.exitCode === 3 && devices.test(error.message),
        );
      } else assert.equal((await planned).steps[0]!.env.CUDA_VISIBLE_DEVICES, devices);
    });
  }
});

Deno.test("makePlan() tells the driver of notebooks in which folder they work", async () => {
  const text = "name: test\nsteps: { n: { notebook: n/a.ipynb, cwd: sub } }\n";
  const plan = await makePlan(parseExperiment(text, "/project/experiment.yaml", "/project"), HOST, {
    ...planRequest(text),
    steps: ["n"],
  });
  const { argv, cwd } = plan.steps[0]!;
  assert.equal(cwd, "/project");
  assert.equal(argv[argv.indexOf("--cwd") + 1], "/project/sub");
});

Deno.test("engineCommand() starts the step by run_step.py, and tells it when it is taken up again", async () => {
  const plan = await makePlan(experiment(), HOST, request());
  const command = await engineCommand(plan, plan.steps[0]!);
  assert.equal(command[0], "/venv/bin/python");
  assert.match(command[1]!, /tasks\/inside\/run_step\.py$/);
  assert.deepEqual(command.slice(2, 5), ["--record", "/project/runs/test/R/train/step.json", "--"]);
  assert.deepEqual(command.slice(5), plan.steps[0]!.argv);
  assert.deepEqual((await engineCommand(plan, plan.steps[0]!, true)).slice(-2), [
    "--resume",
    "/project/runs/test/R/train/checkpoint",
  ]);
});
