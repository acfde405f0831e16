import assert from "node:assert/strict";
import { join } from "node:path";
import { chooseEngine } from "../../tasks/lib/engine/choose.ts";
import { withoutStartScript } from "../../tasks/lib/engine/choose_container.ts";
import { gpuArguments, mountArguments } from "../../tasks/lib/engine/container.ts";
import { engineCommand } from "../../tasks/lib/engine/index.ts";
import { imageNames } from "../../tasks/lib/engine/own_image.ts";
import { explainStart } from "../../tasks/lib/engine/step_container.ts";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import { parseGpuOption } from "../../tasks/lib/plan/container_options.ts";
import { makePlan } from "../../tasks/lib/plan/make_plan.ts";
import type { Plan } from "../../tasks/lib/plan/plan.ts";
import { INSIDE } from "../../tasks/lib/system/product.ts";
import { HOST, planRequest } from "../support/plan_request.ts";

const FIXTURES = join(import.meta.dirname!, "..", "fixtures", "engine");

/** `UPDATE_GOLDEN=1 deno test` writes what is expected anew; look at the difference before you commit it. */
const UPDATE = Deno.env.get("UPDATE_GOLDEN") === "1";

const TEXT = `name: test
environment: { gpus: [0, 2], shm_size: 8g, memory: 16g, cpus: 1.5, network: none }
parameters: { word: "a b" }
steps:
  train:
    run: [python, t.py, "{word}", --out, "{out}"]
  infer:
    run: [python, i.py, "{steps.train}/model"]
    needs: [train]
`;

const GPU = { name: "NVIDIA A100-SXM4-40GB", memory: 40960, driver: "575.57.08", uuid: "GPU-1" };

/** A plan with everything that an engine has to say: an earlier run's step, runs elsewhere, a folder to read, GPUs. */
async function planFor(name: Plan["engine"]["name"], changes = {}): Promise<Plan> {
  const experiment = parseExperiment(TEXT, "/my project/experiment.yaml", "/my project");
  const host = { ...HOST, gpus: [GPU, { ...GPU, uuid: "GPU-2" }, { ...GPU, uuid: "GPU-3" }] };
  return await makePlan(experiment, host, {
    ...planRequest(TEXT),
    directory: "/scratch/test/R",
    steps: ["infer"],
    findStep: () => Promise.resolve({ run: "Q", directory: "/scratch/test/Q/train" }),
    engine: { name, because: "asked for" },
    container: {
      image: {
        name: "test:gpu",
        id: "sha256:1234",
        ...(name === "apptainer" && { file: "/cache/test.sif" }),
      },
      entrypoint: ["tini", "-g", "--"],
      user: "1234:5678",
      keepId: name === "podman",
      ...(name === "apptainer" && { isProcess: true }),
      home: "/tmp",
      ...(name === "apptainer" && { unset: ["APPTAINER_BIND"] }),
      ...experiment.environment.limits,
    },
    mounts: ["/data"],
    variables: { OMP_NUM_THREADS: "1" },
    python: "python",
    ...changes,
  });
}

Deno.test("engineCommand() is what the golden file of each container engine says", async (t) => {
  for (const name of ["docker", "podman", "nerdctl", "apptainer"] as const) {
    await t.step(name, async () => {
      const plan = await planFor(name);
      // The machinery's own folder is wherever this checkout is.
      const command = await engineCommand(plan, plan.steps[0]!);
      const argv = command.map((part) => part.replaceAll(INSIDE, "{inside}"));
      const golden = join(FIXTURES, `${name}.json`);
      if (UPDATE) await Deno.writeTextFile(golden, `${JSON.stringify(argv, null, 2)}\n`);
      assert.deepEqual(argv, JSON.parse(await Deno.readTextFile(golden)));
    });
  }
});

Deno.test("gpuArguments() speaks each program's language", async (t) => {
  const cases: [Parameters<typeof gpuArguments>, string[]][] = [
    [["docker", "none"], []],
    [["docker", "all"], ["--gpus", "all"]],
    [["docker", 2], ["--gpus", "2"]],
    [["docker", ["0", "2"]], ["--gpus", '"device=0,2"']],
    [["nerdctl", ["GPU-1"]], ["--gpus", '"device=GPU-1"']],
    [["podman", "none"], []],
    [["podman", "all"], ["--device", "nvidia.com/gpu=all"]],
    [["podman", 2], ["--device", "nvidia.com/gpu=0", "--device", "nvidia.com/gpu=1"]],
    [["podman", ["GPU-1"]], ["--device", "nvidia.com/gpu=GPU-1"]],
  ];
  for (const [given, expected] of cases) {
    await t.step(given.join(" "), () => assert.deepEqual(gpuArguments(...given), expected));
  }
});

Deno.test("mountArguments() quotes a path as CSV and refuses what can't be quoted", () => {
  const argument = (source: string) => mountArguments("docker", { source, target: "/x", readOnly: true })[1];
  assert.equal(argument("/a b:c"), "type=bind,source=/a b:c,target=/x,readonly");
  assert.equal(argument('/a,"b"'), 'type=bind,"source=/a,""b""",target=/x,readonly');
  assert.throws(() => argument("/a\nb"), { exitCode: 2, message: /^Cannot mount .*docker takes no "\\n"/s });
  const nerdctl = () => mountArguments("nerdctl", { source: "/a:b", target: "/x" });
  assert.throws(nerdctl, { exitCode: 2, message: /nerdctl takes no ":" in a path/ });
});

Deno.test("a plan for a container mounts what is written and what is read, each once and no more", async () => {
  const { container } = await planFor("docker");
  const mounts = container!.mounts.map(({ source, readOnly }) => [source, readOnly === true]);
  assert.deepEqual(mounts, [
    ["/my project", false],
    ["/scratch/test/R", false],
    [INSIDE, true],
    ["/data", true],
    ["/scratch/test/Q/train", true],
  ]);
  const inside = await planFor("docker", {
    directory: "/my project/runs/test/R",
    mounts: ["/my project/data"],
  });
  assert.deepEqual(inside.container!.mounts.map(({ source }) => source), [
    "/my project",
    INSIDE,
    "/scratch/test/Q/train",
  ]);
});

Deno.test("withoutStartScript() keeps the entry point and drops only what turns root into a user", () => {
  assert.deepEqual(withoutStartScript(["tini", "-g", "--", "start.sh"]), ["tini", "-g", "--"]);
  assert.deepEqual(withoutStartScript(["/usr/local/bin/start.sh"]), []);
  assert.deepEqual(withoutStartScript(["/opt/nvidia/nvidia_entrypoint.sh"]), [
    "/opt/nvidia/nvidia_entrypoint.sh",
  ]);
  assert.deepEqual(withoutStartScript([]), []);
});

Deno.test("imageNames() prefers the GPU image where the experiment can use a GPU", () => {
  const experiment = (gpus: string) =>
    parseExperiment(TEXT.replace("[0, 2]", gpus), "/p/experiment.yaml", "/p");
  const withGpu = { ...HOST, gpus: [GPU] };
  assert.deepEqual(imageNames(experiment("optional"), withGpu), ["test:gpu", "test:cpu"]);
  assert.deepEqual(imageNames(experiment("optional"), HOST), ["test:cpu", "test:gpu"]);
  assert.deepEqual(imageNames(experiment("none"), withGpu), ["test:cpu", "test:gpu"]);
});

Deno.test("parseGpuOption() takes a word, a count and device ids", async (t) => {
  const cases: [text: string, expected: ReturnType<typeof parseGpuOption>][] = [
    ["none", "none"],
    ["optional", "optional"],
    ["all", "all"],
    ["2", 2],
    ["0,2", ["0", "2"]],
    ["0,", ["0"]],
    ["GPU-1a2b,MIG-3", ["GPU-1a2b", "MIG-3"]],
  ];
  for (const [text, expected] of cases) {
    await t.step(text, () => assert.deepEqual(parseGpuOption(text), expected));
  }
  for (const wrong of ["two", "0", "", "-1", "0;2"]) {
    await t.step(`not ${wrong || "nothing"}`, () => {
      assert.throws(() => parseGpuOption(wrong), {
        exitCode: 2,
        message: /^--gpus must be none, optional, all/,
      });
    });
  }
});

Deno.test("explainStart() says what an engine's message at the start of a container means", async (t) => {
  const cases: [message: string, meaning: RegExp][] = [
    [
      'docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]].',
      /no access to NVIDIA GPUs/,
    ],
    [
      "Error: setting up CDI devices: unresolvable CDI devices nvidia.com/gpu=all",
      /no access to NVIDIA GPUs/,
    ],
    ['exec: "python": executable file not found in $PATH: unknown', /no python on its PATH/],
    ["write /var/lib/docker/tmp: no space left on device", /engine's disk is full/],
    [
      "docker: Error response from daemon: something new.",
      /image of test:gpu: something new|test:gpu: something new/,
    ],
  ];
  for (const [message, meaning] of cases) {
    await t.step(message, async () => {
      const failure = await explainStart("docker", "test:gpu", message);
      assert.equal(failure.exitCode, 3);
      assert.match(failure.message, meaning);
    });
  }
});

Deno.test("explainStart() names the folder that the engine can't see, and what helps against that", async (t) => {
  const folders = [
    { path: "/home/me/paper", name: "the project's folder" },
    { path: "/home/me/.local/state", name: "the folder of the token", remedy: "Set XDG_STATE_HOME" },
    { path: "/home/me/paper/data" },
  ];
  const docker = 'invalid mount config for type "bind": bind source path does not exist: ';
  const cases: [message: string, meaning: RegExp, remedy: RegExp][] = [
    [
      `${docker}/home/me/paper.`,
      /see the project's folder \(\/home\/me\/paper\)$/,
      /^Share \/home\/me\/paper with/,
    ],
    [
      `${docker}/home/me/paper/data.`,
      /can't see \/home\/me\/paper\/data$/,
      /^Share \/home\/me\/paper\/data with/,
    ],
    [
      `${docker}/home/me/.local/state/1/token`,
      /see the folder of the token \(\S+\)$/,
      /^Set XDG_STATE_HOME$/,
    ],
    [
      "Error: statfs /home/me/.local/state: no such file or directory",
      /folder of the token/,
      /XDG_STATE_HOME/,
    ],
    [`${docker}/elsewhere`, /can't see a folder that the container needs$/, /^Share it with the engine/],
  ];
  for (const [message, meaning, remedy] of cases) {
    await t.step(message, async () => {
      const failure = await explainStart("docker", "test:gpu", message, folders);
      assert.match(failure.message, meaning);
      assert.match(failure.details.remedy!, remedy);
      assert.equal(failure.details.problems!.length, 1);
    });
  }
});

Deno.test("a nerdctl that knows them is told to keep no log and to check no health, an older one is not", async (t) => {
  const cases: [version: string, options: string[]][] = [
    ["1.7.7", []],
    ["2.0.5", ["--log-driver"]],
    ["2.1.2", ["--log-driver"]],
    ["2.1.3", ["--log-driver", "--no-healthcheck"]],
    ["2.3.5", ["--log-driver", "--no-healthcheck"]],
  ];
  for (const [version, expected] of cases) {
    await t.step(version, async () => {
      const plan = await planFor("nerdctl", { engine: { name: "nerdctl", because: "asked for", version } });
      const argv = await engineCommand(plan, plan.steps[0]!);
      assert.deepEqual(argv.filter((part) => ["--log-driver", "--no-healthcheck"].includes(part)), expected);
    });
  }
});

Deno.test("a Docker that gives containers ids of their own is told to leave it", async () => {
  const { container } = await planFor("docker");
  const plan = { ...await planFor("docker"), container: { ...container!, hostIds: true } };
  const argv = await engineCommand(plan, plan.steps[0]!);
  assert.equal(argv[argv.indexOf("--userns") + 1], "host");
});

Deno.test("auto keeps the engine of the newest run whose record can be read", async () => {
  const runs = await Deno.makeTempDir();
  try {
    const experiment = parseExperiment(TEXT, "/my project/experiment.yaml", "/my project");
    const records = {
      "20261101T000000Z-aaaaaa": { schema: 1, engine: { name: "host" } },
      "20261102T000000Z-bbbbbb": { schema: 2, engine: { name: "docker" } },
      "20261103T000000Z-cccccc": { schema: 1, engine: { name: "of another version" } },
      "20261104T000000Z-dddddd": { schema: 1, engine: null },
      "20261105T000000Z-eeeeee": null,
    };
    for (const [id, record] of Object.entries(records)) {
      await Deno.mkdir(join(runs, "test", id), { recursive: true });
      await Deno.writeTextFile(join(runs, "test", id, "evidence.json"), JSON.stringify(record));
    }
    await Deno.mkdir(join(runs, "test", "20261106T000000Z-ffffff"));
    const request = { engine: "auto", runs } as Parameters<typeof chooseEngine>[0];
    const { engine, change } = await chooseEngine(request, experiment, HOST);
    assert.deepEqual(engine, {
      name: "host",
      because: "as in 20261101T000000Z-aaaaaa; --engine chooses another",
    });
    assert.equal(change, undefined);
  } finally {
    await Deno.remove(runs, { recursive: true });
  }
});
