/** Steps in containers of real engines: what comes out, whose it is, and what is left behind when things go wrong. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { Plan } from "../../tasks/lib/plan/plan.ts";
import { startAhead } from "../../tasks/lib/run/start_ahead.ts";
import {
  call,
  IMAGE,
  makeProject,
  metrics,
  otherUser,
  REPORT,
  ROOT_USER,
  said,
  startAs,
  STUBBORN,
  testEngines,
  type User,
} from "../support/engines.ts";
import { socketPath } from "../support/docker.ts";
import { type Ended, ended, experiment, Project, until } from "../support/project.ts";

const engines = await testEngines();

for (const { name, missing } of engines) {
  if (missing !== undefined) console.log(`ignored: the tests with ${name}, since ${missing}`);
}

const docker = engines[0]!;

const other = engines[1]!;

const podman = engines[2]!;

/** A test with Docker as root. */
function dockerTest(name: string, fn: (t: Deno.TestContext) => Promise<void>) {
  Deno.test({ name, ignore: docker.missing !== undefined, fn });
}

const IN_IMAGE = ["--image", IMAGE];

/** Says that it is at work, and saves when it is interrupted. */
const LONG = `
import sys, time
out = sys.argv[sys.argv.index("--out") + 1]
try:
    print("at work", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    open(out + "/saved", "w").write("yes")
    raise
`;

async function containersOf(run: string): Promise<string> {
  return await said(["docker", "ps", "--all", "--quiet", "--filter", `label=experiment.run=${run}`]);
}

async function isAtWork(project: Project) {
  await until("the step is at work", async () => {
    const run = await project.run().catch(() => undefined);
    return run !== undefined &&
      (await Deno.readTextFile(join(run, "log.txt")).catch(() => "")).includes("at work");
  });
}

/** Starts the step "train", and does something once it is at work; tells how long the end took from there. */
async function duringTrain(
  project: Project,
  act: (child: Deno.ChildProcess) => Promise<void> | void,
  args: string[] = [],
  env: Record<string, string> = {},
): Promise<Ended & { seconds: number }> {
  const child = project.start("train", ["--engine", "docker", ...IN_IMAGE, ...args], env);
  const output = ended(child);
  await isAtWork(project);
  const begin = performance.now();
  await act(child);
  return { ...await output, seconds: (performance.now() - begin) / 1000 };
}

/** A plan as `--plan` shows it, with a run folder that is there. */
async function planOf(project: Project, program: string): Promise<Plan> {
  const { stdout } = await project.task("train", ["--engine", program, ...IN_IMAGE, "--plan", "--json"]);
  const plan: Plan = JSON.parse(stdout);
  await Deno.mkdir(plan.directory, { recursive: true });
  return plan;
}

for (const { name, program, missing, user } of [docker, podman]) {
  Deno.test({
    name:
      `${name}: a step that has started before its turn waits, and leaves nothing if its turn never comes`,
    ignore: missing !== undefined,
    async fn() {
      await using project = await makeProject(REPORT, user);
      const plan = await planOf(project, program);
      await using ahead = await startAhead(plan);
      const running = () =>
        said([program, "ps", "--all", "--quiet", "--filter", `label=experiment.run=${plan.run}`]);
      await until("the container is there", async () => await running() !== "");
      await ahead![Symbol.asyncDispose]();
      assert.equal(await running(), "");
      assert.deepEqual(await Array.fromAsync(Deno.readDir(join(plan.directory, "train"))), []);
    },
  });
}

for (const { name, program, missing, user } of engines) {
  Deno.test({
    name: `${name}: a step runs as the calling user, its files are the user's, and no container is left`,
    ignore: missing !== undefined,
    async fn() {
      await using project = await makeProject(REPORT, user);
      const env = { OMP_NUM_THREADS: "1", SECRET: "not for containers" };
      const child = startAs(user, project, "train", ["--engine", program, ...IN_IMAGE], env);
      const { code, stderr } = await ended(child);
      assert.equal(code, 0, stderr);
      const { uid, gid, cwd, home, threads, secret } = await metrics(project);
      assert.deepEqual([uid, gid, cwd, home], [user.uid, user.gid, project.root, true]);
      assert.deepEqual([threads, secret], ["1", null]);
      const written = await Deno.stat(join(await project.run(), "train/metrics.json"));
      assert.deepEqual([written.uid, written.gid], [user.uid, user.gid]);
      const evidence = await project.evidence();
      assert.equal(evidence.engine.name, program);
      assert.match(evidence.engine.version, /^\d+\.\d+/);
      const { id } = evidence.attempts[0].environment.image;
      const found = JSON.parse(await said(user.as([program, "image", "inspect", IMAGE]), user.env))[0].Id;
      assert.equal(id.replace("sha256:", ""), found.replace("sha256:", ""));
      const left = await said(user.as([program, "ps", "--all", "--quiet"]), user.env);
      assert.ok(!left.includes(evidence.run));
      if (program === "docker") assert.equal(await containersOf(evidence.run), "");
    },
  });
}

dockerTest("a user whose id the image has already is that user in the container", async () => {
  const group = (await Deno.stat(socketPath())).gid!;
  const daemon = await otherUser([group], { uid: 1, gid: 1 });
  await using project = await makeProject(REPORT, daemon);
  const { code, stderr } = await ended(
    startAs(daemon, project, "train", ["--engine", "docker", ...IN_IMAGE]),
  );
  assert.equal(code, 0, stderr);
  assert.equal((await metrics(project)).uid, 1);
});

dockerTest("--network none and experiment.yaml's network: none leave only the loopback", async (t) => {
  const inYaml = experiment("environment: { network: none }\n");
  for (const [yaml, args] of [[experiment(), ["--network", "none"]], [inYaml, []]] as const) {
    await t.step(args.join(" ") || "in experiment.yaml", async () => {
      await using project = await makeProject(REPORT, ROOT_USER, yaml);
      const { code, stderr } = await project.task("train", ["--engine", "docker", ...IN_IMAGE, ...args]);
      assert.equal(code, 0, stderr);
      assert.deepEqual((await metrics(project)).networks, ["lo"]);
    });
  }
});

dockerTest("a project in a folder with spaces, quotes, colons and commas runs", async () => {
  await using parent = await Project.make({});
  const folder = parent.path(`a 'b' "c": d,e`);
  await parent.write(`${folder.slice(parent.root.length + 1)}/experiment.yaml`, experiment());
  await Deno.writeTextFile(join(folder, "train.py"), REPORT);
  for (const program of ["docker", ...engines[2]!.missing === undefined ? ["podman"] : []]) {
    const args = [join(folder, "experiment.yaml"), "--engine", program, ...IN_IMAGE];
    const { code, stderr } = await parent.task("train", args);
    assert.equal(code, 0, stderr);
  }
});

dockerTest("a folder that the engine can't be told is refused before anything runs", async () => {
  await using parent = await Project.make({});
  await parent.write("two\nlines/experiment.yaml", experiment());
  const args = [parent.path("two\nlines/experiment.yaml"), "--engine", "docker", ...IN_IMAGE, "--plan"];
  const { code, stderr } = await parent.task("train", args);
  assert.equal(code, 2);
  assert.match(stderr, /Cannot mount [^]*: docker takes no "\\n" in a path/);
});

dockerTest("--mount lets a step read a folder, and nothing else than it", async () => {
  await using data = await Project.make({ "one.txt": "1" });
  const read = `import os, sys\nprint("found", os.listdir(sys.argv[-1]))\nopen(sys.argv[-1] + "/new", "w")`;
  await using project = await makeProject(read);
  const args = ["--engine", "docker", ...IN_IMAGE, "--mount", data.root, "--", data.root];
  const { code, stdout } = await project.task("train", args);
  assert.equal(code, 1);
  assert.match(stdout, /found \['one\.txt'\]/);
  assert.match(stdout, /Read-only file system/);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  dockerTest(`${signal} lets the step save, and the container is gone within 10 s`, async () => {
    await using project = await makeProject(LONG);
    const { code, stdout, seconds } = await duringTrain(project, async () => {
      Deno.kill((await project.evidence()).attempts.at(-1).pid, signal);
    });
    assert.equal(code, 130);
    assert.ok(seconds < 20, `${seconds} s`); // ten where nothing else runs
    assert.match(stdout, /--resume goes on with it/);
    const evidence = await project.evidence();
    assert.equal(evidence.steps.train.problem, `stopped by ${signal}`);
    assert.equal(await Deno.readTextFile(join(await project.run(), "train/saved")), "yes");
    assert.equal(await containersOf(evidence.run), "");
  });
}

dockerTest("a step that ignores ^C is ended within 10 s, and its container with it", async () => {
  await using project = await makeProject(STUBBORN);
  const { code, seconds } = await duringTrain(project, async () => {
    Deno.kill((await project.evidence()).attempts.at(-1).pid, "SIGINT");
  });
  assert.equal(code, 130);
  assert.ok(seconds < 20, `${seconds} s`); // ten where nothing else runs
  assert.equal(await containersOf((await project.evidence()).run), "");
});

dockerTest(
  "kill -9 of the runner leaves a container that the next run finds, reports and removes",
  async () => {
    await using project = await makeProject(LONG);
    await duringTrain(project, async () => {
      Deno.kill((await project.evidence()).attempts.at(-1).pid, "SIGKILL");
    });
    const { run } = await project.evidence();
    assert.notEqual(await containersOf(run), "", "it outlives its runner");
    await project.write("train.py", REPORT);
    const { code, stderr } = await project.task("train", ["--engine", "docker", ...IN_IMAGE]);
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      new RegExp(`${run} was killed: recorded as interrupted[^]*The container that ${run} left is removed`),
    );
    assert.equal(await containersOf(run), "");
  },
);

dockerTest("a container that somebody else removes fails its step, and the record says so", async () => {
  await using project = await makeProject(LONG);
  const { code } = await duringTrain(project, async () => {
    await said(["docker", "rm", "--force", await containersOf((await project.evidence()).run)]);
  });
  assert.equal(code, 1);
  assert.match((await project.evidence()).steps.train.problem, /container was removed by somebody else/);
});

dockerTest("a step that reaches its memory limit is reported as out of memory, with the limit", async () => {
  await using project = await makeProject(`b"x" * 500_000_000`);
  const { code, stdout } = await project.task("train", [
    "--engine",
    "docker",
    ...IN_IMAGE,
    "--memory",
    "64m",
  ]);
  assert.equal(code, 1);
  assert.match(stdout, /out of memory: it reached the limit of 64m/);
  assert.equal((await project.evidence()).steps.train.exitCode, 137);
});

/** Passes on what a client and the engine say to each other, until it is killed: then the engine seems to have died. */
const DOOR = `
import socket, sys, threading
def pump(a, b):
    while data := a.recv(65536):
        b.sendall(data)
    b.shutdown(socket.SHUT_WR)
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print("open", flush=True)
while True:
    client = server.accept()[0]
    engine = socket.socket(socket.AF_UNIX)
    engine.connect(${JSON.stringify(socketPath())})
    for pair in ((client, engine), (engine, client)):
        threading.Thread(target=pump, args=pair, daemon=True).start()
`;

dockerTest(
  "an engine that goes away while a step runs fails it; the next run removes what is left",
  async () => {
    await using project = await makeProject(LONG);
    const socket = project.path("docker.sock");
    const door = new Deno.Command("python3", { args: ["-c", DOOR, socket], stdout: "piped" }).spawn();
    await door.stdout.getReader().read();
    const { code } = await duringTrain(project, () => door.kill("SIGKILL"), [], {
      DOCKER_HOST: `unix://${socket}`,
    });
    await door.status;
    assert.equal(code, 1);
    const { run, steps } = await project.evidence();
    assert.match(steps.train.problem, /docker did not answer any more: [^]*its container may still be there/);
    assert.notEqual(await containersOf(run), "");
    await project.write("train.py", REPORT);
    const next = await project.task("train", ["--engine", "docker", ...IN_IMAGE]);
    assert.match(next.stderr, new RegExp(`The container that ${run} left is removed`));
    assert.equal(await containersOf(run), "");
  },
);

dockerTest("what is not there is exit code 3, with a remedy and nothing begun", async (t) => {
  const nobody = await otherUser([]);
  const cases: [name: string, args: string[], env: Record<string, string>, message: RegExp, user?: User][] = [
    [
      "no engine answers",
      ["--engine", "docker", ...IN_IMAGE],
      { DOCKER_HOST: "unix:///nowhere/docker.sock" },
      /no engine answers [^]*Start it/,
    ],
    ["no right to the socket", ["--engine", "docker", ...IN_IMAGE], {}, /may not talk to the engine/, nobody],
    ["the experiment's image", ["--engine", "docker"], {}, /no image of that name[^]*deno task build --cpu/],
    ["another image", ["--image", "nobody/nothing:1"], {}, /nobody\/nothing:1[^]*--yes to get it first/],
    [
      "an image whose registry is out of reach",
      ["--image", "localhost:1/nobody/nothing:1", "--yes"],
      {},
      /Cannot get the image [^]*connection refused/,
    ],
    ["a program that is not installed", ["--engine", "nerdctl"], {}, /no program nerdctl on PATH/],
    ["a GPU", ["--engine", "docker", ...IN_IMAGE, "--gpus", "all"], {}, /demands a GPU[^]*what to do/],
    [
      "python in the image",
      ["--image", "debian:bookworm-slim"],
      {},
      /no python on its PATH[^]*deno task build/,
    ],
  ];
  for (const [name, args, env, message, user = ROOT_USER] of cases) {
    await t.step(name, async () => {
      await using project = await makeProject(REPORT, user);
      const { code, stderr } = await ended(startAs(user, project, "train", args, env));
      assert.equal(code, 3, stderr);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /at file:/);
    });
  }
});

dockerTest("a GPU that the engine has no access to is exit code 3, and the toolkit is named", async () => {
  // There is no GPU here, so a program of that name says that there is one; the engine's own refusal is real.
  await using project = await makeProject(REPORT);
  await project.write("bin/nvidia-smi", "#!/bin/sh\necho 'NVIDIA H100, 81559, 575.57.08, GPU-1'\n");
  await Deno.chmod(project.path("bin/nvidia-smi"), 0o755);
  const env = { PATH: `${project.path("bin")}:${Deno.env.get("PATH")}` };
  const args = ["--engine", "docker", ...IN_IMAGE, "--gpus", "all"];
  const { code, stderr } = await project.task("train", args, env);
  assert.equal(code, 3, stderr);
  assert.match(
    stderr,
    /no access to NVIDIA GPUs[^]*could not select device driver[^]*Install the NVIDIA Container Toolkit/,
  );
  const { run } = await project.evidence();
  assert.equal(await containersOf(run), "");
});

dockerTest("limits that nothing would enforce are refused", async () => {
  await using project = await makeProject(REPORT);
  for (const args of [["--memory", "1g"], ["--network", "none"], ["--cpus", "2"], ["--mount", "/tmp"]]) {
    const { code, stderr } = await project.task("train", ["--engine", "host", ...args]);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`${args[0]} needs a container engine`));
  }
});

dockerTest("a run folder that the user may not write to is said before a container starts", async () => {
  await using project = await makeProject(REPORT, other.user);
  await using locked = await Project.make({});
  const args = ["--engine", "docker", ...IN_IMAGE, "--runs", locked.root];
  const { code, stderr } = await ended(startAs(other.user, project, "train", args));
  assert.equal(code, 3, stderr);
  assert.match(stderr, /Permission denied[^]*--runs DIR/);
});

dockerTest("a disk that fills up in the run folder fails the step, and what was there stays", async () => {
  await using project = await makeProject(`
import sys
out = sys.argv[sys.argv.index("--out") + 1]
with open(out + "/big", "wb") as file:
    for _ in range(40):
        file.write(b"x" * 100_000)
`);
  const runs = project.path("small");
  await Deno.mkdir(runs);
  const mounted = await call(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", runs]);
  if (mounted.code !== 0) {
    return console.log(`not tested: mounting is not allowed here (${mounted.stderr.trim()})`);
  }
  try {
    const { code, stdout, stderr } = await project.task("train", [
      ...["--engine", "docker", ...IN_IMAGE, "--runs", runs],
    ]);
    assert.ok(code === 1 || code === 3, `${code}`);
    assert.match(stdout + stderr, /No space left/);
  } finally {
    await said(["umount", runs]);
  }
});

dockerTest("auto takes a container engine only where it has the experiment's image", async () => {
  await using project = await makeProject(
    REPORT,
    ROOT_USER,
    experiment().replace("name: test", "name: auto-test"),
  );
  const engine = async () => JSON.parse((await project.task("train", ["--plan", "--json"])).stdout).engine;
  assert.equal((await engine()).name, "host");
  await said(["docker", "tag", IMAGE, "auto-test:cpu"]);
  try {
    assert.deepEqual([(await engine()).name, (await engine()).because], [
      "docker",
      "it has the image auto-test:cpu",
    ]);
  } finally {
    await said(["docker", "rmi", "auto-test:cpu"]);
  }
});

dockerTest(
  "auto keeps the engine of the run before until --engine says otherwise, and a change is said",
  async () => {
    const text = experiment().replace("name: test", "name: kept-test");
    await using project = await makeProject(REPORT, ROOT_USER, text);
    const train = async (...args: string[]) => {
      const { code, stderr } = await project.task("train", args);
      assert.equal(code, 0, stderr);
      const { engine } = await project.evidence("kept-test");
      return {
        engine: engine.name,
        because: engine.because,
        change: /^The engine has changed: .*$/m.exec(stderr)?.[0],
      };
    };
    const first = await train();
    assert.deepEqual([first.engine, first.change], ["host", undefined]);
    await said(["docker", "tag", IMAGE, "kept-test:cpu"]);
    try {
      const kept = await train();
      assert.deepEqual([kept.engine, kept.change], ["host", undefined]);
      assert.match(kept.because, /^as in \d{8}T\d{6}Z-\w+; --engine chooses another$/);
      const asked = await train("--engine", "docker");
      assert.match(asked.change!, /^The engine has changed: \S+ ran in host, this runs in docker$/);
      const again = await train();
      assert.deepEqual([again.engine, again.change], ["docker", undefined]);
    } finally {
      await said(["docker", "rmi", "kept-test:cpu"]);
    }
    const back = await train();
    assert.equal(back.engine, "host");
    assert.match(
      back.change!,
      /ran in docker, this runs in host; that can't be used now: Cannot run in kept-test:cpu/,
    );
  },
);

dockerTest("an image's start script is left out of a step, and the record names it", async () => {
  const name = "start-script-test:1";
  await using project = await makeProject(REPORT);
  await project.write("image/Dockerfile", `FROM ${IMAGE}\nENTRYPOINT ["tini", "-g", "--", "start.sh"]\n`);
  await said(["docker", "build", "--quiet", "--tag", name, project.path("image")]);
  try {
    const { code, stderr } = await project.task("train", ["--engine", "docker", "--image", name]);
    assert.equal(code, 0, stderr);
    assert.equal((await project.evidence()).attempts[0].environment.image.startScript, "start.sh");
  } finally {
    await said(["docker", "rmi", name]);
  }
});

dockerTest("--resume goes on in the same image, and --reuse copies what it made", async () => {
  const resumable = experiment("    resume: [--resume]\n    produces: [metrics.json]\n");
  const train = `import sys\nif "--resume" not in sys.argv:\n${LONG.replace(/^/gm, "    ")}\n${REPORT}`;
  await using project = await makeProject(train, ROOT_USER, resumable);
  await duringTrain(project, async () => Deno.kill((await project.evidence()).attempts.at(-1).pid, "SIGINT"));
  const resumed = await project.task("train", ["--resume"]);
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.ok((await metrics(project)).arguments.includes("--resume"));
  assert.equal((await project.evidence()).attempts.length, 2);
  const reused = await project.task("train", ["--engine", "docker", ...IN_IMAGE, "--reuse"]);
  assert.equal(reused.code, 0, reused.stderr);
  assert.equal((await project.evidence()).steps.train.status, "reused");
});
