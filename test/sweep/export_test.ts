/** Sweeps handed over: read by the schemas of those that are to run them, and their commands run here. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { type Document, parse, parseAllDocuments } from "yaml";
import { exportText } from "../../tasks/lib/sweep/export/export_sweep.ts";
import { gpusOf, type HandedOver, quantity } from "../../tasks/lib/sweep/export/handed_over.ts";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import { exportObjections, exportReaders } from "../support/exports.ts";
import { Project } from "../support/project.ts";
import { CLAIM_OVER_SEEDS } from "../support/sweeps.ts";

const tools = await exportReaders();

const bin = "bin" in tools ? tools.bin : undefined;

if ("missing" in tools) console.log(`ignored: the tests that read exported sweeps, since ${tools.missing}`);

const IMAGE = `registry.example.org/ada/digits:1@sha256:${"a".repeat(64)}`;

/** The first that has the schema of each field, a middle one and the newest that is known. */
const KUBERNETES = ["1.29", "1.33", "1.37"];

const SWEEP = "20261128T072241Z-3f9a";

const FILES = {
  "experiment.yaml": `name: test
parameters: { seed: 1, lr: 0.1 }
environment: { gpus: none }
steps:
  train:
    run: [python3, train.py, "{seed}", "{lr}", "{out}"]
    produces: [m.json]
${CLAIM_OVER_SEEDS}`,
  "train.py": `
import json, pathlib, sys
seed, lr, out = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
if (pathlib.Path(__file__).parent / f"fail-{seed}").exists():
    sys.exit("no luck")
json.dump({"accuracy": 94 + seed / 100, "lr": lr}, open(out + "/m.json", "w"))
`,
};

function handed(more: Partial<HandedOver> = {}): HandedOver {
  return {
    ...{ sweep: SWEEP, experiment: "digits resnet_2", members: 10, image: IMAGE, gpus: 0, jobs: 8 },
    command: ["gjt", "sweep", "--seeds", "10", "--runs", "/runs", "--id", SWEEP],
    limits: { shmSize: "8Gi" },
    ...more,
  };
}

/** The objects of a file. */
// deno-lint-ignore no-explicit-any
function documents(text: string): any[] {
  return parseAllDocuments(text).map((one) => (one as Document).toJS());
}

const CASES: [name: string, handed: HandedOver][] = [
  ["without a GPU", handed()],
  ["with two GPUs of a kind, and all limits", {
    ...handed({ gpus: 2, accelerator: "L4", volume: "runs" }),
    limits: { shmSize: "16Gi", memory: "32Gi", cpus: "1.5" },
  }],
  ["with any GPU", handed({ gpus: 1 })],
  [
    "with the most members and the longest name",
    handed({ members: 10_000, experiment: "é".repeat(3) + "x".repeat(90) }),
  ],
  [
    "with words that shells and YAML read otherwise",
    handed({
      command: [
        "gjt",
        "sweep",
        "my exp",
        "--set",
        "name=$(HOME),'a',\"b\"",
        "--runs",
        "/runs",
        "--id",
        SWEEP,
        "--",
        "# no: {}",
      ],
    }),
  ],
];

Deno.test({
  name: "exportText() writes what Kubernetes and SkyPilot read by their own schemas",
  ignore: bin === undefined,
  fn: async (t) => {
    const folder = await Deno.makeTempDir({ prefix: "export-" });
    for (const kind of ["kubernetes", "skypilot"] as const) {
      const files = await Promise.all(CASES.map(async ([, given], index) => {
        const file = join(folder, `${kind}-${index}.yaml`);
        await Deno.writeTextFile(file, await exportText(kind, given));
        return file;
      }));
      const wrong = join(folder, `${kind}-wrong.yaml`);
      const text = await exportText(kind, handed({ gpus: 1 }));
      await Deno.writeTextFile(wrong, text.replace(/^( *)(completionMode|run_options):/m, "$1$2s:"));
      const found = await exportObjections(bin!, kind, [...files, wrong], KUBERNETES);
      for (const [index, [name]] of CASES.entries()) {
        await t.step(`${kind} ${name}`, () => assert.deepEqual(found[index], []));
      }
      await t.step(
        `${kind} objects to a field that it does not know`,
        () => assert.notDeepEqual(found.at(-1), []),
      );
    }
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("exportText() writes an Indexed Job by digest, as no root, with shared memory, a claim and tries of each member", async () => {
  const text = await exportText(
    "kubernetes",
    handed({ gpus: 2, experiment: "é".repeat(3) + "x".repeat(90) }),
  );
  const [claim, job] = documents(text);
  assert.equal(claim.kind, "PersistentVolumeClaim");
  assert.ok(`${job.metadata.name}-9999`.length <= 63, job.metadata.name);
  assert.match(job.metadata.name, /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/);
  const { spec } = job;
  assert.deepEqual([spec.completionMode, spec.completions, spec.parallelism, spec.backoffLimitPerIndex], [
    "Indexed",
    10,
    8,
    2,
  ]);
  const pod = spec.template.spec;
  assert.equal(pod.restartPolicy, "Never"); // which tries of each index need
  assert.deepEqual([pod.securityContext.runAsNonRoot, pod.securityContext.runAsUser], [true, 1000]);
  const [container] = pod.containers;
  assert.equal(container.image, IMAGE);
  assert.deepEqual(container.resources.limits, { "nvidia.com/gpu": 2 });
  assert.equal(pod.volumes[0].persistentVolumeClaim.claimName, claim.metadata.name);
  assert.deepEqual(pod.volumes[1].emptyDir, { medium: "Memory", sizeLimit: "8Gi" });
  const [, own] = documents(await exportText("kubernetes", CASES[4]![1]));
  assert.ok(own.spec.template.spec.containers[0].args.includes(`name=$$(HOME),'a',"b"`));
});

Deno.test("gpusOf() and quantity() give what one member needs", () => {
  const parsed = (gpus: string, step = "") =>
    parseExperiment(
      `name: t\nenvironment: { gpus: ${gpus} }\nsteps: { a: { run: [x]${step} } }\n`,
      "/p/e.yaml",
      "/p",
    );
  assert.equal(gpusOf(parsed("none"), ["a"], undefined), 0);
  assert.equal(gpusOf(parsed("optional"), ["a"], undefined), 1);
  assert.equal(gpusOf(parsed("2"), ["a"], undefined), 2);
  assert.equal(gpusOf(parsed("2", ", gpus: none"), ["a"], undefined), 0);
  assert.equal(gpusOf(parsed("2"), ["a"], "none"), 0);
  assert.equal(gpusOf(parsed("2"), ["a"], ["0", "1", "2"]), 3);
  assert.deepEqual(["8g", "512M", "7", "5k", "9B"].map(quantity), ["8Gi", "512Mi", "7", "5Ki", "9"]);
});

/** Runs the command of a pod, as Kubernetes would start it, in the project instead of the image. */
async function runPod(project: Project, file: string, member: number, runs: string) {
  const [, job] = documents(await Deno.readTextFile(project.path(file)));
  const { args } = job.spec.template.spec.containers[0];
  const words = (args as string[]).map((word) =>
    word.replace(/^\$\(MEMBER\)$/, String(member)).replaceAll("$$(", "$(").replace(/^\/runs$/, runs)
  );
  assert.deepEqual(words.slice(0, 2), ["gjt", "sweep"]);
  return await project.task("sweep", words.slice(2));
}

Deno.test("an exported sweep: its members run one by one anywhere, each once, and are collected and judged", async (t) => {
  await using project = await Project.make({ ...FILES, "fail-2": "" });
  const runs = project.path("volume");
  const exported = await project.task("sweep", [
    ...["--seeds", "3", "--lr", "0.5", "--export", "kubernetes", "--image", IMAGE, "--out", "job.yaml"],
  ]);
  assert.equal(exported.code, 0, exported.stderr);
  const sweep = /The sweep (\S+),/.exec(await Deno.readTextFile(project.path("job.yaml")))![1]!;
  const directory = join(runs, "test", "sweeps", sweep);
  const statuses = async () => {
    const { members } = JSON.parse(await Deno.readTextFile(join(directory, "sweep.json")));
    return (members as { status: string }[]).map(({ status }) => status);
  };
  const folders = () =>
    [...Deno.readDirSync(directory)].flatMap(({ name, isDirectory }) => isDirectory ? name : []).sort();
  await t.step("nothing has run, and nothing is written over", async () => {
    await assert.rejects(Deno.stat(runs));
    const again = await project.task("sweep", [
      "--seeds",
      "3",
      "--export",
      "kubernetes",
      "--image",
      IMAGE,
      "--out",
      "job.yaml",
    ]);
    assert.equal(again.code, 2);
    assert.match(again.stderr, /Cannot write job\.yaml: it is there already/);
  });
  await t.step("each member in its own folder, a failed one once more, a done one no more", async () => {
    const good = await runPod(project, "job.yaml", 2, runs);
    assert.equal(good.code, 0, good.stderr + good.stdout);
    assert.match(good.stdout, /^member 2 of 3, run \S+-0003: done$/m);
    const bad = await runPod(project, "job.yaml", 1, runs);
    assert.equal(bad.code, 1);
    assert.match(bad.stdout, /^member 1 of 3, run \S+-0002: failed: train: exit code 1$/m);
    assert.equal((await runPod(project, "job.yaml", 2, runs)).code, 0);
    assert.equal((await runPod(project, "job.yaml", 1, runs)).code, 1);
    assert.deepEqual(folders(), [`${sweep}-0002`, `${sweep}-0002-2`, `${sweep}-0003`]);
    const made = JSON.parse(await Deno.readTextFile(join(directory, `${sweep}-0003`, "train/m.json")));
    assert.deepEqual(made, { accuracy: 94.03, lr: 0.5 });
  });
  await t.step("a member that is none, and an experiment that was changed since", async () => {
    const none = await runPod(project, "job.yaml", 3, runs);
    assert.equal(none.code, 2);
    assert.match(none.stderr, /--member must be from 0 to 2, current value is "3"/);
    const other = await project.task("sweep", [
      "--seeds",
      "4",
      "--member",
      "0",
      "--id",
      sweep,
      "--runs",
      runs,
    ]);
    assert.equal(other.code, 2);
    assert.match(other.stderr, /has other members or steps than these/);
  });
  await t.step("--resume collects what ran, runs what did not, and judges", async () => {
    const collected = await project.task("sweep", ["--resume", "--id", sweep, "--runs", runs]);
    assert.equal(collected.code, 1, collected.stderr);
    assert.match(collected.stdout, /1 member of 3/);
    assert.deepEqual(await statuses(), ["done", "failed", "done"]);
    await Deno.remove(project.path("fail-2"));
    const again = await project.task("sweep", ["--retry", "failed", "--runs", runs]);
    assert.equal(again.code, 0, again.stdout); // no member has the declared learning rate
    assert.match(again.stdout, /not applicable/);
    assert.deepEqual(await statuses(), ["done", "done", "done"]);
  });
});

Deno.test("an exported sweep all of whose members have run is collected and judged", async () => {
  await using project = await Project.make(FILES);
  const runs = project.path("volume");
  await project.task("sweep", [
    "--seeds",
    "2",
    "--export",
    "kubernetes",
    "--image",
    IMAGE,
    "--out",
    "job.yaml",
  ]);
  for (const member of [0, 1]) assert.equal((await runPod(project, "job.yaml", member, runs)).code, 0);
  const { code, stdout, stderr } = await project.task("sweep", ["--resume", "--runs", runs]);
  assert.equal(code, 0, stderr + stdout);
  assert.match(stdout, /all 2 members have run/);
  assert.match(stdout, /Reproduced over seeds: 1 of 1 claims hold/);
  assert.equal((await project.task("sweep", ["--show", "--runs", runs])).code, 0);
});

Deno.test("the script for SkyPilot runs all members, one, or goes on", async () => {
  await using project = await Project.make(FILES);
  await project.task("sweep", [
    "--seeds",
    "1,2",
    "--export",
    "skypilot",
    "--image",
    IMAGE,
    "--out",
    "task.yaml",
  ]);
  const { run } = parse(await Deno.readTextFile(project.path("task.yaml")));
  // Stand-ins for the image's runner, and for what only root may do.
  const bin = project.path("bin");
  await Deno.mkdir(bin);
  const program = async (name: string, text: string) => {
    await Deno.writeTextFile(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  };
  await program("gjt", 'for word; do printf "[%s]" "$word"; done');
  await program("chown", "exit 0");
  await program("setpriv", 'while [ "$1" != env ]; do shift; done; exec "$@"');
  const runs = project.path("runs");
  const script = (run as string).replaceAll("/runs", runs).replaceAll("/home/jovyan/work", project.root)
    .replace("/opt/venv/bin", bin);
  const said = async (member: string) => {
    const { stdout, stderr } = await new Deno.Command("sh", {
      args: ["-c", script],
      env: { MEMBER: member, PATH: `${bin}:${Deno.env.get("PATH")}` },
    }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  };
  const sweep = /The sweep (\S+),/.exec(await Deno.readTextFile(project.path("task.yaml")))![1]!;
  const rest = `[--seeds][1,2][--runs][${runs}][--id][${sweep}]`;
  assert.equal(await said(""), `[sweep]${rest}`);
  assert.equal(await said("1"), `[sweep][--member][1]${rest}`);
  await project.write(`runs/test/sweeps/${sweep}/sweep.json`, "{}");
  assert.equal(await said(""), `[sweep][--runs][${runs}][--id][${sweep}][--resume]`);
});

Deno.test("--export refuses what it can't hand over", async (t) => {
  await using project = await Project.make(FILES);
  const cases: [args: string[], message: RegExp][] = [
    [["--seeds", "2", "--export", "kubernetes"], /needs --image NAME@sha256:…, .* there is no --image/],
    [["--seeds", "2", "--export", "kubernetes", "--image", "digits:1"], /current value is "digits:1"/],
    [["--seeds", "2", "--export", "nomad", "--image", IMAGE], /--export must be .*kubernetes.*skypilot/],
    [["--seeds", "2", "--out", "x.yaml"], /--out is for --export/],
    [["--resume", "--export", "kubernetes", "--image", IMAGE], /--export is for a new sweep/],
    [["--seeds", "2", "--member", "0"], /--member needs --id/],
    [["--seeds", "2", "--id", "x"], /--id names a sweep that is there/],
  ];
  for (const [args, message] of cases) {
    await t.step(args.join(" "), async () => {
      const { code, stderr } = await project.task("sweep", args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    });
  }
});
