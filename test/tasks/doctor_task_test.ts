import assert from "node:assert/strict";
import { join } from "node:path";
import type { Finding } from "../../tasks/lib/doctor/findings.ts";
import { JUPYTER_PORT } from "../../tasks/lib/doctor/machine.ts";
import { isOnPath } from "../../tasks/lib/system/on_path.ts";
import { call, otherUser, startAs } from "../support/users.ts";
import { type Ended, ended, experiment, Project, ROOT } from "../support/project.ts";

type Topical = Finding & { topic: string };

/** Whether a program is here and says that all is well. */
async function works(...argv: string[]): Promise<boolean> {
  return await call(argv).then(({ code }) => code === 0, () => false);
}

const gpu = await works("nvidia-smi", "-L");

const docker = await works("docker", "--version");

if (gpu) console.log("ignored: doctor where there is no GPU, since there is one");

if (!docker) {
  console.log("ignored: doctor with a Docker Engine out of reach, since there is no docker client");
}

const asAnother = docker && Deno.uid() === 0 && await works("docker", "info");

if (docker && !asAnother) {
  console.log(
    "ignored: doctor for a user without rights to Docker, since no engine answers or this is not root",
  );
}

function findings({ stdout, stderr }: Ended): Topical[] {
  const { findings } = JSON.parse(stdout);
  assert.ok(Array.isArray(findings), stderr);
  return findings;
}

function find(all: Topical[], pattern: RegExp): Topical {
  const found = all.find(({ message }) => pattern.test(message));
  assert.ok(found, `${pattern} is in none of ${all.map(({ message }) => message).join("\n")}`);
  return found;
}

Deno.test("doctor --json prints the findings about this machine within seconds", async () => {
  await using project = await Project.make({ "experiment.yaml": experiment() });
  const started = performance.now();
  const said = await project.task("doctor", ["--json"]);
  const seconds = (performance.now() - started) / 1000;
  assert.equal(said.code, 0, said.stderr);
  const all = findings(said);
  assert.deepEqual([...new Set(all.map(({ topic }) => topic))], ["Programs", "Engines", "GPU", "Machine"]);
  for (const { severity, message, remedy } of all) {
    assert.equal(severity === "ok", remedy === undefined, message);
    assert.doesNotMatch(message, /undefined|NaN|\[object/);
  }
  assert.equal(find(all, /^Deno /).message, `Deno ${Deno.version.deno}`);
  assert.match(find(all, /^Python 3\.\d+/).severity, /ok|warning/);
  find(all, /free for runs in/);
  assert.ok(seconds < 30, `${seconds} s`);
});

Deno.test("doctor speaks to a person in groups, with a remedy under what is amiss and a last line that sums up", async () => {
  await using project = await Project.make({ "experiment.yaml": experiment() });
  const { code, stdout, stderr } = await project.task("doctor");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Programs\n {2}ok {7}Deno /);
  assert.match(stdout, /\nEngines\n[\s\S]*\nGPU\n[\s\S]*\nMachine\n/);
  assert.match(stdout, /\ntest can run here.*\n$/);
  assert.ok(stdout.split("\n").every((line) => line.length <= 110));
});

Deno.test("doctor needs no experiment.yaml", async () => {
  await using project = await Project.make({});
  const { code, stdout, stderr } = await project.task("doctor");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /An experiment can run here/);
});

Deno.test("doctor refuses an experiment that is not there, or that has mistakes", async () => {
  await using project = await Project.make({ "experiment.yaml": experiment("surprise: 1\n") });
  assert.equal((await project.task("doctor")).code, 2);
  assert.equal((await project.task("doctor", ["nowhere"])).code, 2);
});

Deno.test({
  name: "doctor ends with exit code 3 where the experiment demands a GPU and there is none",
  ignore: gpu,
  fn: async () => {
    await using project = await Project.make({
      "experiment.yaml": experiment("environment: { gpus: all }\n"),
    });
    const said = await project.task("doctor", ["--json"]);
    assert.equal(said.code, 3, said.stderr);
    const found = find(findings(said), /demands a GPU/);
    assert.equal(found.severity, "blocker");
    assert.match(found.remedy ?? "", /driver/);
    assert.equal(JSON.parse(said.stdout).blocks, true);
  },
});

Deno.test("doctor asks an old driver again without the compute capability (a fake nvidia-smi, since no such driver is here)", async () => {
  const outputs = join(ROOT, "test/fixtures/doctor/outputs");
  await using project = await Project.make({
    "experiment.yaml": experiment("environment: { gpus: 1 }\n"),
    "bin/nvidia-smi": `#!/bin/sh
case "$*" in
*compute_cap*) cat '${outputs}/smi_470_no_compute_cap.txt'; exit 2 ;;
*) cat '${outputs}/smi_gtx1080_470_old_query.csv' ;;
esac
`,
  });
  await Deno.chmod(project.path("bin/nvidia-smi"), 0o755);
  const said = await project.task("doctor", ["--json"], {
    PATH: `${project.path("bin")}:${Deno.env.get("PATH")}`,
  });
  assert.equal(said.code, 3, said.stderr);
  const all = findings(said);
  assert.equal(find(all, /GTX 1080 Ti, driver 470\.256\.02/).severity, "ok");
  const misfit = find(all, /can't use this GPU/);
  assert.equal(misfit.severity, "blocker");
  assert.match(misfit.remedy ?? "", /gpu-jupyter:v1\.6_cuda-11\.8/);
});

Deno.test({
  name: "doctor says that the Docker Engine is down, and how to start it",
  ignore: !docker,
  fn: async () => {
    await using project = await Project.make({
      "experiment.yaml": experiment("environment: { engine: docker }\n"),
    });
    const said = await project.task("doctor", ["--json"], {
      DOCKER_HOST: `unix://${project.path("no.sock")}`,
    });
    assert.equal(said.code, 3, said.stderr);
    const all = findings(said);
    assert.match(find(all, /no engine answers/).remedy ?? "", /systemctl start docker/);
    assert.equal(find(all, /asks for the engine docker/).severity, "blocker");
  },
});

Deno.test({
  name: "doctor says that a user may not talk to the Docker Engine, and of what group to be",
  ignore: !asAnother,
  fn: async () => {
    await using project = await Project.make({ "experiment.yaml": experiment() });
    await Deno.chmod(project.root, 0o755);
    const said = await ended(startAs(await otherUser([]), project, "doctor", ["--json"]));
    const found = find(findings(said), /this user may not talk to the engine/);
    assert.equal(found.severity, "warning");
    assert.match(found.remedy ?? "", /usermod -aG docker/);
  },
});

Deno.test({
  name: "doctor does not hang with a Docker Engine that never answers",
  ignore: !docker,
  fn: async () => {
    await using project = await Project.make({ "experiment.yaml": experiment() });
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepted: Deno.Conn[] = [];
    const accepting = (async () => {
      for await (const connection of listener) accepted.push(connection);
    })();
    const started = performance.now();
    const said = await project.task("doctor", ["--json"], {
      DOCKER_HOST: `tcp://127.0.0.1:${listener.addr.port}`,
    });
    const seconds = (performance.now() - started) / 1000;
    assert.equal(said.code, 0, said.stderr);
    assert.equal(find(findings(said), /^Docker did not answer within 5 s/).severity, "warning");
    assert.ok(accepted.length > 0 && seconds < 10, `${accepted.length} connections, ${seconds} s`);
    listener.close();
    await accepting;
    accepted.forEach((connection) => connection.close());
  },
});

Deno.test("doctor says that another program has taken JupyterLab's port", async () => {
  await using project = await Project.make({ "experiment.yaml": experiment() });
  let listener: Deno.Listener | undefined;
  try {
    listener = Deno.listen({ hostname: "127.0.0.1", port: JUPYTER_PORT });
  } catch (error) {
    // Somebody else has it already, which serves as well.
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
  }
  try {
    const found = find(
      findings(await project.task("doctor", ["--json"])),
      /^Port 8888 is taken: another program listens there$/,
    );
    assert.equal(found.severity, "note");
    assert.match(found.remedy ?? "", /--port 8889/);
  } finally {
    listener?.close();
  }
});

Deno.test("doctor looks at whatever the environment is made from, in anybody's project", async (t) => {
  const asking = '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.99"\n';
  const cases: [requirements: string, files: Record<string, string>, says: RegExp][] = [
    ["pixi.toml", { "pixi.toml": "" }, /pixi\.toml can't be read: pixi is not on PATH/],
    [
      "[a.txt, pyproject.toml]",
      { "a.txt": "", "pyproject.toml": asking },
      /Cannot find Python 3\.99 or newer/,
    ],
    ["uv.lock", { "uv.lock": 'requires-python = ">=3.99"\n' }, /Cannot find Python 3\.99 or newer/],
    ["nothing.txt", {}, /Cannot find \S+nothing\.txt, which the experiment requires/],
  ];
  for (const [requirements, files, says] of cases) {
    const ignore = requirements === "pixi.toml" && isOnPath("pixi");
    const fn = async () => {
      const environment = `environment: { requirements: ${requirements}, engine: host }\n`;
      await using project = await Project.make({ "experiment.yaml": experiment(environment), ...files });
      const { code, stdout } = await project.task("doctor", ["--json"], { PYTHON: "" });
      assert.equal(code, 3, stdout);
      const messages = JSON.parse(stdout).findings.filter(({ severity }: { severity: string }) =>
        severity === "blocker"
      ).map(({ message }: { message: string }) => message);
      assert.match(messages.join("\n"), says);
    };
    await t.step({ name: requirements, ignore, fn });
  }
});
